package records

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"mixmas/nn/options"
	"mixmas/nn/registry"
	"mixmas/search/dataset"
	"mixmas/search/dataset/split"
)

// Check implements [dataset.Checker]. It opens no files.
func (o *Options) Check() error {
	if len(o.Modalities) == 0 {
		return options.Errorf("modalities", "there are none: list at least one, such as {name: numbers, kind: table, columns: all}")
	}
	if o.Delimiter != "" && o.Delimiter != "tab" && utf8.RuneCountInString(o.Delimiter) != 1 {
		return options.Errorf("delimiter", "want one character, or tab, got %q", o.Delimiter)
	}
	if err := oneOf("unlabelled", o.Unlabelled, "error", "drop"); err != nil {
		return err
	}
	if err := oneOf("unknown", o.Unknown, "error", "ignore"); err != nil {
		return err
	}
	if len(o.Path) == 0 && len(o.Validation)+len(o.Test) > 0 {
		return options.Errorf("path", "is missing, but validation or test files are named")
	}
	if err := checkPaths("", o.Path, o.Validation, o.Test); err != nil {
		return err
	}
	if err := o.checkClasses(); err != nil {
		return err
	}
	if err := o.Labels.check(o); err != nil {
		return err
	}
	if err := o.Split.check(o); err != nil {
		return err
	}
	if o.Group != "" && o.Split.Group != "" {
		return options.Errorf("group", "split.group names the groups already: want one of the two")
	}
	if o.Group != "" && len(o.Path) == 0 {
		return options.Errorf("group", "needs a table: without a path at the top there is no column")
	}
	seen := map[string]bool{}
	for i := range o.Modalities {
		m, field := &o.Modalities[i], fmt.Sprintf("modalities[%d]", i)
		if m.Name == "" {
			return options.Errorf(field, "the modality has no name")
		}
		if seen[m.Name] {
			return options.Errorf(field+".name", "%s is named twice", m.Name)
		}
		seen[m.Name] = true
		if err := m.check(field, o); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) checkClasses() error {
	if len(o.Classes) == 1 && !o.Labels.many() {
		return options.Errorf("classes", "there is only one, want at least 2")
	}
	named := make(map[string]bool, len(o.Classes))
	for i, class := range o.Classes {
		if strings.TrimSpace(class) == "" {
			return options.Errorf(fmt.Sprintf("classes[%d]", i), "the class has no name")
		}
		if named[class] {
			return options.Errorf(fmt.Sprintf("classes[%d]", i), "%q is named twice", class)
		}
		named[class] = true
	}
	return nil
}

// oneOf returns an error if a word is given and is none of some words.
func oneOf(field, word string, words ...string) error {
	if word == "" || slices.Contains(words, word) {
		return nil
	}
	return options.Errorf(field, "want one of %s, got %q%s", strings.Join(words, ", "), word, registry.Suggestion(word, words))
}

// checkPaths returns an error for an empty path, or one that is named for two splits.
func checkPaths(field string, lists ...options.Words) error {
	names := [...]string{"path", "validation", "test"}
	if field != "" {
		field += "."
	}
	first := map[string]string{}
	for i, list := range lists {
		for _, path := range list {
			if path == "" {
				return options.Errorf(field+names[i], "is empty")
			}
			if other, twice := first[path]; twice {
				return options.Errorf(field+names[i], "%s is named in %s too: the same rows would be used twice", path, other)
			}
			first[path] = names[i]
		}
	}
	return nil
}

// many reports whether a row may have several labels.
func (l *Labels) many() bool { return len(l.Columns) > 0 || l.Separator != "" }

func (l *Labels) check(o *Options) error {
	if err := checkPaths("labels", l.Path, l.Validation, l.Test); err != nil {
		return err
	}
	switch {
	case l.Column == "" && len(l.Columns) == 0 && len(l.Path) == 0 && len(o.Path) == 0:
		return options.Errorf("labels", "is missing: name a column, or a file of labels with path")
	case l.Column != "" && len(l.Columns) > 0:
		return options.Errorf("labels", "want either column or columns")
	case l.Separator != "" && l.Column == "":
		return options.Errorf("labels.separator", "needs a column")
	case len(o.Path) == 0 && len(l.Path) == 0:
		return options.Errorf("labels.path", "is missing: without a path at the top, the labels need a file of their own")
	}
	return checkOwn("labels", o, l.Path, l.Validation, l.Test, l.Key)
}

// checkOwn checks the files that a modality or the labels have of their own against those of the data set.
func checkOwn(field string, o *Options, path, validation, test options.Words, key string) error {
	switch {
	case key != "" && len(path) == 0:
		return options.Errorf(field+".key", "needs a path: key joins a file of its own with the rows")
	case key != "" && len(o.Path) == 0:
		return options.Errorf(field+".key", "needs a path at the top, whose rows it is joined with")
	case len(path) == 0 && len(validation)+len(test) > 0:
		return options.Errorf(field+".path", "is missing, but validation or test files are named")
	case key != "" && len(validation)+len(test) > 0:
		return options.Errorf(field+".validation", "key joins the rows of all splits: list all files in path")
	}
	return nil
}

func (s *Split) check(o *Options) error {
	own := s.options()
	err, wrong := own.Check(), new(options.Error)
	switch {
	case errors.As(err, &wrong):
		return options.Errorf("split."+wrong.Field, "%s", wrong.Text)
	case err != nil:
		return options.Errorf("split", "%v", err)
	case len(s.Path) == 0 && len(o.Path) == 0 && (s.Column != "" || s.Group != ""):
		return options.Errorf("split.path", "is missing: without a path at the top, the column needs a file of its own")
	}
	return checkPaths("split", s.Path)
}

// options are the options for package split. A file of its own has the column "#1" unless another one is named.
func (s *Split) options() split.Options {
	own := s.Options
	if len(s.Path) > 0 && own.Column == "" && own.Group == "" {
		own.Column = "#1"
	}
	return own
}

func (m *Modality) check(field string, o *Options) error {
	if err := checkPaths(field, m.Path, m.Validation, m.Test); err != nil {
		return err
	}
	if err := checkOwn(field, o, m.Path, m.Validation, m.Test, m.Key); err != nil {
		return err
	}
	if len(o.Path) == 0 && len(m.Path) == 0 {
		return options.Errorf(field+".path", "is missing: without a path at the top, every modality needs files of its own")
	}
	if err := m.checkPlaces(field); err != nil {
		return err
	}
	if err := m.checkKind(field); err != nil {
		return err
	}
	for _, c := range []struct {
		option, value string
		words         []string
	}{
		{"alpha", m.Alpha, []string{"white", "keep"}},
		{"layout", m.Layout, []string{"channels_first", "channels_last"}},
		{"tokenizer", m.Tokenizer, []string{"wordpiece", "words", "characters", "bytes"}},
		{"weights", m.Weights, []string{"tfidf", "count", "binary"}},
		{"standardise", string(m.Standardise), []string{string(dataset.PerFeature), string(dataset.PerModality), string(dataset.None)}},
	} {
		if err := oneOf(field+"."+c.option, c.value, c.words...); err != nil {
			return err
		}
	}
	for _, column := range sortedKeys(m.Kinds) {
		if err := oneOf(field+".kinds."+column, m.Kinds[column], "number", "category", "date", "list", "set"); err != nil {
			return err
		}
	}
	return nil
}

// checkPlaces checks that exactly one of column, columns and file says where the cells are.
func (m *Modality) checkPlaces(field string) error {
	file := m.Kind == Image || m.Kind == Array
	switch {
	case len(m.Column) > 0 && len(m.Columns) > 0, m.File != "" && len(m.Column)+len(m.Columns) > 0:
		return options.Errorf(field, "want only one of column, columns and file")
	case m.File != "" && m.Kind != Image && m.Kind != Array && m.Kind != Series:
		return options.Errorf(field+".file", "is for pictures, arrays and series, not for a %s", m.Kind)
	case m.File != "" && !strings.Contains(m.File, "{"):
		return options.Errorf(field+".file", "names no column: write it in braces, such as pictures.zip/{code}.png")
	case m.Folder != "" && m.File != "":
		return options.Errorf(field+".folder", "want either folder or file")
	case len(m.Path) == 0 && m.File == "" && len(m.Column)+len(m.Columns) == 0 && !file:
		return options.Errorf(field, "want column or columns: which cells does %s read?", m.Name)
	case file && len(m.Column) > 1:
		return options.Errorf(field+".column", "want one column of paths, got %d", len(m.Column))
	}
	return nil
}

// checkKind returns an error for an option that belongs to another kind.
func (m *Modality) checkKind(field string) error {
	text := m.Kind == Text || m.Kind == Bag
	bag := m.Kind == Bag || m.Bag
	for _, c := range []struct {
		option      string
		given, fits bool
	}{
		{"size", len(m.Size) > 0, m.Kind == Image},
		{"channels", m.Channels != 0, m.Kind == Image},
		{"alpha", m.Alpha != "", m.Kind == Image},
		{"layout", m.Layout != "", m.Kind == Array || m.Kind == Image || m.Kind == Series},
		{"folder", m.Folder != "", m.Kind == Image || m.Kind == Array || m.Kind == Series},
		{"tokenizer", m.Tokenizer != "", m.Kind == Text && !bag},
		{"vocabulary", m.Vocabulary != 0, m.Kind == Text && !bag},
		{"tokens", m.Tokens != 0, m.Kind == Text && !bag},
		{"vectors", m.Vectors != "", m.Kind == Text && !bag},
		{"bag", m.Bag, text},
		{"features", m.Features != 0, bag && text},
		{"weights", m.Weights != "", bag && text},
		{"hashed", m.Hashed, bag && text},
		{"steps", m.Steps != 0, m.Kind == Series},
		{"kinds", len(m.Kinds) > 0, m.Kind == Table},
	} {
		if c.given && !c.fits {
			what := m.Kind
			if c.option == "tokenizer" || c.option == "vocabulary" || c.option == "tokens" || c.option == "vectors" {
				what = map[bool]string{true: "bag of words", false: m.Kind}[bag]
			}
			return options.Errorf(field+"."+c.option, "is not an option of a modality of kind %s", what)
		}
	}
	if m.Vectors != "" && m.Tokenizer != "" && m.Tokenizer != "words" && m.Tokenizer != "wordpiece" {
		return options.Errorf(field+".vectors", "are of words: want the tokenizer words or wordpiece, not %s", m.Tokenizer)
	}
	if m.Kind == Image {
		if len(m.Size) != 0 && len(m.Size) != 2 {
			return options.Errorf(field+".size", "want two numbers, height and width, got %d", len(m.Size))
		}
		if m.Channels != 0 && m.Channels != 1 && m.Channels != 3 {
			return options.Errorf(field+".channels", "want 1 (grey) or 3 (colour), got %d", m.Channels)
		}
		const most = 1 << 14
		for i, n := range m.Size {
			if n > most {
				return options.Errorf(fmt.Sprintf("%s.size[%d]", field, i), "want at most %d, got %d", most, n)
			}
		}
	}
	return nil
}
