package tabular

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"pgregory.net/rapid"

	"mixmas/search/dataset/files"
)

// opener opens a file in memory.
func opener(content []byte) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}

// read reads a whole table.
func read(name string, open func(context.Context) (io.ReadCloser, error), o Options) (columns []string, rows [][]string, err error) {
	t, err := Open(context.Background(), name, open, o)
	if err != nil {
		return nil, nil, err
	}
	err = t.Each(context.Background(), func(row int, cells []string) error {
		if row != len(rows) {
			return fmt.Errorf("row %d follows %d rows", row, len(rows))
		}
		rows = append(rows, slices.Clone(cells))
		return nil
	})
	return t.Columns(), rows, err
}

// show writes a table on one line: cells are separated by |, rows by /.
func show(columns []string, rows [][]string) string {
	lines := []string{strings.Join(columns, "|")}
	for _, r := range rows {
		lines = append(lines, strings.Join(r, "|"))
	}
	return strings.Join(lines, "/")
}

func TestDelimited(t *testing.T) {
	for _, c := range []struct {
		name, file, want string
		o                Options
	}{
		{"a.csv", "a,b\n1,2\n3,4\n", "a|b/1|2/3|4", Options{}},
		{"no line break at the end", "a,b\n1,2", "a|b/1|2", Options{}},
		{"CRLF", "a,b\r\n1,2\r\n", "a|b/1|2", Options{}},
		{"CR", "a,b\r1,2\r3,4", "a|b/1|2/3|4", Options{}},
		{"CR and quotes", "a,b\r1,\"2\r3\"\r\"4\",5\r", "a|b/1|2\r3/4|5", Options{}},
		{"byte-order mark", "\ufeffa,b\n1,2\n", "a|b/1|2", Options{}},
		{"byte-order mark and a quote", "\ufeff\"a\",b\n1,2\n", "a|b/1|2", Options{}},
		{"empty lines", "\n\na,b\n\n1,2\n\r\n3,4\n\n\n", "a|b/1|2/3|4", Options{}},
		{"empty lines of one column", "a\n1\n\n2\n\n\n", "a/1//2", Options{}},
		{"one column, quotes", "a\n\"\"\n2\n\"\"\n", "a//2/", Options{}},
		{"quotes", "a,b\n\"1,\"\"x\"\"\",\"2\n3\"\n\"\",\"\"\n", "a|b/1,\"x\"|2\n3/|", Options{}},
		{"a quote in a cell", "a,b\n5\" disk,x\"y\"\n", "a|b/5\" disk|x\"y\"", Options{}},
		{"spaces stay, but not of names", " a , b\n 1 , 2\n", "a|b/ 1 | 2", Options{}},
		{"duplicate and empty names", "a,,a\n1,2,3\n", "a||a/1|2|3", Options{}},
		{"numbers as names", "1,2\n3,4\n", "1|2/3|4", Options{}},
		{"no header", "1,2\n3,4\n", "|/1|2/3|4", Options{NoHeader: true}},
		{"no header, an empty cell", "x\n\ny\n", "/x//y", Options{NoHeader: true}},
		{"one row without a header", "1,2", "|/1|2", Options{NoHeader: true}},
		{"semicolons", "a;b\n1,5;2,5\n", "a|b/1,5|2,5", Options{}},
		{"semicolons without a header", "1,5;2,5\n3,5;4,5\n", "|/1,5|2,5/3,5|4,5", Options{NoHeader: true}},
		{"bars", "a|b,c|d\n1|2|3\n", "a|b,c|d/1|2|3", Options{}},
		{"tags with bars", "id,tags\n1,x|y\n2,z\n", "id|tags/1|x|y/2|z", Options{}},
		{"quoted semicolons", "id,tags\n1,\"x;y;z\"\n2,\"a;b;c\"\n", "id|tags/1|x;y;z/2|a;b;c", Options{}},
		{"a.tsv", "a\tb\n1,1,1\t2,2,2\n", "a|b/1,1,1|2,2,2", Options{}},
		{"A.TSV.GZ", "a\tb\n1\t2\n", "a|b/1|2", Options{}},
		{"tabs in .csv", "a\tb\n1\t2\n", "a|b/1|2", Options{}},
		{"commas in a.tab", "a,b\n1,2\n", "a|b/1|2", Options{}},
		{"given", "a:b,c\n1:2,3\n", "a|b,c/1|2,3", Options{Delimiter: ':'}},
	} {
		columns, rows, err := read(c.name, opener([]byte(c.file)), c.o)
		if got := show(columns, rows); err != nil || got != c.want {
			t.Errorf("%s: read %q, %v, want %q", c.name, got, err, c.want)
		}
		slow := func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(iotest.OneByteReader(strings.NewReader(c.file))), nil
		}
		if columns, rows, err := read(c.name, slow, c.o); err != nil || show(columns, rows) != c.want {
			t.Errorf("%s, byte by byte: read %q, %v", c.name, show(columns, rows), err)
		}
	}
}

