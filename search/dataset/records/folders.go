package records

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"mixmas/search/dataset"
	"mixmas/search/dataset/files"
	"mixmas/search/dataset/picture"
	"mixmas/search/dataset/split"
	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
)

// openFolder opens a folder or an archive in one of the layouts of Hugging Face: tables called metadata with a column of paths, folders
// of pictures that are classes, or tables called after splits. Each may be in folders called after splits.
func (s *session) openFolder(ctx context.Context, name string, split dataset.Split) ([]*part, error) {
	folder, err := s.root.Folder(ctx, name)
	if err != nil {
		return nil, err
	}
	names, err := folder.List(ctx)
	if err != nil {
		return nil, err
	}
	var tables, metadata []string
	for _, inside := range names {
		if !tabular.IsTable(inside) {
			continue
		}
		tables = append(tables, inside)
		if stem := strings.ToLower(path.Base(inside)); strings.HasPrefix(stem, "metadata.") {
			metadata = append(metadata, inside)
		}
	}
	switch {
	case len(metadata) > 0:
		return s.openTables(ctx, name, metadata, split, func(inside string) (dataset.Split, bool) { return splitOf(path.Dir(inside)) })
	case len(tables) == 1:
		return s.openTables(ctx, name, tables, split, nil)
	case len(tables) > 1:
		return s.openTables(ctx, name, tables, split, func(inside string) (dataset.Split, bool) {
			stem, _, _ := strings.Cut(path.Base(inside), ".")
			stem, _, _ = strings.Cut(stem, "-") // train-00000-of-00001
			return splitNamed(stem)
		})
	}
	return classFolders(name, names, split, s.unlabelled)
}

// openTables opens tables in a folder. of says which split a table is for; if it does not know it of all of several tables, that is
// an error.
func (s *session) openTables(ctx context.Context, name string, tables []string, split dataset.Split, of func(inside string) (dataset.Split, bool)) (parts []*part, err error) {
	for _, inside := range tables {
		t, err := s.openTable(ctx, inFolder(name, inside))
		if err != nil {
			return nil, err
		}
		p := &part{table: t, split: split, folder: files.Parent(inFolder(name, inside))}
		if len(tables) > 1 {
			found, ok := of(inside)
			if !ok {
				return nil, fmt.Errorf("%s has %d tables (%s): name one, such as path: %s", escape.Terminal(name), len(tables), shortList(tables), escape.Terminal(inFolder(name, tables[0])))
			}
			p.split = found
		}
		parts = append(parts, p)
	}
	inOrder(parts)
	return parts, nil
}

// inOrder sorts parts: training, validation, test.
func inOrder(parts []*part) {
	slices.SortStableFunc(parts, func(a, b *part) int { return int(a.split) - int(b.split) })
}

// splitNamed is the split that a folder or file is called after.
func splitNamed(name string) (dataset.Split, bool) {
	s, ok := split.Named(name)
	return dataset.Split(s), ok
}

// splitOf is the split that one of the folders of a path is called after.
func splitOf(folder string) (dataset.Split, bool) {
	for name := range strings.SplitSeq(folder, "/") {
		if split, ok := splitNamed(name); ok {
			return split, true
		}
	}
	return 0, false
}

// isSample reports whether a file is called like a picture or an array.
func isSample(name string) bool {
	return picture.HasName(name) || strings.EqualFold(path.Ext(name), ".npy")
}

// classFolders lists the files in folders that are classes, of each split by itself if the folders above are called after splits.
func classFolders(name string, names []string, split dataset.Split, unlabelled bool) ([]*part, error) {
	var files []string
	flat, split0 := "", true
	for _, file := range names {
		if !isSample(file) {
			continue
		}
		files = append(files, file)
		if tabular.Class(file) == "" {
			flat = file
		}
		if _, ok := splitOf(path.Dir(path.Dir(file))); !ok {
			split0 = false
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: there is no table (CSV, TSV or JSON lines), and there are no pictures in folders that are classes", escape.Terminal(name))
	}
	if flat != "" && !unlabelled {
		return nil, fmt.Errorf("%s: %s is in no folder that names its class, and there is no metadata.csv or metadata.jsonl", escape.Terminal(name), escape.Terminal(flat))
	}
	if !split0 {
		return []*part{{table: &tabular.Listing{Folder: name, Files: files}, split: split, folder: name}}, nil
	}
	var parts []*part
	for _, s := range dataset.Splits {
		l := &tabular.Listing{Folder: name}
		for _, file := range files {
			if of, _ := splitOf(path.Dir(path.Dir(file))); of == s {
				l.Files = append(l.Files, file)
			}
		}
		if len(l.Files) > 0 {
			parts = append(parts, &part{table: l, split: s, folder: name})
		}
	}
	return parts, nil
}
