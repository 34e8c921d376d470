package device

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// Every operation of this package is on the list of all: a type with a Name is one.
func TestKindsAreAllOperations(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]int{}
	for _, op := range Kinds() {
		known[TypeName(op)]++
	}
	var found []string
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "Name" {
				continue
			}
			if star, ok := f.Recv.List[0].Type.(*ast.StarExpr); ok {
				found = append(found, star.X.(*ast.Ident).Name)
			}
		}
	}
	for _, name := range found {
		if known[name] != 1 {
			t.Errorf("%s is on the list of kinds %d times, want once: var _ = kind(&%s{})", name, known[name], name)
		}
	}
	if len(found) != len(known) || len(found) < 20 {
		t.Errorf("%d operations are declared, %d are on the list of kinds", len(found), len(known))
	}
}

// An operation that is added twice, and one that nobody added, are found.
func TestDispatch(t *testing.T) {
	var d Dispatch[*int]
	_ = On(&d, func(n *int, o *Map) { *n = o.N })
	n := 0
	if !d.Do(&n, &Map{N: 3}) || n != 3 {
		t.Errorf("a Map was not handled: %d", n)
	}
	if d.Do(&n, &Softmax{}) {
		t.Error("a Softmax was handled")
	}
	if missing := d.Missing(); slices.Contains(missing, "Map") || !slices.Contains(missing, "Softmax") || slices.Contains(missing, "Monarch") {
		t.Errorf("missing are %v", missing)
	}
	defer func() {
		if recover() == nil {
			t.Error("a second function for Map was taken")
		}
	}()
	_ = On(&d, func(*int, *Map) {})
}