func TestJSONLines(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"values", `{"a": "x", "b": 1.50e3, "c": true, "d": null, "e": [1, 2.0, {"f": "g h"}], "f": {"a": []}}`,
			`a|b|c|d|e|f/x|1.50e3|true||[1,2.0,{"f":"g h"}]|{"a":[]}`},
		{"keys of all rows", "{\"b\":1}\n\n{\"a\":2,\"b\":3}\r\n{}\n", "b|a/1|/3|2/|"},
		{"byte-order mark", "\ufeff{\"a\":1}", "a/1"},
		{"escapes", `{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83d!","\u0062":"é"}`, "a|b/\"\\/\b\f\n\r\té😀\ufffd!|é"},
		{"what Python writes", `{"a": NaN, "b": -Infinity, "c": [NaN, Infinity]}`, "a|b|c/NaN|-Infinity|[NaN,Infinity]"},
		{"numbers as they are written", `{"a":12345678901234567890,"b":-0.10,"c":1E+2}`, "a|b|c/12345678901234567890|-0.10|1E+2"},
		{"empty keys", `{"":1," a ":2}`, "| a /1|2"},
	} {
		columns, rows, err := read(c.name+".jsonl", opener([]byte(c.file)), Options{})
		if got := show(columns, rows); err != nil || got != c.want {
			t.Errorf("%s: read %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	defer func(most int) { mostRecord = most }(mostRecord)
	mostRecord = 3 << 20
	for _, c := range []struct{ name, file, want string }{
		{"x.csv", "", "x.csv: the file is empty"},
		{"x.csv", "\n\r\n", "x.csv: the file is empty"},
		{"x.csv", "\ufeff", "x.csv: the file is empty"},
		{"x.csv", "a,b\n", "x.csv: the file has a header and no rows"},
		{"x.csv", "a\n\n\n", "x.csv: the file has a header and no rows"},
		{"x.csv", "a,b\n1,2\n3\n", "x.csv:3: 1 cell, want 2 as in the header"},
		{"x.csv", "a,b\n\"1\n\",2\n3,4,5\n", "x.csv:4: 3 cells, want 2 as in the header"},
		{"x.csv", "a,b\n1,2\n\"3,4\n5,6\n", "x.csv:3: a quote opens a cell here and is not closed in the rest of the file: " +
			"close it, or write a quote inside a cell twice and put the cell in quotes"},
		{"x.csv", "a,b\n1,\"2\n3,4\n5,\"6\"\n", "x.csv:4: text follows the end of a quoted cell that begins in line 2: " +
			"double the quotes inside a cell, and close it before a comma"},
		{"x.csv", "a,b\n1,\xe9t\xe9\n", "x.csv:2: column b: the byte 0xe9 is not UTF-8: save the file as UTF-8"},
		{"x.csv", "a,b\n1,\"\x00\"\n", "x.csv:2: column b: the text contains a NUL byte: want text in UTF-8, or UTF-16 with a byte-order mark"},
		{"x.csv", "a,\xff\n1,2\n", "x.csv:1: column #2: the byte 0xff is not UTF-8: save the file as UTF-8"},
		{"x.csv", "\xff\xfea\x00\n\x00\x00\xd8", "x.csv:2: the text is not valid UTF-16: it ends within a character"},
		{"x.csv", "\xff\xfea\x00\n\x00\x00\xdc1\x00", "x.csv:2: the text is not valid UTF-16"},
		{"x.csv", "PK\x03\x04....", "x.csv: the file is a zip archive or an Excel workbook, want text in UTF-8: save it as CSV"},
		{"x.csv", "a\n\"" + strings.Repeat("x", mostRecord+1) + "\"", "x.csv:2: a quote opens a cell here and is not closed within 16 MiB: " +
			"close it, or write a quote inside a cell twice and put the cell in quotes"},
		{"x.csv", "a\n" + strings.Repeat("x", mostRecord+1), "x.csv:2: the record is longer than 16 MiB: is a line break or a quote missing?"},
		{"x.csv", strings.Repeat(",", mostColumns) + "\n", "x.csv:1: 1048577 columns, want at most 1048576"},
		{"x.jsonl", "", "x.jsonl: the file is empty"},
		{"x.jsonl", "{}\n{}\n", "x.jsonl: the objects have no keys"},
		{"x.jsonl", "[1]\n", "x.jsonl:1: character 1 is '[', want {, since every line is a JSON object"},
		{"x.json.gz", "[{\"a\": 1}]\n", "x.json.gz:1: character 1 is '[', want {, since every line is a JSON object"},
		{"x.jsonl", "{\n\"a\": 1}\n", "x.jsonl:1: the line ends, want a key in quotes: one whole JSON object per line"},
		{"x.jsonl", "{\"a\":1}\n{\"é\":1 2}\n", "x.jsonl:2: column é: character 8 is '2', want , or } after the value"},
		{"x.jsonl", "{\"a\":1} {\"a\":2}\n", "x.jsonl:1: character 9 is '{', want the end of the line after the object"},
		{"x.jsonl", "{\"a\":1,\"a\":2}", "x.jsonl:1: column a: the key stands twice in the object"},
		{"x.jsonl", "{\"a\":01}", "x.jsonl:1: column a: character 7 is '1', want , or } after the value"},
		{"x.jsonl", "{\"a\":1.}", "x.jsonl:1: column a: character 8 is '}', want a digit"},
		{"x.jsonl", "{\"a\":tru}", "x.jsonl:1: column a: character 6 is 't', want a value"},
		{"x.jsonl", "{\"a\":\"\x00\"}", "x.jsonl:1: column a: the control character 0x00 is in a string: want an escape such as \\n"},
		{"x.jsonl", "{\"a\":\"\\u0000\"}", "x.jsonl:1: column a: the text contains NUL"},
		{"x.jsonl", "{\"a\":\"\xe9\"}", "x.jsonl:1: column a: the byte 0xe9 is not UTF-8: save the file as UTF-8"},
		{"x.jsonl", "{\"a\":\"\\x\"}", `x.jsonl:1: column a: a string has a wrong escape: want \n, \", \u00e9 and the like`},
		{"x.jsonl", "{\"a\":" + strings.Repeat("[", 1000), "x.jsonl:1: column a: lists and objects are nested more than 100 deep"},
		{"x.jsonl", strings.Repeat(" ", mostRecord+1), "x.jsonl:1: the line is longer than 16 MiB, want one object per line"},
		{"a\nb.csv", "a\x1b[1m,b\x1b\n1,\xff\n", `a\nb.csv:2: column b\x1b: the byte 0xff is not UTF-8: save the file as UTF-8`},
	} {
		_, _, err := read(c.name, opener([]byte(c.file)), Options{})
		if err == nil || err.Error() != c.want {
			t.Errorf("%.40q: error %v, want %s", c.file, err, c.want)
		}
		var located *Error
		if !errors.As(err, &located) || located.File != c.name {
			t.Errorf("%.40q: error %#v is not an Error", c.file, err)
		}
	}
	if _, _, err := read("x.csv", opener([]byte("\n1\n")), Options{NoHeader: true}); err == nil ||
		err.Error() != "x.csv:1: the first line is empty, and without a header it says how many columns there are" {
		t.Errorf("error %v", err)
	}
	for _, o := range []Options{{Delimiter: '"'}, {Delimiter: '\n'}, {Delimiter: 'é'}} {
		if _, _, err := read("x.csv", opener([]byte("a,b\n1,2\n")), o); err == nil || !strings.Contains(err.Error(), "want one ASCII character") {
			t.Errorf("%v: error %v", o, err)
		}
	}
	if _, _, err := read("x.jsonl", opener([]byte("{}")), Options{NoHeader: true}); err == nil {
		t.Error("JSON lines without a header")
	}
}

// Errors of reading are returned as they are, in the middle of a record too.
func TestReadingFails(t *testing.T) {
	failed := errors.New("the disk fails")
	for _, name := range []string{"x.csv", "x.jsonl"} {
		for _, start := range []string{"", "a", "a,b\n", "a,b\n1", "a,b\n1,2\n\"3", "{\"a\":1}\n", "{\"a\":1}\n{"} {
			open := func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(strings.NewReader(start), iotest.ErrReader(failed))), nil
			}
			if strings.HasPrefix(start, "{") != strings.HasSuffix(name, "l") {
				continue
			}
			if _, _, err := read(name, open, Options{}); err != failed {
				t.Errorf("%s with %q: error %v", name, start, err)
			}
		}
	}
}

