package tabular

import (
	"bytes"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// formatError says what is wrong with the content of a file. Other errors are of reading it.
type formatError string

func (e formatError) Error() string { return string(e) }

// text returns the UTF-8 text of a file: without a byte-order mark, and decoded from UTF-16 if it begins with its mark.
func text(r io.Reader) (io.Reader, error) {
	start := make([]byte, 4)
	n, err := io.ReadFull(r, start)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	start = start[:n]
	for magic, what := range map[string]string{
		"PK\x03\x04": "a zip archive or an Excel workbook", "PAR1": "a Parquet file", "\x89HDF": "an HDF5 file",
		"\xff\xfe\x00\x00": "UTF-32", "\x00\x00\xfe\xff": "UTF-32", "\xd0\xcf\x11\xe0": "an Excel workbook",
	} {
		if string(start) == magic {
			return nil, formatError("the file is " + what + ", want text in UTF-8: save it as CSV")
		}
	}
	rest := func(mark int) io.Reader { return io.MultiReader(bytes.NewReader(start[mark:]), r) }
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		return rest(3), nil
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		return &wide{r: rest(2)}, nil
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		return &wide{r: rest(2), big: true}, nil
	}
	return rest(0), nil
}

// wide decodes UTF-16.
type wide struct {
	r       io.Reader
	big     bool // big-endian
	raw     []byte
	left    int    // bytes at the start of raw that are half a character
	decoded []byte // what Read has not returned yet
	buffer  []byte // of decoded
	err     error
}

func (w *wide) Read(p []byte) (int, error) {
	for len(w.decoded) == 0 {
		if w.err != nil {
			return 0, w.err
		}
		w.fill()
	}
	n := copy(p, w.decoded)
	w.decoded = w.decoded[n:]
	return n, nil
}

// fill decodes some more characters.
func (w *wide) fill() {
	if w.raw == nil {
		w.raw = make([]byte, 1<<15)
	}
	n, err := w.r.Read(w.raw[w.left:])
	n += w.left
	unit := func(i int) rune {
		if w.big {
			return rune(w.raw[i])<<8 | rune(w.raw[i+1])
		}
		return rune(w.raw[i+1])<<8 | rune(w.raw[i])
	}
	w.buffer = w.buffer[:0]
	i := 0
	for i+2 <= n {
		r, size := unit(i), 2
		if utf16.IsSurrogate(r) {
			if i+4 > n {
				break
			}
			if r, size = utf16.DecodeRune(r, unit(i+2)), 4; r == utf8.RuneError {
				w.decoded, w.err = w.buffer, formatError("the text is not valid UTF-16")
				return
			}
		}
		w.buffer = utf8.AppendRune(w.buffer, r)
		i += size
	}
	w.left = copy(w.raw, w.raw[i:n])
	if err == io.EOF && w.left > 0 {
		err = formatError("the text is not valid UTF-16: it ends within a character")
	}
	w.decoded, w.err = w.buffer, err
}
