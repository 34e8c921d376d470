package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset"
	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/npy"
	"mixmas/search/dataset/picture"
	"mixmas/search/escape"
)

// rows are the rows of a request.
type rows struct {
	values   []map[string]string
	contents contents
}

// contents are the files of a request, by name.
type contents map[string][]byte

// read returns a file for an encoder. It never reads the disk.
func (c contents) read(_ context.Context, name string) ([]byte, error) {
	content, ok := c[name]
	if !ok {
		return nil, fmt.Errorf("the request has no file named %s", short(name))
	}
	return content, nil
}

// add adds a file, whose name may be empty, and returns the name that it gets, which messages have.
func (c contents) add(name string, content []byte) string {
	for n := len(c) + 1; ; n++ {
		switch _, taken := c[name]; {
		case name == "":
			name = fmt.Sprintf("file %d", n)
		case taken:
			name = fmt.Sprintf("%s (%d)", name, n)
		default:
			c[name] = content
			return name
		}
	}
}

// sent are the files of a form, of which the values of rows name some.
type sent struct {
	files contents
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
func (s *Server) read(w http.ResponseWriter, r *http.Request) (*body, error) {
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
	limited := http.MaxBytesReader(w, r.Body, s.options.Bytes)
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

// readAll reads a body of a known length, or one of -1 that is not.
func readAll(body io.Reader, length int64) ([]byte, error) {
	if length < 0 {
		return io.ReadAll(body)
	}
	var text bytes.Buffer
	text.Grow(int(min(length, 1<<20)) + bytes.MinRead) // more as it comes
	_, err := text.ReadFrom(body)
	return text.Bytes(), err
}

// unread is the error of a body that could not be read.
func (s *Server) unread(err error) error {
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

// value returns a value of JSON as the cell that a table would have, or the name of a file.
func (s *Server) value(c contents, f dataset.Field, text []byte, files *sent) (string, error) {
	kind := text[0]
	if kind == 'n' {
		return "", nil // missing
	}
	if f.File() {
		return s.file(c, f, text, files)
	}
	switch {
	case kind == '"':
		return unquote(text)
	case kind == '[' && f.Kind == feature.List:
		err := elements(text, func(i int, x []byte) error {
			if x[0] != 'n' && !isNumber(x) {
				return fmt.Errorf("element %d of the list is %s, want a number or null", i, called(x))
			}
			return nil
		})
		return string(text), err
	case kind == '[' && f.Kind == feature.Set:
		return joined(f, text)
	case kind == '[' || kind == '{':
		return "", fmt.Errorf("it is %s, want %s", called(text), wanted(f))
	case isNumber(text) && f.Comma:
		return strings.ReplaceAll(string(text), ".", ","), nil
	}
	return string(text), nil // a number, true or false
}

// joined joins the members of a set.
func joined(f dataset.Field, text []byte) (string, error) {
	var list []string
	err := elements(text, func(i int, x []byte) error {
		if x[0] != '"' {
			return fmt.Errorf("member %d of the set is %s, want a text", i, called(x))
		}
		member, err := unquote(x)
		if err == nil && strings.Contains(member, f.Separator) {
			return fmt.Errorf("member %d of the set has %q in it, which is between members", i, f.Separator)
		}
		list = append(list, member)
		return err
	})
	return strings.Join(list, f.Separator), err
}

// file returns the name of a file that a value of JSON has or names.
func (s *Server) file(c contents, f dataset.Field, text []byte, files *sent) (string, error) {
	switch {
	case text[0] == '[' && f.Kind == feature.Array:
		content, err := toArray(text, most(f.Shape))
		if err != nil {
			return "", err
		}
		return c.add("", content), nil
	case text[0] == '"' && files != nil:
		name, err := unquote(text)
		if err != nil || name == "" {
			return "", err
		}
		content, ok := files.files[name]
		if !ok {
			return "", fmt.Errorf("the form has no file named %s", short(name))
		}
		if files.own[name] == "" {
			files.own[name] = c.add(name, content)
		}
		return files.own[name], s.checkFile(f, content)
	case text[0] == '"':
		name, err := unquote(text)
		if err != nil || name == "" {
			return "", err
		}
		if _, encoded, ok := strings.Cut(name, ";base64,"); ok && strings.HasPrefix(name, "data:") {
			return s.decode(c, f, encoded)
		}
	case text[0] == '{':
		encoded, found := "", false
		err := members(text, func(name string, value []byte) (err error) {
			if name != "base64" || value[0] != '"' {
				return fmt.Errorf(`the file has the member %s: want {"base64": "..."}`, short(strconv.Quote(name)))
			}
			found = true
			encoded, err = unquote(value)
			return err
		})
		if err != nil {
			return "", err
		}
		if found {
			return s.decode(c, f, encoded)
		}
	}
	return "", fmt.Errorf("it is %s, want %s", called(text), wanted(f))
}

// decode adds a file that is written in base64.
func (s *Server) decode(c contents, f dataset.Field, text string) (string, error) {
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("it is not base64: %w", err)
	}
	return c.add("", content), s.checkFile(f, content)
}

// checkFile returns an error for a picture with too many pixels. What is no picture at all is found out later.
func (s *Server) checkFile(f dataset.Field, content []byte) error {
	if f.Kind != feature.Picture {
		return nil
	}
	info, err := picture.Probe(content)
	if large := new(picture.SizeError); errors.As(err, &large) {
		info, err = picture.Info{Width: large.Width, Height: large.Height}, nil
	}
	if err == nil && info.Width > s.options.Pixels/max(1, info.Height) {
		return tooMuch("the picture has %d×%d pixels, want at most %d", info.Width, info.Height, s.options.Pixels)
	}
	return nil
}

// wanted says what a field takes.
func wanted(f dataset.Field) string {
	switch f.Kind {
	case feature.Picture:
		return `a picture: {"base64": "..."}, or a file of a form`
	case feature.Array:
		return fmt.Sprintf(`an array of %s: nested lists of numbers, an npy file as {"base64": "..."}, or one of a form`, shapeText(f.Shape))
	case feature.List:
		return "a list of numbers"
	case feature.Set:
		return "a text or a list of texts"
	}
	return "a " + string(f.Kind)
}

// shapeText is such as n×3, for an array of any number of rows of 3.
func shapeText(shape []int) string {
	parts := make([]string, len(shape))
	for i, n := range shape {
		if parts[i] = strconv.Itoa(n); n < 0 {
			parts[i] = "n"
		}
	}
	return strings.Join(parts, "×")
}

// most is how many numbers an array of a shape can have; 0 if it can have any length.
func most(shape []int) int {
	if slices.Contains(shape, -1) {
		return 0
	}
	return dimensions.Product(shape)
}

// mostParts is how many parts a form may have beside its rows.
const mostParts = 10_000

// part is a part of a form.
type part struct {
	name, file string
	content    []byte
}

// readForm reads the parts of a form.
func (s *Server) readForm(form *multipart.Reader) (parts []part, err error) {
	for {
		p, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, s.unread(err)
		}
		if len(parts) == mostParts {
			return nil, tooMuch("the form has more than %d parts", mostParts)
		}
		if encoding := p.Header.Get("Content-Transfer-Encoding"); encoding != "" && !strings.EqualFold(encoding, "binary") && encoding != "8bit" && encoding != "7bit" {
			return nil, wrong("content transfer encoding %s is not supported", short(encoding))
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, s.unread(err)
		}
		parts = append(parts, part{p.FormName(), p.FileName(), content})
	}
	if len(parts) == 0 {
		return nil, wrong("the form is empty: its parts are named by what the model reads: %s", s.fields.names())
	}
	return parts, nil
}

// parseForm reads the rows of a form: its parts are the values of one row, by name; or a part "rows" has the rows as JSON, and the
// others are files that the rows name. Arrays may have one more axis in front, that of rows.
func (s *Server) parseForm(parts []part) (*rows, error) {
	listed := -1
	for i, p := range parts {
		if _, err := s.fields.find(p.name); err == nil || p.name != "rows" {
			continue
		}
		if listed >= 0 {
			return nil, wrong("the form has two parts named rows")
		}
		listed = i
	}
	if listed < 0 {
		return s.formRow(parts)
	}
	files := &sent{contents{}, map[string]string{}}
	for i, p := range parts {
		if i == listed {
			continue
		}
		name := p.file
		if name == "" {
			name = p.name
		}
		if _, twice := files.files[name]; twice {
			return nil, wrong("the form has two files named %s", short(name))
		}
		files.files[name] = p.content
	}
	text := bytes.TrimSpace(parts[listed].content)
	if err := checkJSON(text); err != nil {
		return nil, err
	}
	list := &rows{contents: contents{}}
	return list, s.parseRows(list, text, files)
}

// formRow makes a row of the parts of a form, or several rows if its arrays have them.
func (s *Server) formRow(parts []part) (*rows, error) {
	list := &rows{values: []map[string]string{{}}, contents: contents{}}
	arrays := map[string][][]byte{} // with an axis of rows
	count := 0
	for _, p := range parts {
		f, err := s.fields.find(p.name)
		value := ""
		if err == nil {
			if _, twice := list.values[0][f.Name]; twice {
				err = errors.New("the form has it twice")
			}
		}
		switch {
		case err != nil:
		case f.File() && p.file == "" && len(p.content) == 0: // a browser's empty field
		case f.Kind == feature.Array:
			var several [][]byte
			if several, err = s.arraysOf(f, p.content); err == nil && several != nil {
				arrays[f.Name] = several
				if count == 0 {
					count = len(several)
				}
			} else if err == nil {
				value, err = s.arrayPart(list.contents, f, p.content)
			}
		case f.File():
			if err = s.checkFile(f, p.content); len(p.content) > 0 {
				value = list.contents.add(p.file, p.content)
			}
		case !utf8.Valid(p.content):
			err = errors.New("the text is not UTF-8")
		default:
			value = string(p.content)
		}
		if err != nil {
			return nil, &dataset.ValueError{Field: p.name, Err: err}
		}
		list.values[0][f.Name] = value
	}
	if count == 0 {
		return list, nil
	}
	all := make([]map[string]string, count)
	for row := range all {
		all[row] = map[string]string{}
	}
	for _, p := range parts {
		f, _ := s.fields.find(p.name)
		several := arrays[f.Name]
		if value := list.values[0][f.Name]; several == nil && count == 1 || value == "" && several == nil {
			all[0][f.Name] = value
			continue
		}
		if len(several) != count {
			return nil, &dataset.ValueError{Field: p.name, Err: fmt.Errorf("it has rows: %d, but another array has %d: want one row for each", max(1, len(several)), count)}
		}
		for row := range all {
			all[row][f.Name] = list.contents.add("", several[row])
		}
	}
	list.values = all
	return list, nil
}

// arrayPart adds an array of a form: an npy file or nested lists.
func (s *Server) arrayPart(c contents, f dataset.Field, content []byte) (string, error) {
	text := bytes.TrimSpace(content)
	if len(text) == 0 {
		return "", nil
	}
	if text[0] == '[' {
		if err := checkJSON(text); err != nil {
			return "", err
		}
		var err error
		if content, err = toArray(text, most(f.Shape)); err != nil {
			return "", err
		}
	}
	return c.add("", content), nil
}

// arraysOf splits an npy file with an axis of rows in front into one file per row; nil for a file of a single row.
func (s *Server) arraysOf(f dataset.Field, content []byte) ([][]byte, error) {
	header, offset, err := npy.ReadHeader(bytes.NewReader(content))
	if err != nil || len(header.Shape) != len(f.Shape)+1 {
		return nil, nil // its encoder says what is wrong
	}
	rows := header.Shape[0]
	switch {
	case header.Fortran:
		return nil, errors.New("the array is in Fortran order: write it in C order")
	case header.Bytes() != int64(len(content))-offset:
		return nil, fmt.Errorf("the shape %s needs %d bytes, but the file has %d", dimensions.Text(header.Shape), header.Bytes()+offset, len(content))
	case rows == 0:
		return nil, errors.New("the array has no rows")
	case rows > s.options.Rows:
		return nil, tooMuch("the array has %d rows, want at most %d", rows, s.options.Rows)
	}
	one := header
	one.Shape = header.Shape[1:]
	head, err := npy.AppendHeader(nil, one)
	if err != nil {
		return nil, err
	}
	size := int(header.Bytes()) / rows
	list := make([][]byte, rows)
	for row := range list {
		list[row] = append(append(make([]byte, 0, len(head)+size), head...), content[int(offset)+row*size:][:size]...)
	}
	return list, nil
}