func TestEach(t *testing.T) {
	content := []byte("a,b\n1,2\n3,4\n5,6\n")
	table, err := Open(t.Context(), "x.csv", func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if table.Name() != "x.csv" {
		t.Errorf("the name is %s", table.Name())
	}
	at := func(n int, failed error) error {
		return table.Each(t.Context(), func(row int, cells []string) error {
			if row == n {
				return failed
			}
			return nil
		})
	}
	if err := at(1, Stop); err != nil {
		t.Errorf("stopped with the error %v", err)
	}
	failed := errors.New("not a number")
	if err := at(1, failed); !errors.Is(err, failed) || err.Error() != "x.csv:3: not a number" {
		t.Errorf("error %v", err)
	}
	if err := at(2, &Error{Column: "a", Text: "not a number"}); err == nil || err.Error() != "x.csv:4: column a: not a number" {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := table.Each(ctx, func(int, []string) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: error %v", err)
	}
	content = []byte("a,c\n1,2\n")
	if err := at(9, nil); err == nil || !strings.Contains(err.Error(), "was written to") {
		t.Errorf("with another header: error %v", err)
	}
}

func TestIsTable(t *testing.T) {
	for name, want := range map[string]bool{"a.csv": true, "A.CSV": true, "a.tsv.gz": true, "a.JSONL.GZ": true, "a.ndjson": true, "a.tab": true,
		"a.txt": false, "a.gz": false, "csv": false, "a.csv.zip": false, "a.json": false} {
		if IsTable(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestTitle(t *testing.T) {
	columns := []string{"a", "", "b", "a"}
	for i, want := range []string{"#1", "#2", "b", "#4"} {
		if got, all := Title(columns, i), Titles(columns); got != want || all[i] != want {
			t.Errorf("%d: %s and %s, want %s", i, got, all[i], want)
		}
	}
}

// encodings are ways in which a file may be stored.
var encodings = map[string]func(text string) []byte{
	"UTF-8":                  func(text string) []byte { return []byte(text) },
	"UTF-8, byte-order mark": func(text string) []byte { return []byte("\ufeff" + text) },
	"UTF-16LE":               func(text string) []byte { return wideBytes(binary.LittleEndian, text) },
	"UTF-16BE":               func(text string) []byte { return wideBytes(binary.BigEndian, text) },
}

func wideBytes(order binary.AppendByteOrder, text string) (b []byte) {
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		b = order.AppendUint16(b, unit)
	}
	return b
}

// Tables that encoding/csv writes are read back, in every encoding and in pieces of any size.
func TestWrittenTablesAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 5).Draw(t, "columns")
		cell := rapid.OneOf(rapid.StringMatching(`[a-c0-9.,;|" \t]{0,8}`), rapid.StringMatching(`["\n,é😀x]{0,6}`))
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, columns, columns), 2, 12).Draw(t, "rows")
		var text strings.Builder
		w := csv.NewWriter(&text)
		w.Comma = rapid.SampledFrom([]rune{',', ';', '\t', '|'}).Draw(t, "delimiter")
		w.UseCRLF = rapid.Bool().Draw(t, "CRLF") && !slices.ContainsFunc(slices.Concat(rows...), func(s string) bool { return strings.Contains(s, "\n") })
		for _, r := range rows {
			if columns == 1 && r[0] == "" {
				r[0] = "x" // as an empty line, it depends on what is around it
			}
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush()
		encoding := rapid.SampledFrom([]string{"UTF-8", "UTF-8, byte-order mark", "UTF-16LE", "UTF-16BE"}).Draw(t, "encoding")
		content := encodings[encoding](text.String())
		open := opener(content)
		if rapid.Bool().Draw(t, "slow") {
			open = func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(iotest.HalfReader(iotest.DataErrReader(bytes.NewReader(content)))), nil
			}
		}
		_, got, err := read("x.csv", open, Options{NoHeader: true, Delimiter: w.Comma})
		if err != nil || !slices.EqualFunc(got, rows, slices.Equal) {
			t.Fatalf("read %q, %v, want %q from %q", got, err, rows, text.String())
		}
	})
}

