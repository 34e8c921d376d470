package serve

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset"
	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/picture"
)

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
			return checkNumber(x)
		})
		return string(text), err
	case kind == '[' && f.Kind == feature.Set:
		return joined(f, text)
	case kind == '[' || kind == '{':
		return "", fmt.Errorf("it is %s, want %s", called(text), wanted(f))
	case isNumber(text) && f.Kind == feature.Number:
		if err := checkNumber(text); err != nil {
			return "", err
		}
	}
	if isNumber(text) && f.Comma {
		return strings.ReplaceAll(string(text), ".", ","), nil
	}
	return string(text), nil // a number, true or false
}

// checkNumber returns an error for a number that no feature can have. In a cell of a table, such a number is missing; in a request, it
// is a mistake.
func checkNumber(text []byte) error {
	if !isNumber(text) {
		return nil
	}
	if _, err := strconv.ParseFloat(string(text), 32); err != nil {
		return fmt.Errorf("the number %s is too large", short(string(text)))
	}
	return nil
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
		array, err := toArray(text, most(f.Shape))
		if err != nil {
			return "", err
		}
		return c.add("", content{bytes: array}), nil
	case text[0] == '"' && files != nil:
		name, err := unquote(text)
		if err != nil || name == "" {
			return "", err
		}
		file, ok := files.files[name]
		if !ok {
			return "", fmt.Errorf("the form has no file named %s", short(name))
		}
		key := string(f.Kind) + " " + name // a file may be read as a picture and as an array
		if files.own[key] == "" {
			files.own[key], err = s.addFile(c, f, name, file)
		}
		return files.own[key], err
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
	file, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("it is not base64: %w", err)
	}
	return s.addFile(c, f, "", file)
}

// addFile adds a file and returns the name that it gets. A picture with too many pixels is an error. What is no picture at all is found
// out later.
func (s *Server) addFile(c contents, f dataset.Field, name string, file []byte) (string, error) {
	if f.Kind != feature.Picture {
		return c.add(name, content{bytes: file}), nil
	}
	info, err := picture.Probe(file)
	if large := new(picture.SizeError); errors.As(err, &large) {
		info, err = picture.Info{Width: large.Width, Height: large.Height}, nil
	}
	if err == nil && info.Width > s.options.Pixels/max(1, info.Height) {
		return "", tooMuch("the picture has %d×%d pixels, want at most %d", info.Width, info.Height, s.options.Pixels)
	}
	return c.add(name, content{file, info.Width * info.Height}), nil
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
