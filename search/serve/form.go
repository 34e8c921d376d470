package serve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"strings"
	"unicode/utf8"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset"
	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/npy"
)

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
	files := &sent{map[string][]byte{}, map[string]string{}}
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
			if len(p.content) > 0 {
				value, err = s.addFile(list.contents, f, p.file, p.content)
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
			all[row][f.Name] = list.contents.add("", content{bytes: several[row]})
		}
	}
	list.values = all
	return list, nil
}

// arrayPart adds an array of a form: an npy file or nested lists.
func (s *Server) arrayPart(c contents, f dataset.Field, file []byte) (string, error) {
	text := bytes.TrimSpace(file)
	if len(text) == 0 {
		return "", nil
	}
	if text[0] == '[' {
		if err := checkJSON(text); err != nil {
			return "", err
		}
		var err error
		if file, err = toArray(text, most(f.Shape)); err != nil {
			return "", err
		}
	}
	return c.add("", content{bytes: file}), nil
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
