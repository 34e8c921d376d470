package tabular

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// delimited reads records of text with delimiters. A line ends with LF, CRLF or CR. A cell in quotes may contain delimiters, line
// breaks and doubled quotes; a quote inside a cell that does not begin with one is a character like others.
type delimited struct {
	*buffer
	delimiter byte
	most      int // cells that are kept of a record; further ones are only counted
	// Where the next LF, quote and character that ends no line are in data, or its length; before at: not known. Without them, a
	// file that has none of one kind would be searched to its end for every line.
	feed, quote, solid int

	// The record.
	cells []string
	count int // of cells
	start int // its line
	empty bool

	content []byte // of its cells, without quotes
	ends    []int  // of its cells in content
}

func newDelimited(b *buffer, delimiter byte) *delimited {
	return &delimited{buffer: b, delimiter: delimiter, most: mostColumns, feed: -1, quote: -1, solid: -1}
}

var errMore = errors.New("the record goes on")

// next reads a record. At the end it returns io.EOF. Empty lines are skipped if there are several columns. Of one column they are
// empty cells, except at the end.
func (d *delimited) next(columns int) error {
	for {
		err := d.record()
		if err == nil && d.empty {
			if columns != 1 {
				continue
			}
			err = d.followed()
		}
		if err != errMore {
			return err
		}
		if err := d.failed(); err != nil {
			return err
		}
		if err := d.extend(); err != nil {
			return err
		}
	}
}

// extend reads more.
func (d *delimited) extend() error {
	d.feed, d.quote, d.solid = -1, -1, -1
	return d.more()
}

// followed returns io.EOF if only empty lines follow the empty record that was just read.
func (d *delimited) followed() error {
	for {
		if d.solid < d.at {
			d.solid = len(d.data) - len(bytes.TrimLeft(d.data[d.at:], "\r\n"))
		}
		if d.solid < len(d.data) {
			return nil
		}
		if d.err != nil {
			return d.err
		}
		if err := d.extend(); err != nil {
			return err
		}
	}
}

// record reads the record at the start of the buffer, or returns errMore if the buffer does not hold all of it.
func (d *delimited) record() error {
	d.start = d.line
	end := d.err == io.EOF // the file ends with the buffer
	if d.at == len(d.data) {
		if end {
			return io.EOF
		}
		return errMore
	}
	d.seek(&d.feed, '\n')
	d.seek(&d.quote, '"')
	if d.quote < d.feed {
		return d.quoted()
	}
	line := d.data[d.at:d.feed]
	next := min(d.feed+1, len(d.data))
	if cr := bytes.IndexByte(line, '\r'); cr >= 0 && cr < len(line)-1 {
		line, next = line[:cr], d.at+cr+1
	} else if d.feed == len(d.data) && !end {
		return errMore
	} else if cr >= 0 {
		line = line[:cr]
	}
	if len(line) > mostRecord {
		return errLong
	}
	d.at, d.line = next, d.line+1
	d.empty = len(line) == 0
	return d.split(string(line))
}

// seek finds the next character in data, if its position is not known.
func (d *delimited) seek(position *int, c byte) {
	if *position >= d.at {
		return
	}
	*position = len(d.data)
	if i := bytes.IndexByte(d.data[d.at:], c); i >= 0 {
		*position = d.at + i
	}
}

// split makes cells of a line without quotes.
func (d *delimited) split(line string) error {
	d.cells, d.count = d.cells[:0], 1
	for rest := line; ; d.count++ {
		i := strings.IndexByte(rest, d.delimiter)
		if i < 0 {
			d.keep(rest)
			return d.check(line)
		}
		d.keep(rest[:i])
		rest = rest[i+1:]
	}
}

func (d *delimited) keep(cell string) {
	if len(d.cells) < d.most {
		d.cells = append(d.cells, cell)
	}
}

// quoted reads a record that may have quotes.
func (d *delimited) quoted() error {
	data, end := d.data, d.err == io.EOF
	d.content, d.ends = d.content[:0], d.ends[:0]
	d.count = 1
	for i := d.at; ; i++ { // i is the start of a cell
		if i < len(data) && data[i] == '"' {
			var err error
			if i, err = d.quotedCell(i, end); err != nil {
				return err
			}
		} else {
			length := 0
			for ; i+length < len(data); length++ {
				if c := data[i+length]; c == d.delimiter || c == '\n' || c == '\r' {
					break
				}
			}
			d.content = append(d.content, data[i:i+length]...)
			i += length
		}
		if len(d.ends) < d.most {
			d.ends = append(d.ends, len(d.content))
		}
		if i < len(data) && data[i] == d.delimiter {
			d.count++
			continue
		}
		if i >= len(data)-1 && !end { // a CR may be followed by LF
			return errMore
		}
		if i-d.at > mostRecord {
			return errLong
		}
		d.empty = i == d.at
		d.line += breaks(data[d.at:i])
		if i < len(data) {
			d.line++
			if data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n' {
				i++
			}
			i++
		}
		d.at = i
		break
	}
	line, from := string(d.content), 0
	d.cells = d.cells[:0]
	for _, end := range d.ends {
		d.cells = append(d.cells, line[from:end])
		from = end
	}
	return d.check(line)
}

