package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"

	"mixmas/search/dataset"
	"mixmas/search/escape"
)

// rows are the rows of a request.
type rows struct {
	values   []map[string]string
	contents contents
}

// contents are the files of a request, by name.
type contents map[string]content

// content is a file. pixels are those of a picture, which takes memory for them while it is decoded.
type content struct {
	bytes  []byte
	pixels int
}

// read returns a file for an encoder. It never reads the disk.
func (c contents) read(_ context.Context, name string) ([]byte, error) {
	file, ok := c[name]
	if !ok {
		return nil, fmt.Errorf("the request has no file named %s", short(name))
	}
	return file.bytes, nil
}

// pixels is how many pixels the pictures of a row have.
func (c contents) pixels(row map[string]string) (n int) {
	for _, name := range row {
		n += c[name].pixels
	}
	return n
}

// add adds a file, whose name may be empty, and returns the name that it gets, which messages have.
func (c contents) add(name string, file content) string {
	for n := len(c) + 1; ; n++ {
		switch _, taken := c[name]; {
		case name == "":
			name = fmt.Sprintf("file %d", n)
		case taken:
			name = fmt.Sprintf("%s (%d)", name, n)
		default:
			c[name] = file
			return name
		}
	}
}

// fields are what a row of the model may have.
type fields []dataset.Field

// find returns the field with a name.
func (f fields) find(name string) (dataset.Field, error) {
	for _, field := range f {
		if field.Name == name || field.Other != "" && field.Other == name {
			return field, nil
		}
	}
	return dataset.Field{}, fmt.Errorf("the model reads no %s: it reads %s", short(name), f.names())
}

// names lists the fields for people.
func (f fields) names() string {
	const most = 20
	var names []string
	for _, field := range f[:min(most, len(f))] {
		names = append(names, escape.Terminal(field.Name))
	}
	if len(f) > most {
		names = append(names, fmt.Sprintf("%d more", len(f)-most))
	}
	return strings.Join(names, ", ")
}

// Media types of requests.
const (
	typeJSON = "application/json"
	typeForm = "multipart/form-data"
)

// wrong is an error of a request that is not understood.
func wrong(format string, args ...any) error {
	return &problem{status: http.StatusBadRequest, text: fmt.Sprintf(format, args...)}
}

// tooMuch is an error of a request beyond a limit.
func tooMuch(format string, args ...any) error {
	return &problem{status: http.StatusRequestEntityTooLarge, text: fmt.Sprintf(format, args...)}
}

// body is the body of a request: a text of JSON, or the parts of a form.
type body struct {
	text  []byte
	parts []part
}

// read reads the body of a request.
func (s *Server) read(w http.ResponseWriter, r *http.Request, arriving *reserving) (*body, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, &problem{status: http.StatusUnsupportedMediaType, text: fmt.Sprintf("content encoding %s is not supported: send the body as it is", short(encoding))}
	}
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != typeJSON && kind != typeForm {
		return nil, &problem{status: http.StatusUnsupportedMediaType, text: fmt.Sprintf("content type %s: want %s or %s", short(strconv.Quote(r.Header.Get("Content-Type"))), typeJSON, typeForm)}
	}
	if r.ContentLength > s.options.Bytes {
		return nil, s.unread(&http.MaxBytesError{Limit: s.options.Bytes})
	}
	limited := http.MaxBytesReader(w, arriving, s.options.Bytes)
	if kind == typeForm {
		parts, err := s.readForm(multipart.NewReader(limited, parameters["boundary"]))
		return &body{parts: parts}, err
	}
	text, err := readAll(limited, r.ContentLength)
	if err != nil {
		return nil, s.unread(err)
	}
	return &body{text: text}, nil
}

// reserving reads a body, and reserves room for the bytes as they come.
type reserving struct {
	body        io.ReadCloser
	room        *semaphore.Weighted
	step        int64
	taken, left int64 // of the room, and of the last step
}

// bodyStep is how much room is reserved at a time.
const bodyStep = 1 << 16

