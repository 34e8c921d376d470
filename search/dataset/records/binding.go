package records

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset/arrayfile"
	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
)

// binding says which cells a modality reads: of the rows of the data set, of a table of its own, or the rows of array files.
type binding struct {
	modality *Modality
	field    string // in errors about options
	rows     *rows  // nil if the modality has array files
	arrays   []*arrayfile.Column
	columns  []int     // of rows; of an array file, the features or channels; nil for all
	path     *template // how the path of a row's file is made; nil if rows have none
	fixed    bool      // paths start at folder, otherwise at the folder of their table
	folder   string
	below    string                                                 // folder that follows that of the table
	read     func(ctx context.Context, name string) ([]byte, error) // of rows of values: reads the file of a row; nil for folders
	chosen   bool                                                   // people named the columns

	keyName   string  // column that joins the modality with the rows; "" if they are joined by row order
	key, with *keys   // of a joined table and of the rows of the data set; nil if they are joined by row order
	joined    []int32 // for each row of the data set the one that it is joined with, -1 for none; nil if they are the same

	content *contentHash // of the cells
	same    sameness     // of the columns
	digest  string       // of the content, after scan
}

// count is the number of rows, after scan.
func (b *binding) count() int {
	if b.rows != nil {
		return b.rows.count
	}
	n := 0
	for _, c := range b.arrays {
		n += c.Rows()
	}
	return n
}

// name is what errors call the files.
func (b *binding) name() string {
	if b.rows != nil {
		return b.rows.all()
	}
	var names []string
	for _, c := range b.arrays {
		names = append(names, escape.Terminal(c.Name()))
	}
	return strings.Join(names, ", ")
}

// titles are the names of the columns in messages.
func (b *binding) titles() []string {
	titles, all := make([]string, len(b.columns)), tabular.Titles(b.rows.columns)
	for i, c := range b.columns {
		titles[i] = escape.Terminal(all[c])
	}
	return titles
}

// each calls use with the sample of every row, in order; it is only valid in the call.
func (b *binding) each(ctx context.Context, s *session, use func(row int, x *sample) error) error {
	if b.rows == nil {
		return b.eachArray(ctx, use)
	}
	x := &sample{cells: make([]string, len(b.columns))}
	return b.rows.each(ctx, func(row int, p *part, cells []string) error {
		for i, c := range b.columns {
			if x.cells[i] = ""; c >= 0 { // new rows may lack columns
				x.cells[i] = cells[c]
			}
		}
		if b.path != nil {
			x.name, x.read = b.path.fill(cells), b.reader(s, p)
		}
		return use(row, x)
	})
}

// reader reads the files that the cells of a table name.
func (b *binding) reader(s *session, p *part) func(ctx context.Context, name string) ([]byte, error) {
	if b.read != nil {
		return b.read
	}
	folder := b.start(p)
	return func(ctx context.Context, name string) ([]byte, error) { return s.read(ctx, folder, name, mostFile) }
}

// mostFile is the largest file that a cell may name, in bytes.
const mostFile = 1 << 30

// start is the folder where the paths in the cells of a table start.
func (b *binding) start(p *part) string {
	if b.fixed {
		return b.folder
	}
	return inFolder(p.folder, b.below)
}

// inFolder is the path of something in a folder.
func inFolder(folder, name string) string {
	switch {
	case folder == "":
		return name
	case name == "":
		return folder
	}
	return strings.TrimSuffix(folder, "/") + "/" + name
}

// eachArray calls use with every row of the array files.
func (b *binding) eachArray(ctx context.Context, use func(row int, x *sample) error) error {
	row := 0
	x := &sample{}
	for _, c := range b.arrays {
		size := dimensions.Product(c.Shape())
		x.values = make([]float32, size)
		for i := range c.Rows() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.Read(i, nil, x.values); err != nil {
				return err
			}
			if err := use(row, x); err != nil {
				if errors.Is(err, errEnough) {
					return nil
				}
				return fmt.Errorf("%s: row %d: %w", escape.Terminal(c.Name()), i, err)
			}
			row++
		}
	}
	return nil
}

// wrap says which column an error of an encoder is about.
func (b *binding) wrap(err error) error {
	if b.rows == nil {
		return err
	}
	if wrong, ok := err.(*cellError); ok {
		return columnError(b.rows.columns, b.columns[wrong.cell], wrong.err)
	}
	if len(b.columns) == 1 {
		return columnError(b.rows.columns, b.columns[0], err)
	}
	return err
}

// template makes the path of a file from the cells of a row.
type template struct {
	text    []string // before, between and behind the columns
	columns []int
}

// parseTemplate reads a template such as "{class}/{code}.png".
func parseTemplate(text string, columns []string) (*template, error) {
	t := &template{}
	for {
		before, rest, found := strings.Cut(text, "{")
		t.text = append(t.text, before)
		if !found {
			return t, nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, fmt.Errorf("the brace before %q is not closed", rest)
		}
		found2, err := tabular.Select(columns, nil, name)
		if err != nil {
			return nil, err
		}
		if len(found2) != 1 {
			return nil, fmt.Errorf("{%s} stands for %d columns, want one", name, len(found2))
		}
		t.columns, text = append(t.columns, found2[0]), after
	}
}

// fill makes the path of a row; "" if one of its cells is missing.
func (t *template) fill(cells []string) string {
	if len(t.columns) == 0 {
		return t.text[0]
	}
	if len(t.columns) == 1 && t.text[0] == "" && t.text[1] == "" {
		if cell := cells[t.columns[0]]; !feature.IsMissing(cell) {
			return strings.TrimSpace(cell)
		}
		return ""
	}
	var b strings.Builder
	for i, c := range t.columns {
		if feature.IsMissing(cells[c]) {
			return ""
		}
		b.WriteString(t.text[i])
		b.WriteString(cells[c])
	}
	b.WriteString(t.text[len(t.columns)])
	return b.String()
}

// splitTemplate splits the path of a template into the folder before its first column, and the rest.
func splitTemplate(path string) (folder, rest string) {
	fixed := path[:strings.IndexByte(path, '{')]
	if i := strings.LastIndexByte(fixed, '/'); i >= 0 {
		if folder = path[:i]; folder == "" {
			folder = "/"
		}
		return folder, path[i+1:]
	}
	return "", path
}

// listen has the content of the cells hashed, and their keys collected, when the rows are scanned.
func (b *binding) listen(s *scanner, primary *rows) {
	if b.rows == nil {
		return
	}
	b.content, b.same = newContentHash(), make(sameness, len(b.columns))
	s.listen(b.rows, b.same.listener(b.columns))
	s.listen(b.rows, func(_ int, _ *part, cells []string) error {
		for _, c := range b.columns {
			b.content.add(cells[c])
		}
		return nil
	})
	if b.key != nil {
		s.listen(b.rows, b.key.listen)
		s.listen(primary, b.with.listen)
	}
}
