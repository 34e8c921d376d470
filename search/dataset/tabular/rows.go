package tabular

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

const errChanged = formatError("the header or the keys are not what they were: the file was written to while it was in use, run again")

// rows is a pass over a table.
type rows struct {
	table   *Table
	file    io.Closer
	lines   *delimited // nil for JSON lines
	objects *jsonLines
	row     int  // the next one
	read    bool // its record was read
}

// pass opens the file, and finds the delimiter if it is not known yet. New keys of JSON lines become columns only if grow.
func (t *Table) pass(ctx context.Context, grow bool) (_ *rows, err error) {
	file, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	r := &rows{table: t, file: file}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	content, err := text(file)
	if err != nil {
		return nil, t.explain(err, 0, -1)
	}
	b := newBuffer(content)
	if t.json {
		r.objects = newJSONLines(b, t.columns, grow)
		return r, nil
	}
	_ = b.more() // of nothing, it does not fail
	if t.delimiter == 0 {
		const most = 1 << 16
		if b.err == nil {
			_ = b.more() // of so little, neither
		}
		whole := b.err != nil && len(b.data) <= most
		sample := b.data[:min(len(b.data), most)]
		if e := extension(t.name); (e == ".tsv" || e == ".tab") && bytes.IndexByte(sample, '\t') >= 0 {
			t.delimiter = '\t'
		} else {
			t.delimiter = sniff(sample, whole)
		}
	}
	r.lines = newDelimited(b, t.delimiter)
	return r, nil
}

// header reads the header and sets the columns of the table, or compares it with them. Without a header it reads the first
// row, to count its cells. JSON lines have none.
func (r *rows) header() error {
	t := r.table
	if r.objects != nil {
		return nil
	}
	assumed := 0
	if !t.header {
		assumed = 1 // an empty line is a cell, which would be missed
	}
	err := r.lines.next(assumed)
	if err == io.EOF {
		return t.failure(0, "the file is empty")
	}
	if err != nil {
		return t.explain(err, r.line(), -1)
	}
	if r.lines.count > mostColumns {
		return t.failure(r.line(), "%d columns, want at most %d", r.lines.count, mostColumns)
	}
	columns := make([]string, len(r.lines.cells))
	if t.header {
		for i, name := range r.lines.cells {
			columns[i] = strings.Clone(strings.TrimSpace(name))
		}
	} else if r.read = true; r.lines.empty {
		return t.failure(r.line(), "the first line is empty, and without a header it says how many columns there are")
	}
	if t.columns == nil {
		t.columns = columns
	} else if !slices.Equal(t.columns, columns) {
		return t.failure(0, "%v", errChanged)
	}
	r.lines.most = len(columns)
	return nil
}

// next returns the cells of the next row, io.EOF after the last.
func (r *rows) next() ([]string, error) {
	t := r.table
	var err error
	if r.objects != nil {
		err = r.objects.next()
	} else if !r.read {
		err = r.lines.next(len(t.columns))
	}
	r.read = false
	if err == io.EOF {
		return nil, err
	}
	if err != nil {
		return nil, t.explain(err, r.line(), r.row)
	}
	r.row++
	if r.objects != nil {
		return r.objects.cells, nil
	}
	if r.lines.count != len(t.columns) {
		as := "as in the header"
		if !t.header {
			as = "as in the first line"
		}
		err := t.failure(r.line(), "%s, want %d %s", cells(r.lines.count), len(t.columns), as)
		err.Row = r.row - 1
		return nil, err
	}
	return r.lines.cells, nil
}

func cells(n int) string {
	if n == 1 {
		return "1 cell"
	}
	return fmt.Sprintf("%d cells", n)
}

// explain makes an [Error] of an error in what was read. Errors of reading stay as they are.
func (t *Table) explain(err error, line, row int) error {
	located := &Error{File: t.name, Line: line, Row: row, Text: err.Error()}
	switch e := err.(type) {
	case *Error:
		located.Text = e.Text
		located.Line = e.Line
	case *cellError:
		if e.column >= 0 && e.column < len(t.columns) {
			located.Column = Title(t.columns, e.column)
		} else if e.column >= 0 {
			located.Column = cmp.Or(e.name, fmt.Sprintf("#%d", e.column+1))
		}
	case formatError:
	default:
		return err
	}
	return located
}

func (r *rows) close() { _ = r.file.Close() } // it was only read

// line is the line of the last record.
func (r *rows) line() int {
	if r.objects != nil {
		return r.objects.start
	}
	return r.lines.start
}
