package torch

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The classes and functions that exported files are made of: sources are those of architectures and fusion functions, wrappers put
// them together as a model, and use loads it, applies it and tests it.
var (
	sources  = libraryOf("mlp", "encoding")
	wrappers = libraryOf("names", "masked", "classifier", "multimodal", "multimodal_masked", "ensemble")
	use      = libraryOf("input", "use", "self_test")
)

func libraryOf(files ...string) (l library) {
	for _, name := range files {
		l.add(parse("mixmas", source(name)))
	}
	return l
}

// library is a list of classes and functions, in the order in which files have them.
type library struct{ chunks []chunk }

// chunk is a class or function at the top level of a source.
type chunk struct {
	name, text string
	from       string // who added it
	imports    []string
}

var (
	definition = regexp.MustCompile(`^(?:class|def|async def) (\w+)`)
	// constants are what files define besides.
	constants = []string{"build", "NAME", "WEIGHTS", "DIGEST", "CLASSES", "THRESHOLDS", "INPUTS", "EXPECTED"}
	gap       = regexp.MustCompile(`\n{3,}`) // where a method was left out
	word      = regexp.MustCompile(`\w+`)
	// mute are the parts of Python code that name nothing: comments, and strings that are not formatted.
	mute = regexp.MustCompile(`"""(?s:.*?)"""|f?"(?:\\.|[^"\\\n])*"|f?'(?:\\.|[^'\\\n])*'|#.*`)
)

// parse returns the classes and functions of a Python source. It panics if code is outside of them.
func parse(from, source string) (list []chunk) {
	checkConditions(source)
	var imports, head []string // head are decorators and comments before a definition
	for line := range strings.Lines(source) {
		line = strings.TrimRight(line, "\r\n")
		top := line != "" && line[0] != ' ' && line[0] != '\t' && line[0] != ')'
		var m []string
		if top {
			m = definition.FindStringSubmatch(line)
		}
		switch {
		case strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "from "):
			imports = append(imports, line)
		case m != nil:
			list = append(list, chunk{name: m[1], from: from, text: strings.Join(append(head, line), "\n")})
			head = nil
		case top && (line[0] == '@' || line[0] == '#'):
			head = append(head, line)
		case len(list) > 0 && !top:
			list[len(list)-1].text += "\n" + line
		case line != "":
			panic(fmt.Sprintf("the PyTorch form of %s has code outside of classes and functions: %s", from, line))
		}
	}
	for i := range list {
		list[i].text, list[i].imports = strings.TrimRight(list[i].text, "\n "), imports
	}
	return list
}

// add adds what parse returned. It panics if another source defines one of the names.
func (l *library) add(list []chunk) {
	for _, c := range list {
		if i := slices.IndexFunc(l.chunks, func(other chunk) bool { return other.name == c.name && other.from != c.from }); i >= 0 {
			panic(fmt.Sprintf("the PyTorch forms of %s and %s both define %s", l.chunks[i].from, c.from, c.name))
		}
	}
	l.chunks = append(l.chunks, list...)
}

// has reports whether the library defines a name.
func (l *library) has(name string) bool {
	return slices.ContainsFunc(l.chunks, func(c chunk) bool { return c.name == name })
}

// needed returns the classes and functions that a text needs, directly or not, in the order of the library, with the lines whose
// conditions hold.
func (l *library) needed(text string, holds conditions) []chunk {
	var usable []chunk
	for _, c := range l.chunks {
		c.text = strings.TrimRight(gap.ReplaceAllString(holds.apply(c.text), "\n\n"), "\n")
		if c.text != "" && definition.MatchString(strings.TrimLeft(afterDecorators(c.text), "\n")) {
			usable = append(usable, c)
		}
	}
	used := map[string]bool{}
	for queue := []string{text}; len(queue) > 0; queue = queue[1:] {
		for _, name := range names(queue[0]) {
			if used[name] {
				continue
			}
			used[name] = true
			for _, c := range usable {
				if c.name == name {
					queue = append(queue, c.text)
				}
			}
		}
	}
	return slices.DeleteFunc(usable, func(c chunk) bool { return !used[c.name] })
}

func afterDecorators(text string) string {
	for strings.HasPrefix(text, "@") || strings.HasPrefix(text, "#") {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}

// names lists the words of Python code outside of comments and strings.
func names(code string) []string {
	return word.FindAllString(mute.ReplaceAllStringFunc(code, func(s string) string {
		if s[0] == 'f' {
			return s
		}
		return " "
	}), -1)
}

// binds returns the name that an import defines.
func binds(line string) string {
	all := word.FindAllString(line, -1)
	return all[len(all)-1]
}

// imports lists the imports that the code needs of those that its chunks have, the standard library's first.
func imports(chunks []chunk, code string) string {
	used := map[string]bool{}
	for _, name := range names(code) {
		used[name] = true
	}
	var standard, others []string
	for _, c := range chunks {
		for _, line := range c.imports {
			group := &standard
			if strings.Contains(line, "torch") || strings.Contains(line, "numpy") {
				group = &others
			}
			if used[binds(line)] && !slices.Contains(*group, line) {
				*group = append(*group, line)
			}
		}
	}
	slices.SortFunc(standard, compareImports)
	slices.SortFunc(others, compareImports)
	return strings.Join(standard, "\n") + "\n\n" + strings.Join(others, "\n")
}

// compareImports puts "import x" before "from x import y".
func compareImports(a, b string) int {
	if from := strings.HasPrefix(a, "from "); from != strings.HasPrefix(b, "from ") {
		if from {
			return 1
		}
		return -1
	}
	return strings.Compare(a, b)
}
