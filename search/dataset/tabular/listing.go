package tabular

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"mixmas/search/escape"
)

// FileName is the column of paths in the folder layouts of Hugging Face, and in a [Listing].
const FileName = "file_name"

// Listing is a table of files in folders that are classes: the path of each file, and its class as the column label.
type Listing struct {
	Folder string   // in errors
	Files  []string // from the folder, with slashes
}

// Name is the name of the folder.
func (l *Listing) Name() string { return l.Folder }

// Columns are file_name and label.
func (l *Listing) Columns() []string { return []string{FileName, "label"} }

// Each calls use as [Table.Each] does.
func (l *Listing) Each(ctx context.Context, use func(row int, cells []string) error) error {
	cells := make([]string, 2)
	for row, file := range l.Files {
		if row%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		cells[0], cells[1] = file, Class(file)
		err := use(row, cells)
		if errors.Is(err, Stop) {
			return nil
		}
		if err != nil {
			if l.Folder != "" {
				file = strings.TrimSuffix(l.Folder, "/") + "/" + file
			}
			return fmt.Errorf("%s: %w", escape.Terminal(file), err)
		}
	}
	return nil
}

// Class is the name of the folder that a file is in; "" if it is in none.
func Class(file string) string {
	folder := path.Dir(file)
	if folder == "." {
		return ""
	}
	return path.Base(folder)
}
