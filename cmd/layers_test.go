package cmd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers are the packages from top to bottom, as docs/architecture.md draws them: a package imports only what is in the lines
// below its own. A name with a * stands for any one folder that no other line names. Devices stand high because nothing but the
// commands may import them.
var layers = [][]string{
	{"cmd/mixmas", "cmd/dist", "kernels/bench/report", "search/defaults/measure", "docs/pets", "docs/embedding", "docs/results/settings"},
	{"cmd"},
	{"cmd/paper"},
	{"cgo", "nn/cpu"},
	{"nn/cpu/simd"},
	{"search/ui"},
	{"search/page"},
	{"search/runs", "search/serve"},
	{"search"},
	{"search/plan"},
	{"search/defaults"},
	{"search/config"},
	{"search/estimate"},
	{"search/strategy"},
	{"search/evaluate"},
	{"search/trial"},
	{"search/card", "search/export/exporttest", "search/export/onnx", "search/export/torch"},
	{"search/assess"},
	{"search/model", "search/report", "search/store"},
	{"search/dataset/formats"},
	{"search/dataset/page"},
	{"search/dataset/show"},
	{"search/dataset/survey", "search/dataset/records"},
	{"search/dataset/*"},
	{"search/dataset/arrays"},
	{"search/dataset/decoded"},
	{"search/dataset/arrayfile"},
	{"search/dataset/watch", "search/dataset/datasettest", "search/study"},
	{"search/dataset", "search/dataset/avmnist/build"},
	{"search/combine"},
	{"search/metric", "search/sample", "search/choice", "search/augment"},
	{"search/task"},
	{"search/dataset/npy", "search/dataset/idx", "search/dataset/wav"},
	{"search/dataset/feature", "search/dataset/files", "search/dataset/picture", "search/dataset/split", "search/dataset/tabular", "search/dataset/text"},
	{"search/filecache"},
	{"search/atomicfile"},
	{"search/chart", "search/listen"},
	{"search/align", "search/cost", "search/escape", "search/filelock", "search/identity", "search/packed", "search/regular", "search/style"},
	{"nn/devicetest"},
	{"nn/benchmarks"},
	{"nn/mixer"},
	{"nn/safetensors"},
	{"nn"},
	{"nn/devicetest/reference"},
	{"nn/device/profile"},
	{"nn/device"},
	{"nn/options"},
	{"nn/cpu/limits", "nn/registry", "nn/dimensions", "nn/philox", "nn/devicetest/golden"},
}

// layer is the line of a package; exact names count before patterns.
func layer(name string) (int, bool) {
	i := slices.IndexFunc(layers, func(names []string) bool { return slices.Contains(names, name) })
	if i < 0 {
		i = slices.IndexFunc(layers, func(names []string) bool {
			return slices.ContainsFunc(names, func(pattern string) bool {
				ok, err := path.Match(pattern, name)
				return err == nil && ok
			})
		})
	}
	return i, i >= 0
}

// sources calls f with each file of the module that is neither a test nor generated data, for all systems and build tags, and
// the package that it belongs to, by its folder.
func sources(t *testing.T, mode parser.Mode, f func(name string, set *token.FileSet, file *ast.File)) {
	t.Helper()
	root := ".."
	err := filepath.WalkDir(root, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			_, module := os.Stat(filepath.Join(p, "go.mod"))
			if base := entry.Name(); p != root && (base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || module == nil) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, p, nil, mode)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, filepath.Dir(p))
		f(filepath.ToSlash(name), set, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// imported are the paths that a file imports.
func imported(file *ast.File) (paths []string) {
	for _, spec := range file.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// Imports go down, in the files of all systems and build tags.
func TestImportsGoDown(t *testing.T) {
	seen := map[string]bool{}
	sources(t, parser.ImportsOnly, func(name string, set *token.FileSet, file *ast.File) {
		from, known := layer(name)
		if !known && !seen[name] {
			t.Errorf("layers has no place for the package %s", name)
		}
		seen[name] = true
		for _, p := range imported(file) {
			other, ours := strings.CutPrefix(p, "mixmas/")
			if to, listed := layer(other); ours && known && listed && to <= from {
				t.Errorf("%s: %s imports %s, which is not below it", set.Position(file.Package).Filename, name, other)
			}
		}
	})
	for _, name := range slices.Concat(layers...) {
		if !seen[name] && !strings.Contains(name, "*") {
			t.Errorf("layers has a place for %s, which does not exist", name)
		}
	}
}

// What go list -deps lists of a package, directly needed or not, lies below it.
func TestDependenciesGoDown(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Deps}} {{.}}{{end}}`, "./...")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		packages := strings.Fields(line)
		from, _ := layer(strings.TrimPrefix(packages[0], "mixmas/"))
		for _, p := range packages[1:] {
			name, ours := strings.CutPrefix(p, "mixmas/")
			if to, _ := layer(name); ours && to <= from {
				t.Errorf("%s needs %s, which is not below it", packages[0], name)
			}
		}
	}
}

// These libraries stay in the packages that are about them: only the commands know a command line, only the parser YAML, only the
// store its database.
func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	users := map[string][]string{
		"github.com/urfave/cli/v2": {"cmd"},
		"gopkg.in/yaml.v3":         {"search/config"},
		"go.etcd.io/bbolt":         {"search/store"},
		"C":                        {"cgo"},
	}
	sources(t, parser.ImportsOnly, func(name string, set *token.FileSet, file *ast.File) {
		for _, p := range imported(file) {
			for library, allowed := range users {
				if (p == library || strings.HasPrefix(p, library+"/")) && !slices.Contains(allowed, name) {
					t.Errorf("%s: %s imports %s, which is for %v", set.Position(file.Package).Filename, name, p, allowed)
				}
			}
		}
	})
}

// Of the packages of search, only strategy says what its stages are called.
func TestOnlyStrategiesNameStages(t *testing.T) {
	sources(t, parser.SkipObjectResolution, func(name string, set *token.FileSet, file *ast.File) {
		if name != "search" && !strings.HasPrefix(name, "search/") || name == "search/strategy" {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Error(err)
			}
			stage, _, _ := strings.Cut(text, "/")
			if (stage == text || strings.Count(text, " ") == 0) && slices.Contains([]string{"encoder", "fusion", "network"}, stage) {
				t.Errorf("%s: names a stage: %s", set.Position(literal.Pos()), literal.Value)
			}
			return true
		})
	})
}
