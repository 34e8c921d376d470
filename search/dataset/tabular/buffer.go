package tabular

import (
	"io"
	"slices"
)

// mostRecord is the most bytes of a record: 16 MiB. Tests lower it.
var mostRecord = 16 << 20

// mostColumns is the most columns of a table.
const mostColumns = 1 << 20

const errLong = formatError("the record is longer than 16 MiB: is a line break or a quote missing?")

// buffer holds what was read and not used yet: at least the record that is being read.
type buffer struct {
	r    io.Reader
	data []byte
	at   int   // where the record starts in data
	line int   // its line in the file, from 1
	err  error // what follows the data: io.EOF, or why reading failed; nil if there may be more
}

func newBuffer(r io.Reader) *buffer { return &buffer{r: r, line: 1} }

// more reads more of the record, which moves it to the start of data. It returns [errLong] if the record is too long. It must not
// be called after the end.
func (b *buffer) more() error {
	const first, usual = 1 << 12, 1 << 16 // there may be many small tables
	kept := copy(b.data, b.data[b.at:])
	b.data, b.at = b.data[:kept], 0
	if kept > mostRecord {
		return errLong
	}
	switch {
	case cap(b.data) == 0:
		b.data = make([]byte, 0, first)
	case cap(b.data) < usual:
		b.data = slices.Grow(b.data, usual)
	case kept > cap(b.data)/2: // read at least as much again, so that a record is looked at few times
		b.data = slices.Grow(b.data, kept)
	}
	for len(b.data) < cap(b.data) && b.err == nil {
		var n int
		n, b.err = b.r.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
	}
	return nil
}

// failed is the error that ended the data, nil at the end of the file.
func (b *buffer) failed() error {
	if b.err == io.EOF {
		return nil
	}
	return b.err
}
