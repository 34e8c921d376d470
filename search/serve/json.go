package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset/npy"
)

// checkJSON returns an error for a text that is not JSON, or of which encoding/json would change something in silence.
func checkJSON(text []byte) error {
	if !utf8.Valid(text) {
		return wrong("the JSON is not UTF-8")
	}
	err := json.Unmarshal(text, &unread{})
	if at := new(json.SyntaxError); errors.As(err, &at) {
		return wrong("the JSON is wrong at byte %d: %v", at.Offset, err)
	}
	if err != nil {
		return wrong("the JSON is wrong: %v", err)
	}
	return nil
}

// unread is any value of JSON, of which nothing is kept.
type unread struct{}

// UnmarshalJSON implements [json.Unmarshaler].
func (*unread) UnmarshalJSON([]byte) error { return nil }

// What follows walks over JSON that is known to be valid.

// space skips white space.
func space(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t') {
		at++
	}
	return at
}

// after is the end of the value that begins at a place.
func after(text []byte, at int) int {
	depth := 0
	for ; at < len(text); at++ {
		switch text[at] {
		case '"':
			for at++; text[at] != '"'; at++ {
				if text[at] == '\\' {
					at++
				}
			}
			if depth == 0 {
				return at + 1
			}
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return at + 1
			}
			if depth < 0 { // of what the value is in
				return at
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return at
			}
		}
	}
	return at
}

// elements calls use with each element of a list.
func elements(list []byte, use func(i int, value []byte) error) error {
	at := space(list, 1)
	for i := 0; list[at] != ']'; i++ {
		end := after(list, at)
		if err := use(i, list[at:end]); err != nil {
			return err
		}
		if at = space(list, end); list[at] == ',' {
			at = space(list, at+1)
		}
	}
	return nil
}

// members calls use with each member of an object. Members of one name are an error.
func members(object []byte, use func(name string, value []byte) error) error {
	at := space(object, 0)
	if object[at] != '{' {
		return wrong("the body is %s, want an object: {...}", called(object[at:]))
	}
	seen := map[string]bool{}
	at = space(object, at+1)
	for object[at] != '}' {
		end := after(object, at)
		name, err := unquote(object[at:end])
		if err != nil {
			return err
		}
		if seen[name] {
			return &problem{status: http.StatusBadRequest, text: fmt.Sprintf("two members are named %s", short(strconv.Quote(name))), field: name}
		}
		seen[name] = true
		at = space(object, space(object, end)+1) // behind the colon
		end = after(object, at)
		if err := use(name, object[at:end]); err != nil {
			return err
		}
		if at = space(object, end); object[at] == ',' {
			at = space(object, at+1)
		}
	}
	return nil
}

// unquote is the text that a JSON string stands for.
func unquote(text []byte) (string, error) {
	if inside := text[1 : len(text)-1]; bytes.IndexByte(inside, '\\') < 0 {
		return string(inside), nil
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return "", err
	}
	// encoding/json puts a replacement character where half of a surrogate pair stands alone.
	if got := strings.Count(s, "\ufffd"); got > bytes.Count(text, []byte("\ufffd"))+strings.Count(strings.ToLower(string(text)), `\ufffd`) {
		return "", errors.New("the text has half of a surrogate pair, such as \\ud800, without the other half")
	}
	return s, nil
}

func isNumber(value []byte) bool { return value[0] == '-' || value[0] >= '0' && value[0] <= '9' }

// called is what a value is, for people.
func called(value []byte) string {
	switch value[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 'n':
		return "null"
	case 't', 'f':
		return "a truth value"
	}
	return "a number"
}

// toArray makes an npy file of nested lists of numbers, null being a missing one. All lists of a depth have the same length. More
// numbers than most, if it is not 0, are an error.
func toArray(text []byte, most int) ([]byte, error) {
	a := &nested{most: most}
	if err := a.add(text, 0); err != nil {
		return nil, err
	}
	var file bytes.Buffer
	w, err := npy.NewWriter(&file, npy.Float32, a.shape...)
	if err != nil {
		return nil, err
	}
	if err := w.Append(a.values); err != nil {
		return nil, err
	}
	return file.Bytes(), w.Close()
}

// nested collects the numbers of nested lists.
type nested struct {
	shape  []int // -1 where it is not known yet
	values []float32
	most   int
}

// mostAxes is the depth of nested lists at most.
const mostAxes = 8

func (a *nested) add(list []byte, depth int) error {
	if depth == mostAxes {
		return fmt.Errorf("lists are nested more than %d deep", mostAxes)
	}
	if depth == len(a.shape) {
		a.shape = append(a.shape, -1)
	}
	count := 0
	err := elements(list, func(i int, x []byte) error {
		count++
		deepest := depth == len(a.shape)-1 && (len(a.values) > 0 || i > 0 || x[0] != '[')
		switch {
		case x[0] == '[' && !deepest:
			return a.add(x, depth+1)
		case x[0] == '[', !deepest:
			return fmt.Errorf("element %d of a list is %s, but others of this depth are not: want lists of the same depth", i, called(x))
		case a.most > 0 && len(a.values) == a.most:
			return fmt.Errorf("the array has more than %d numbers", a.most)
		case x[0] == 'n':
			a.values = append(a.values, float32(math.NaN()))
			return nil
		case !isNumber(x):
			return fmt.Errorf("element %d of a list is %s, want a number or null", i, called(x))
		}
		if err := checkNumber(x); err != nil {
			return err
		}
		v, _ := strconv.ParseFloat(string(x), 32)
		a.values = append(a.values, float32(v))
		return nil
	})
	if err != nil {
		return err
	}
	if a.shape[depth] >= 0 && a.shape[depth] != count {
		return fmt.Errorf("lists have %d and %d elements, in the shape %s: want the same number", a.shape[depth], count, dimensions.Text(a.shape[:depth+1]))
	}
	a.shape[depth] = count
	return nil
}