// Read implements [io.Reader].
func (r *reserving) Read(b []byte) (int, error) {
	if r.left == 0 {
		if !r.room.TryAcquire(r.step) {
			return 0, &problem{status: http.StatusTooManyRequests, text: "the requests that are running have too many bytes together: try again"}
		}
		r.taken, r.left = r.taken+r.step, r.step
	}
	n, err := r.body.Read(b[:min(int64(len(b)), r.left)])
	r.left -= int64(n)
	return n, err
}

// Close implements [io.Closer].
func (r *reserving) Close() error { return r.body.Close() }

// release gives the room back, once nothing needs the body any more.
func (r *reserving) release() { r.room.Release(r.taken) }

// readAll reads a body of a length, which is -1 if it is not known.
func readAll(body io.Reader, length int64) ([]byte, error) {
	if length < 0 {
		return io.ReadAll(body)
	}
	text := make([]byte, 0, min(length, bodyStep)+1) // more as it comes, and in the end no more than there is
	for {
		if len(text) == cap(text) {
			larger := 2 * len(text)
			if int64(len(text)) <= length {
				larger = int(min(int64(larger), length+1))
			}
			text = append(make([]byte, 0, larger), text...)
		}
		n, err := body.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if errors.Is(err, io.EOF) {
			return text, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// unread is the error of a body that could not be read.
func (s *Server) unread(err error) error {
	if p := new(problem); errors.As(err, &p) {
		return p
	}
	switch limit := new(http.MaxBytesError); {
	case errors.As(err, &limit):
		return tooMuch("the request has more than %d bytes, which is the limit", s.options.Bytes)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{status: http.StatusRequestTimeout, text: "the request did not arrive in time"}
	}
	return wrong("the request cannot be read: %v", err)
}

// parseJSON reads the rows of a JSON body, {"rows": [{NAME: VALUE, ...}, ...]}.
func (s *Server) parseJSON(text []byte) (*rows, error) {
	if err := checkJSON(text); err != nil {
		return nil, err
	}
	list := &rows{contents: contents{}}
	found := false
	err := members(text, func(name string, value []byte) error {
		if name != "rows" {
			return &problem{status: http.StatusBadRequest, text: fmt.Sprintf(`unknown member %s: want {"rows": [{...}, ...]}`, short(strconv.Quote(name))), field: name}
		}
		found = true
		return s.parseRows(list, value, nil)
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, wrong(`the body has no rows: want {"rows": [{...}, ...]}`)
	}
	return list, nil
}

// parseRows reads a list of rows. files are those of a form, which values may name; nil without a form.
func (s *Server) parseRows(list *rows, text []byte, files *sent) error {
	if text[0] != '[' {
		return wrong("rows is %s, want a list of rows: [{...}, ...]", called(text))
	}
	err := elements(text, func(row int, object []byte) error {
		if row == s.options.Rows {
			return tooMuch("the request has more than %d rows, which is the limit", s.options.Rows)
		}
		if object[0] != '{' {
			return &problem{status: http.StatusBadRequest, text: fmt.Sprintf("the row is %s, want an object: {...}", called(object)), row: &row}
		}
		values := map[string]string{}
		err := members(object, func(name string, value []byte) error {
			field, err := s.fields.find(name)
			if err == nil {
				if _, twice := values[field.Name]; twice {
					err = fmt.Errorf("the row has %s and %s, which are the same", escape.Terminal(field.Name), escape.Terminal(field.Other))
				}
			}
			if err == nil {
				values[field.Name], err = s.value(list.contents, field, value, files)
			}
			if err != nil {
				return &dataset.ValueError{Row: row, Field: name, Err: err}
			}
			return nil
		})
		if p := new(problem); errors.As(err, &p) && p.row == nil {
			p.row = &row
		}
		list.values = append(list.values, values)
		return err
	})
	if err == nil && len(list.values) == 0 {
		return wrong("there are no rows")
	}
	return err
}

// sent are the files of a form, of which the values of rows name some.
type sent struct {
	files map[string][]byte
	own   map[string]string // names that files have among those of the request, once a row has named them
}

// short is a text of a request as messages have it: one that people can read.
func short(text string) string {
	if strings.TrimSpace(text) == "" {
		return strconv.Quote(text)
	}
	const most = 100
	if len(text) > most {
		end := most
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end] + "…"
	}
	return escape.Terminal(text)
}
