package tabular

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// deepest is how deep lists and objects may be nested.
const deepest = 100

// jsonLines reads a JSON object per line.
type jsonLines struct {
	*buffer
	columns []string       // the keys
	index   map[string]int // of columns
	grow    bool           // unknown keys become columns
	keys    int            // bytes of all keys

	// The record.
	start   int // its line
	cells   []string
	content []byte
	spans   [][2]int // of the cells in content, by column
	set     []int    // the line in which a column last had a key

	text []byte // the line
	i    int    // in text
	key  []byte // the current one, decoded
}

const errLongLine = formatError("the line is longer than 16 MiB, want one object per line")

func newJSONLines(b *buffer, columns []string, grow bool) *jsonLines {
	j := &jsonLines{buffer: b, columns: columns, index: map[string]int{}, grow: grow,
		spans: make([][2]int, len(columns)), set: make([]int, len(columns))}
	for i, key := range columns {
		j.index[key] = i
	}
	return j
}

// next reads an object. At the end it returns io.EOF. Empty lines are skipped.
func (j *jsonLines) next() error {
	for {
		rest := j.data[j.at:]
		feed := bytes.IndexByte(rest, '\n')
		if feed < 0 && j.err == nil {
			j.start = j.line
			if j.more() != nil {
				return errLongLine
			}
			continue
		}
		if feed < 0 {
			if j.err != io.EOF {
				return j.err
			}
			if len(rest) == 0 {
				return io.EOF
			}
			feed = len(rest)
		}
		j.text, j.i = rest[:feed], 0
		j.at, j.start = min(j.at+feed+1, len(j.data)), j.line
		j.line++
		if feed > mostRecord {
			return errLongLine
		}
		if j.space(); j.i == len(j.text) {
			continue
		}
		return j.object()
	}
}

func (j *jsonLines) space() {
	for j.i < len(j.text) {
		switch j.text[j.i] {
		case ' ', '\t', '\r':
			j.i++
		default:
			return
		}
	}
}

// peek is the next byte after white space, 0 at the end of the line.
func (j *jsonLines) peek() byte {
	j.space()
	if j.i == len(j.text) {
		return 0
	}
	return j.text[j.i]
}

func failure(format string, arguments ...any) error {
	return formatError(fmt.Sprintf(format, arguments...))
}

// unexpected is an error about what is at the current byte.
func (j *jsonLines) unexpected(want string) error {
	if j.peek() == 0 && j.i == len(j.text) {
		return failure("the line ends, want %s: one whole JSON object per line", want)
	}
	r, size := utf8.DecodeRune(j.text[j.i:])
	if r == utf8.RuneError && size == 1 {
		return failure("the byte 0x%02x is not UTF-8: save the file as UTF-8", j.text[j.i])
	}
	return failure("character %d is %q, want %s", utf8.RuneCount(j.text[:j.i])+1, r, want)
}

// object reads the record.
func (j *jsonLines) object() error {
	if j.peek() != '{' {
		return j.unexpected("{, since every line is a JSON object")
	}
	j.i++
	j.content = j.content[:0]
	if j.peek() == '}' {
		j.i++
	} else {
		for expected := 0; ; expected++ {
			column, err := j.name(expected)
			if err != nil {
				return err
			}
			expected = column
			if j.peek() != ':' {
				return j.unexpected(":")
			}
			j.i++
			began := len(j.content)
			if err := j.cell(); err != nil {
				return &cellError{column, j.columns[column], err.Error()}
			}
			j.spans[column] = [2]int{began, len(j.content)}
			if c := j.peek(); c == '}' {
				j.i++
				break
			} else if c != ',' {
				return &cellError{column, j.columns[column], j.unexpected(", or } after the value").Error()}
			}
			j.i++
		}
	}
	if j.peek(); j.i < len(j.text) {
		return j.unexpected("the end of the line after the object")
	}
	text := string(j.content)
	j.cells = j.cells[:0]
	for i, span := range j.spans {
		if j.set[i] != j.start {
			j.cells = append(j.cells, "")
		} else {
			j.cells = append(j.cells, text[span[0]:span[1]])
		}
	}
	return nil
}

// name reads a key and returns its column, which is most probably the expected one.
func (j *jsonLines) name(expected int) (int, error) {
	if j.peek() != '"' {
		return 0, j.unexpected(`a key in quotes`)
	}
	var err error
	if j.key, err = j.unquote(j.key[:0]); err != nil {
		return 0, err
	}
	column := expected
	if expected >= len(j.columns) || j.columns[expected] != string(j.key) {
		var known bool
		if column, known = j.index[string(j.key)]; !known {
			if !j.grow {
				return 0, errChanged
			}
			if column, err = j.add(string(j.key)); err != nil {
				return 0, err
			}
		}
	}
	if j.set[column] == j.start {
		return 0, &cellError{column, j.columns[column], "the key stands twice in the object"}
	}
	j.set[column] = j.start
	return column, nil
}

// add makes a column of a new key.
func (j *jsonLines) add(key string) (int, error) {
	if j.keys += len(key); len(j.columns) == mostColumns || j.keys > mostRecord {
		return 0, failure("the objects have more than %d different keys, or keys of 16 MiB together: a key is the name of a column", mostColumns)
	}
	column := len(j.columns)
	j.index[key] = column
	j.columns, j.spans, j.set = append(j.columns, key), append(j.spans, [2]int{}), append(j.set, 0)
	return column, nil
}