// A table is the same wherever it lies, however it is compressed and encoded.
func TestTablesInFiles(t *testing.T) {
	const table = "a,b\n1,é\n2,\"x\ny\"\n"
	folder := t.TempDir()
	write := func(name string, to io.WriteCloser, finish func() error, content []byte) {
		_, err := to.Write(content)
		if err = errors.Join(err, to.Close(), finish()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	var paths []string
	for encoding, encode := range encodings {
		for _, name := range []string{"x.csv", "x.csv.gz", "x.csv.zip", "x.tar.gz"} {
			path := filepath.Join(folder, encoding+" "+name)
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			content := encode(table)
			switch name {
			case "x.csv":
				write(name, f, func() error { return nil }, content)
			case "x.csv.gz":
				write(name, gzip.NewWriter(f), f.Close, content)
			case "x.csv.zip":
				z := zip.NewWriter(f)
				to, err := z.Create("x.csv")
				if err == nil {
					_, err = to.Write(content)
				}
				if err = errors.Join(err, z.Close(), f.Close()); err != nil {
					t.Fatal(err)
				}
			default:
				z := gzip.NewWriter(f)
				w := tar.NewWriter(z)
				if err := w.WriteHeader(&tar.Header{Name: "./x.csv", Size: int64(len(content))}); err != nil {
					t.Fatal(err)
				}
				write(name, w, func() error { return errors.Join(z.Close(), f.Close()) }, content)
				path += "/x.csv"
			}
			paths = append(paths, path)
		}
	}
	root := files.New("", files.Options{})
	defer root.Close()
	for _, path := range paths {
		columns, rows, err := read(path, func(ctx context.Context) (io.ReadCloser, error) { return root.Open(ctx, path) }, Options{})
		if got := show(columns, rows); err != nil || got != "a|b/1|é/2|x\ny" {
			t.Errorf("%s: read %q, %v", path, got, err)
		}
	}
}

// Objects that encoding/json writes are read back, with their keys in any order.
func TestWrittenObjectsAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := []string{"a", "b", "é\n", "<x>"}
		objects := rapid.SliceOfN(rapid.MapOfN(rapid.SampledFrom(keys), rapid.OneOf(
			rapid.Map(rapid.StringMatching(`[a-c"\\\n<é😀]{0,6}`), func(s string) any { return s }),
			rapid.Map(rapid.Float64Range(-1e9, 1e9), func(v float64) any { return v }),
			rapid.SampledFrom([]any{true, false, nil, []any{1.0, "x y", nil}, map[string]any{"k": []any{}}}),
		), 1, 4), 1, 8).Draw(t, "objects")
		var text bytes.Buffer
		for _, o := range objects {
			b, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(b)
			text.WriteString(rapid.SampledFrom([]string{"\n", "\r\n", " \n\n"}).Draw(t, "line break"))
		}
		columns, rows, err := read("x.jsonl", opener(text.Bytes()), Options{})
		if err != nil || len(rows) != len(objects) {
			t.Fatalf("%d rows, %v, want %d of %q", len(rows), err, len(objects), text.String())
		}
		for row, o := range objects {
			for i, key := range columns {
				var want string
				switch v := o[key].(type) {
				case nil:
				case string:
					want = v
				default:
					b, _ := json.Marshal(v)
					want = string(b)
				}
				if rows[row][i] != want {
					t.Fatalf("row %d, %q: %q, want %q", row, key, rows[row][i], want)
				}
			}
		}
	})
}

