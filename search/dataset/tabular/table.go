// Package tabular reads tables: CSV, TSV and other delimited text, and JSON lines. Cells are text.
//
// Tables are untrusted: a record has at most 16 MiB, a table at most 2^20 columns, and every error is an [Error] that names the
// file and the line.
package tabular

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"mixmas/search/escape"
)

// Options say how a table is written.
type Options struct {
	// NoHeader means that the first line is a row. Its columns have no names and are reached by position.
	NoHeader bool
	// Delimiter separates cells; 0 means a tab for .tsv and .tab, otherwise what the first lines are separated with: a comma,
	// semicolon, tab or vertical bar.
	Delimiter rune
}

// Table is a table whose header is known. It holds no file open.
type Table struct {
	name      string
	open      func(context.Context) (io.ReadCloser, error)
	columns   []string
	json      bool
	delimiter byte
	header    bool
}

// Open reads the header and checks that there is a row. The columns of JSON lines are the keys of all objects, in the order of
// their first appearance. open starts a fresh pass over the (decompressed) bytes of the file called name. Its extension says what
// they are: JSON lines in .jsonl, .ndjson and .json, otherwise text with delimiters. UTF-8, with or without a byte-order mark,
// and UTF-16 with one are read. Errors of open and of what it returns are returned as they are.
func Open(ctx context.Context, name string, open func(context.Context) (io.ReadCloser, error), o Options) (*Table, error) {
	t := &Table{name: name, open: open, header: !o.NoHeader}
	t.json = slices.Contains([]string{".jsonl", ".ndjson", ".json"}, extension(name))
	if d := o.Delimiter; d != 0 && (t.json || d >= utf8.RuneSelf || strings.ContainsRune("\"\r\n", d)) {
		return nil, t.failure(0, "a delimiter of %q: want one ASCII character such as , or ; and none for JSON lines", d)
	}
	if o.NoHeader && t.json {
		return nil, t.failure(0, "JSON lines have the names of their columns in every row: header: false is for CSV")
	}
	t.delimiter = byte(o.Delimiter)
	rows, err := t.pass(ctx, true)
	if err != nil {
		return nil, err
	}
	defer rows.close()
	if err := rows.header(); err != nil {
		return nil, err
	}
	for n := 0; n == 0 || t.json; n++ { // all JSON lines, one row of others
		if n%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		_, err := rows.next()
		if err == io.EOF && n > 0 {
			break
		}
		if err == io.EOF && t.json {
			return nil, t.failure(0, "the file is empty")
		}
		if err == io.EOF {
			return nil, t.failure(0, "the file has a header and no rows")
		}
		if err != nil {
			return nil, err
		}
	}
	if t.json {
		if t.columns = rows.objects.columns; len(t.columns) == 0 {
			return nil, t.failure(0, "the objects have no keys")
		}
	}
	return t, nil
}

func (t *Table) failure(line int, format string, arguments ...any) *Error {
	return &Error{File: t.name, Line: line, Row: -1, Text: fmt.Sprintf(format, arguments...)}
}

// Name is the name that the table was opened with.
func (t *Table) Name() string { return t.name }

// Columns are the names in the header, without surrounding white space. There may be empty ones and duplicates; without a header
// all are empty.
func (t *Table) Columns() []string { return t.columns }

// Stop is returned by a function that needs no more rows.
const Stop = formatError("no more rows are needed")

// Each calls use with every row, from 0, and its cells, one per column. The slice is only valid in the call. The cells of a row
// share memory: clone what is kept of many rows. An error of use gets the file and line, and ends the pass; [Stop] ends it without
// an error. In JSON lines, numbers are as they are written, lists and objects compact JSON, null and missing keys empty.
func (t *Table) Each(ctx context.Context, use func(row int, cells []string) error) error {
	rows, err := t.pass(ctx, false)
	if err != nil {
		return err
	}
	defer rows.close()
	if err := rows.header(); err != nil {
		return err
	}
	for row := 0; ; row++ {
		if row%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		cells, err := rows.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := use(row, cells); err != nil {
			if errors.Is(err, Stop) {
				return nil
			}
			return t.locate(err, rows.line(), row)
		}
	}
}

// locate adds to an error where it occurred.
func (t *Table) locate(err error, line, row int) error {
	e, ok := err.(*Error)
	if !ok {
		return &Error{File: t.name, Line: line, Row: row, Text: err.Error(), Err: err}
	}
	if e.File != "" {
		return e
	}
	located := *e
	located.File, located.Line, located.Row = t.name, line, row
	return &located
}

// Error is an error in a table.
type Error struct {
	File   string
	Line   int // from 1; 0 if it concerns no line
	Row    int // from 0, after the header; -1 if it concerns no row
	Column string
	Text   string
	Err    error // the cause, if it is another error
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(escape.Terminal(e.File))
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Column != "" {
		fmt.Fprintf(&b, "column %s: ", escape.Terminal(e.Column))
	}
	b.WriteString(e.Text)
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// IsTable reports whether a file with this name is a table, by its extension: .csv, .tsv, .tab, .jsonl or .ndjson, each also
// with .gz, in any case.
func IsTable(name string) bool {
	return slices.Contains([]string{".csv", ".tsv", ".tab", ".jsonl", ".ndjson"}, extension(name))
}

// extension is the extension in lower case, without .gz.
func extension(name string) string {
	name = strings.ToLower(name)
	return path.Ext(strings.TrimSuffix(name, ".gz"))
}

// Titles name all columns in messages, as [Title] does.
func Titles(columns []string) []string {
	count := make(map[string]int, len(columns))
	for _, name := range columns {
		count[name]++
	}
	titles := slices.Clone(columns)
	for i, name := range columns {
		if name == "" || count[name] > 1 {
			titles[i] = fmt.Sprintf("#%d", i+1)
		}
	}
	return titles
}

// Title names a column in messages: by its name, or by its position if it has none of its own.
func Title(columns []string, column int) string {
	name := columns[column]
	for i, other := range columns {
		if name == "" || other == name && i != column {
			return fmt.Sprintf("#%d", column+1)
		}
	}
	return name
}