// quotedCell reads the cell whose first quote is at i, and returns where it ends. end says that the file ends with the buffer.
func (d *delimited) quotedCell(i int, end bool) (int, error) {
	data, began := d.data, i
	for i++; ; {
		length := bytes.IndexByte(data[i:], '"')
		if length < 0 && (end || len(data)-d.at > mostRecord) || i+length-d.at > mostRecord {
			return 0, d.unclosed(began)
		}
		if length < 0 || i+length+1 == len(data) && !end { // another quote may follow
			return 0, errMore
		}
		d.content = append(d.content, data[i:i+length]...)
		i += length + 1
		if i == len(data) || data[i] != '"' {
			break
		}
		d.content = append(d.content, '"')
		i++
	}
	if i < len(data) && data[i] != d.delimiter && data[i] != '\r' && data[i] != '\n' {
		return 0, &Error{Line: d.line + breaks(data[d.at:i]), Row: -1, Text: fmt.Sprintf(
			"text follows the end of a quoted cell that begins in line %d: double the quotes inside a cell, and close it before a %s",
			d.line+breaks(data[d.at:began]), delimiterName(d.delimiter))}
	}
	return i, nil
}

func (d *delimited) unclosed(began int) error {
	line := d.line + breaks(d.data[d.at:began])
	where := "in the rest of the file"
	if len(d.data)-d.at > mostRecord {
		where = "within 16 MiB"
	}
	return &Error{Line: line, Row: -1, Text: "a quote opens a cell here and is not closed " + where +
		": close it, or write a quote inside a cell twice and put the cell in quotes"}
}

// breaks counts the ends of lines.
func breaks(text []byte) int {
	n := bytes.Count(text, []byte{'\n'})
	for i, c := range text {
		if c == '\r' && (i+1 == len(text) || text[i+1] != '\n') {
			n++
		}
	}
	return n
}

// check returns an error if the text of a record is not UTF-8 or contains NUL.
func (d *delimited) check(record string) error {
	if utf8.ValidString(record) && strings.IndexByte(record, 0) < 0 {
		return nil
	}
	for i, cell := range d.cells {
		if fault := fault(cell); fault != "" {
			return &cellError{column: i, text: fault}
		}
	}
	return formatError(fault(record))
}

// fault says what is wrong with the bytes of a text; "" if nothing is.
func fault(text string) string {
	if strings.IndexByte(text, 0) >= 0 {
		return "the text contains a NUL byte: want text in UTF-8, or UTF-16 with a byte-order mark"
	}
	for i, r := range text {
		if _, size := utf8.DecodeRuneInString(text[i:]); r == utf8.RuneError && size == 1 {
			return fmt.Sprintf("the byte 0x%02x is not UTF-8: save the file as UTF-8", text[i])
		}
	}
	return ""
}

// cellError is an error in a cell.
type cellError struct {
	column int    // its position; -1 for none
	name   string // of the column, if only the reader knows it
	text   string
}

func (e *cellError) Error() string { return e.text }

func delimiterName(delimiter byte) string {
	switch delimiter {
	case ',':
		return "comma"
	case ';':
		return "semicolon"
	case '\t':
		return "tab"
	case '|':
		return "vertical bar"
	}
	return fmt.Sprintf("%q", delimiter)
}

// sniff finds the delimiter of the first lines: the one that occurs most often in the first line among those that occur equally
// often in the others, and a comma for a single column. Quoted cells do not count, nor commas between digits if another one fits.
func sniff(data []byte, whole bool) byte {
	const (
		lines      = 10
		candidates = ",;\t|"
	)
	var counts [lines][len(candidates)]int
	decimal, quoted, line := [lines]int{}, false, 0
	empty := true
	last := 0
	for i := 0; i < len(data) && line < lines; i++ {
		c := data[i]
		switch {
		case c == '"':
			quoted, empty = !quoted, false
		case quoted:
		case c == '\n' || c == '\r':
			if !empty {
				line++
				last = line
			}
			empty = true
			continue
		default:
			empty = false
			if at := strings.IndexByte(candidates, c); at >= 0 {
				counts[line][at]++
				if c == ',' && i > 0 && i+1 < len(data) && digit(data[i-1]) && digit(data[i+1]) {
					decimal[line]++
				}
			}
		}
	}
	if whole && !empty && line < lines || last == 0 {
		last = min(line+1, lines)
	}
	even := func(at int) bool {
		for _, c := range counts[:last] {
			if c[at] != counts[0][at] {
				return false
			}
		}
		return counts[0][at] > 0
	}
	best := -1
	for at := range len(candidates) {
		if even(at) && (best < 0 || counts[0][at] > counts[0][best] || best == 0 && decimal[0] == counts[0][0]) {
			best = at
		}
	}
	if best < 0 { // ragged: the first line decides
		for at := range len(candidates) {
			if counts[0][at] > 0 && (best < 0 || counts[0][at] > counts[0][best]) {
				best = at
			}
		}
	}
	return candidates[max(best, 0)]
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