// random is a reproducible generator of small numbers.
type random uint64

func (r *random) below(n int) int {
	*r = *r*6364136223846793005 + 1442695040888963407
	return int(uint64(*r)>>33) % n
}

// mutate changes a few bytes.
func (r *random) mutate(content []byte) []byte {
	content = slices.Clone(content)
	for range 1 + r.below(4) {
		at := r.below(len(content))
		switch r.below(4) {
		case 0:
			content[at] ^= 1 << r.below(8)
		case 1:
			content[at] = ",;\"\n\r\t|{}[]:\\ \x00\xff"[r.below(16)]
		case 2:
			content = slices.Insert(content, at, "\"\n,\r{"[r.below(5)])
		case 3:
			content = content[:max(at, 1)]
		}
	}
	return content
}

// Mutated tables are read or refused: nothing panics, hangs or takes more memory than the file, and all errors say where.
func TestMutatedTables(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write([]byte("a,b\n1,2\n"))
	w.Close()
	seeds := map[string][]byte{
		"x.csv":   []byte("id,name,\"a \"\"b\"\"\"\n1,é,\"2\n3\"\r\n4,5,6\n\n7,8,9"),
		"x.tsv":   []byte("a\tb\r1\t2\r3\t4\r"),
		"y.csv":   encodings["UTF-16LE"]("a;b\n1,5;😀\n"),
		"x.jsonl": []byte("{\"a\": 1, \"b\": \"x\\u00e9\"}\n{\"b\": [1, {\"c\": null}], \"a\": true}\n"),
		"z.csv":   z.Bytes(),
	}
	r := random(1)
	for name, seed := range seeds {
		for range 600 {
			content := r.mutate(seed)
			checkTable(t, name, content)
		}
	}
}

