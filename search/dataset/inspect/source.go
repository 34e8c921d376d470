package inspect

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"mixmas/search/dataset/files"
	"mixmas/search/dataset/picture"
	"mixmas/search/dataset/split"
	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
)

// source is where the rows are.
type source struct {
	table      table
	path       string // of the table, or of the folder that the format reads as a table
	validation string // the table of the validation rows; usually empty
	test       string
	folder     string // where paths in cells start
	label      string // the column of labels, if the layout says so
	layout     string // for people: how rows were found
}

// table is what rows are read from.
type table interface {
	Columns() []string
	Each(ctx context.Context, use func(row int, cells []string) error) error
}

func (s *source) each(ctx context.Context, use func(row int, cells []string) error) error {
	return s.table.Each(ctx, use)
}

// open finds the rows of data: a table, or the table or the folders of classes in a folder or archive.
func open(ctx context.Context, root *files.Root, data string) (*source, error) {
	kind, err := root.Kind(ctx, data)
	if err != nil {
		return nil, err
	}
	if kind == files.File {
		return openTable(ctx, root, data)
	}
	folder, err := root.Folder(ctx, data)
	if err != nil {
		return nil, err
	}
	names, err := folder.List(ctx)
	if err != nil {
		return nil, err
	}
	var tables []string
	for _, name := range names {
		if tabular.IsTable(name) {
			tables = append(tables, name)
		}
	}
	top := slices.DeleteFunc(slices.Clone(tables), func(name string) bool { return strings.Contains(name, "/") })
	if len(top) > 0 {
		tables = top // deeper ones belong to something else
	}
	if i := slices.IndexFunc(tables, isMetadata); i >= 0 && len(top) > 0 {
		return openTable(ctx, root, join(data, tables[i]))
	}
	switch classes := classFolders(names); {
	case len(tables) == 1:
		return openTable(ctx, root, join(data, tables[0]))
	case len(tables) > 1:
		return openSplits(ctx, root, data, tables)
	case classes != nil:
		classes.Folder = data
		return &source{table: classes, path: data, folder: data, label: "label",
			layout: fmt.Sprintf("%d pictures in folders that are classes", len(classes.Files))}, nil
	}
	return nil, fmt.Errorf("%s: there is no table (CSV, TSV or JSON lines) and there are no folders of pictures, one per class", escape.Terminal(data))
}

func openTable(ctx context.Context, root *files.Root, name string) (*source, error) {
	t, err := tabular.Open(ctx, name, func(ctx context.Context) (io.ReadCloser, error) { return root.Open(ctx, name) }, tabular.Options{})
	if err != nil {
		return nil, err
	}
	return &source{table: t, path: name, folder: files.Parent(name)}, nil
}

// openSplits opens the training table among tables that are called after splits.
func openSplits(ctx context.Context, root *files.Root, data string, tables []string) (*source, error) {
	var byName [3]string
	for _, name := range tables {
		stem, _, _ := strings.Cut(path.Base(name), ".")
		at, found := split.Named(stem)
		if !found || byName[at] != "" {
			byName[0] = ""
			break
		}
		byName[at] = join(data, name)
	}
	if byName[0] == "" {
		const most = 5
		shown := make([]string, 0, most)
		for _, name := range tables[:min(len(tables), most)] {
			shown = append(shown, escape.Terminal(join(data, name)))
		}
		if len(tables) > most {
			shown = append(shown, "…")
		}
		return nil, requestError("%s has %d tables (%s): name one, or join them in a configuration", escape.Terminal(data), len(tables), strings.Join(shown, ", "))
	}
	s, err := openTable(ctx, root, byName[0])
	if err != nil {
		return nil, err
	}
	s.validation, s.test = byName[1], byName[2]
	if s.test != "" { // a test file without labels is no test split
		t, err := openTable(ctx, root, s.test)
		if err != nil {
			return nil, err
		}
		if missing := lacks(t.table.Columns(), s.table.Columns()); missing != "" {
			s.layout = fmt.Sprintf("%s is not used: it has no column %s", escape.Terminal(s.test), escape.Terminal(missing))
			s.test = ""
		}
	}
	return s, nil
}

// lacks returns a wanted column that is not there, or "".
func lacks(columns, wanted []string) string {
	for _, name := range wanted {
		if !slices.Contains(columns, name) {
			return name
		}
	}
	return ""
}

// isMetadata reports whether a table is that of a folder in the layout of Hugging Face.
func isMetadata(name string) bool {
	base := strings.ToLower(path.Base(name))
	return base == "metadata.csv" || base == "metadata.jsonl"
}

// join joins a path that a person wrote and a name below it.
func join(folder, name string) string { return strings.TrimRight(folder, `/\`) + "/" + name }

// classFolders returns the pictures of folders that are classes: each picture lies in CLASS/ or SPLIT/CLASS/, and there are at least two
// classes. Otherwise it returns nil.
func classFolders(names []string) *tabular.Listing {
	t := &tabular.Listing{}
	classes := map[string]bool{}
	for _, name := range names {
		if !picture.HasName(name) {
			continue
		}
		class := tabular.Class(name)
		if class == "" {
			return nil
		}
		classes[class] = true
		t.Files = append(t.Files, name)
	}
	if len(classes) < 2 {
		return nil
	}
	return t
}