// cell appends a value to the content as the text of a cell.
func (j *jsonLines) cell() (err error) {
	switch c := j.peek(); c {
	case '"':
		j.content, err = j.unquote(j.content)
		return err
	case 'n':
		began := len(j.content)
		err = j.value(0)
		j.content = j.content[:began]
		return err
	}
	return j.value(0)
}

// value appends a value to the content as compact JSON.
func (j *jsonLines) value(depth int) error {
	switch c := j.peek(); c {
	case '{', '[':
		return j.nested(depth)
	case '"':
		began := j.i
		if _, err := j.unquote(j.key[:0]); err != nil {
			return err
		}
		j.content = append(j.content, j.text[began:j.i]...)
		return nil
	case 't':
		return j.literal("true")
	case 'f':
		return j.literal("false")
	case 'n':
		return j.literal("null")
	case 'N': // what Python writes
		return j.literal("NaN")
	case 'I':
		return j.literal("Infinity")
	default:
		if c == '-' && bytes.HasPrefix(j.text[j.i:], []byte("-I")) {
			return j.literal("-Infinity")
		}
		if c == '-' || digit(c) {
			return j.number()
		}
		return j.unexpected("a value")
	}
}

func (j *jsonLines) literal(word string) error {
	if !bytes.HasPrefix(j.text[j.i:], []byte(word)) {
		return j.unexpected("a value")
	}
	j.i += len(word)
	j.content = append(j.content, word...)
	return nil
}

// number appends a number as it is written.
func (j *jsonLines) number() error {
	began := j.i
	digits := func() bool {
		first := j.i
		for j.i < len(j.text) && digit(j.text[j.i]) {
			j.i++
		}
		return j.i > first
	}
	is := func(set string) bool { return j.i < len(j.text) && bytes.IndexByte([]byte(set), j.text[j.i]) >= 0 }
	if is("-") {
		j.i++
	}
	if is("0") {
		j.i++
	} else if !digits() {
		return j.unexpected("a digit")
	}
	if is(".") {
		if j.i++; !digits() {
			return j.unexpected("a digit")
		}
	}
	if is("eE") {
		if j.i++; is("+-") {
			j.i++
		}
		if !digits() {
			return j.unexpected("a digit")
		}
	}
	j.content = append(j.content, j.text[began:j.i]...)
	return nil
}

// nested appends a list or an object.
func (j *jsonLines) nested(depth int) error {
	if depth == deepest {
		return failure("lists and objects are nested more than %d deep", deepest)
	}
	object := j.text[j.i] == '{'
	end := byte(']')
	if object {
		end = '}'
	}
	j.content = append(j.content, j.text[j.i])
	j.i++
	if j.peek() == end {
		j.i++
		j.content = append(j.content, end)
		return nil
	}
	for {
		if object {
			if j.peek() != '"' {
				return j.unexpected("a key in quotes")
			}
			if err := j.value(depth + 1); err != nil {
				return err
			}
			if j.peek() != ':' {
				return j.unexpected(":")
			}
			j.i++
			j.content = append(j.content, ':')
		}
		if err := j.value(depth + 1); err != nil {
			return err
		}
		c := j.peek()
		if c != end && c != ',' {
			return j.unexpected(fmt.Sprintf(", or %c", end))
		}
		j.i++
		j.content = append(j.content, c)
		if c == end {
			return nil
		}
	}
}

// unquote appends the text of the string at the current byte.
func (j *jsonLines) unquote(to []byte) ([]byte, error) {
	j.i++
	for {
		rest := j.text[j.i:]
		n := 0
		for n < len(rest) && rest[n] != '"' && rest[n] != '\\' && rest[n] >= ' ' {
			n++
		}
		if !utf8.Valid(rest[:n]) {
			return to, formatError(fault(string(rest[:n])))
		}
		to = append(to, rest[:n]...)
		j.i += n
		if n == len(rest) {
			return to, j.unexpected("the end of a string")
		}
		switch rest[n] {
		case '"':
			j.i++
			return to, nil
		case '\\':
			var err error
			if to, err = j.escape(to); err != nil {
				return to, err
			}
		default:
			return to, failure("the control character 0x%02x is in a string: want an escape such as \\n", rest[n])
		}
	}
}

// escape appends the character of the escape at the current byte. Half a surrogate pair becomes U+FFFD.
func (j *jsonLines) escape(to []byte) ([]byte, error) {
	if j.i+1 == len(j.text) {
		j.i++
		return to, j.unexpected("the end of a string")
	}
	const names, characters = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if at := bytes.IndexByte([]byte(names), j.text[j.i+1]); at >= 0 {
		j.i += 2
		return append(to, characters[at]), nil
	}
	r, ok := j.unit()
	if !ok {
		return to, formatError(`a string has a wrong escape: want \n, \", \u00e9 and the like`)
	}
	if r == 0 {
		return to, formatError("the text contains NUL")
	}
	if utf16.IsSurrogate(r) {
		before := j.i
		second, ok := j.unit()
		if r = utf16.DecodeRune(r, second); !ok || r == utf8.RuneError {
			j.i = before
		}
	}
	return utf8.AppendRune(to, r), nil
}

// unit reads an escape like \u00e9.
func (j *jsonLines) unit() (rune, bool) {
	rest := j.text[j.i:]
	if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(rest[2:6]), 16, 16)
	if err != nil {
		return 0, false
	}
	j.i += 6
	return rune(n), true
}