// checkTable reads a table of hostile content, and checks what must hold of all.
func checkTable(t *testing.T, name string, content []byte) {
	t.Helper()
	columns, rows, err := read(name, opener(content), Options{})
	if err != nil {
		var located *Error
		if !errors.As(err, &located) || located.File != name || located.Text == "" || located.Line > 1+bytes.Count(content, []byte{'\n'})+bytes.Count(content, []byte{'\r'}) {
			t.Fatalf("%q: error %#v", content, err)
		}
		return
	}
	if len(rows) == 0 || len(columns) == 0 {
		t.Fatalf("%q: %d rows of %d columns", content, len(rows), len(columns))
	}
	for _, row := range rows {
		if len(row) != len(columns) {
			t.Fatalf("%q: %d cells of %d columns", content, len(row), len(columns))
		}
		for _, cell := range row {
			if fault := fault(cell); fault != "" {
				t.Fatalf("%q: cell %q: %s", content, cell, fault)
			}
		}
	}
}

// Files that lack what ends lines or cells are read in time that grows with their size: not in the hours that the square of it takes.
func TestOddFilesAreReadInLinearTime(t *testing.T) {
	const n = 1 << 16
	for _, c := range []struct {
		what, file string
		rows       int
	}{
		{"no rows but the first", "a\n1" + strings.Repeat("\r", n) + strings.Repeat("\n", n), 1},
		{"empty rows", "a\n1" + strings.Repeat("\n", n) + "2", n + 1},
		{"no LF and no quote", strings.Repeat("a\r", n+1), n},
		{"no LF, a quote at the end", strings.Repeat("a\r", n+1) + "\"a\"", n + 1},
		{"no LF, many quotes", "a" + strings.Repeat("\r\"\"\"\"", n), n},
		{"line breaks in quotes", "a\n" + strings.Repeat("\"\r\n\n\r\"\n", n), n},
		{"a long cell of quotes", "a\n\"" + strings.Repeat("\"\"", n) + "\"", 1},
	} {
		table, err := Open(t.Context(), "x.csv", opener([]byte(c.file)), Options{})
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		rows := 0
		if err := table.Each(t.Context(), func(int, []string) error { rows++; return nil }); err != nil || rows != c.rows {
			t.Errorf("%s: %d rows, %v, want %d", c.what, rows, err, c.rows)
		}
	}
}

func FuzzDelimited(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "\ufeffa;b\r\n\"1\"\"\";2\r\n", "a\tb\r1\t2\r", "\xff\xfea\x00\n\x001\x00", "a\n\n1\n\n", "\"a", "a,b\n\"1\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		checkTable(t, "x.csv", content)
		// encoding/csv reads the same where both accept the file and have the same rules.
		if bytes.ContainsAny(content, "\r\"") || bytes.HasPrefix(content, []byte("\ufeff")) || bytes.HasPrefix(content, []byte("\xff\xfe")) ||
			bytes.HasPrefix(content, []byte("\xfe\xff")) {
			return
		}
		_, rows, err := read("x.csv", opener(content), Options{NoHeader: true, Delimiter: ','})
		if err != nil {
			return
		}
		want, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
		if err != nil || len(want[0]) > 1 && !slices.EqualFunc(rows, want, slices.Equal) {
			t.Fatalf("%q: read %q, encoding/csv %q, %v", content, rows, want, err)
		}
	})
}

func FuzzJSONLines(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, "{\"a\":\"\\u00e9\",\"b\":[1,{}]}\n{\"b\":null}\n", `{"a":-1.5e+3,"b":NaN}`, `{"a":"\ud83d\ude00"}`, "{}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		checkTable(t, "x.jsonl", content)
		// A single valid object is read if encoding/json reads it, with few exceptions.
		if bytes.ContainsAny(content, "\r\n") || bytes.Contains(content, []byte(`\u`)) {
			return
		}
		var object map[string]any
		valid := json.Unmarshal(content, &object) == nil && object != nil
		columns, rows, err := read("x.jsonl", opener(content), Options{})
		switch {
		case err != nil && !valid:
		case err != nil:
			for _, known := range []string{"no keys", "twice", "nested", "not UTF-8", "UTF-16"} {
				if strings.Contains(err.Error(), known) {
					return
				}
			}
			t.Fatalf("%q: error %v", content, err)
		case valid:
			for i, key := range columns {
				if want, ok := object[key].(string); ok && want != rows[0][i] {
					t.Fatalf("%q: %q, want %q", content, rows[0][i], want)
				}
			}
		case !bytes.Contains(content, []byte("NaN")) && !bytes.Contains(content, []byte("Infinity")) && !bytes.HasPrefix(content, []byte("\ufeff")) &&
			!bytes.HasPrefix(content, []byte("\xff\xfe")) && !bytes.HasPrefix(content, []byte("\xfe\xff")):
			t.Fatalf("%q was read, and is not JSON", content)
		}
	})
}

// benchmark reads a table of rows.
func benchmark(b *testing.B, name string, content []byte) {
	table, err := Open(b.Context(), name, opener(content), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		if err := table.Each(b.Context(), func(int, []string) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCSV(b *testing.B) {
	for _, quoted := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "quoted"}[quoted], func(b *testing.B) {
			var text bytes.Buffer
			text.WriteString("id,age,income,city,comment\n")
			for i := range 20_000 {
				city := "Springfield"
				if quoted {
					city = `"Springfield, ""IL"""`
				}
				fmt.Fprintf(&text, "%d,%d,%.2f,%s,a comment of several words\n", i, i%90, math.Sqrt(float64(i))*1000, city)
			}
			benchmark(b, "x.csv", text.Bytes())
		})
	}
}

func BenchmarkJSONLines(b *testing.B) {
	var text bytes.Buffer
	for i := range 20_000 {
		fmt.Fprintf(&text, "{\"id\": %d, \"age\": %d, \"income\": %.2f, \"city\": \"Springfield\", \"comment\": \"a comment of several words\"}\n",
			i, i%90, math.Sqrt(float64(i))*1000)
	}
	benchmark(b, "x.jsonl", text.Bytes())
}
