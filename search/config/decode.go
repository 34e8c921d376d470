package config

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Error is one thing that is wrong with a configuration.
type Error struct {
	File  string // as given to Load or Parse
	Line  int    // counted from 1
	Field string // dotted path, such as search.training.batch; empty where the text is not YAML
	Text  string // what is wrong and what would be right
}

// Error is "file:line: field: text".
func (e *Error) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
	}
	return fmt.Sprintf("%s:%d: %s: %s", e.File, e.Line, e.Field, e.Text)
}

// decoder fills Go values from YAML nodes. It goes on after an error and collects all of them.
type decoder struct {
	file  string
	lines map[string]int // line of each field seen
	errs  []error
	noted map[Error]bool
}

// decodable is a type that reads itself from a node.
type decodable interface {
	decode(d *decoder, n *yaml.Node, field string)
}

// errorf notes an error, once.
func (d *decoder) errorf(line int, field, format string, args ...any) {
	e := Error{File: d.file, Line: max(line, 1), Field: field, Text: fmt.Sprintf(format, args...)}
	if d.noted[e] {
		return
	}
	if d.noted == nil {
		d.noted = map[Error]bool{}
	}
	d.noted[e] = true
	d.errs = append(d.errs, &e)
}

// failed says whether something within a field is wrong.
func (d *decoder) failed(field string) bool {
	return slices.ContainsFunc(d.errs, func(err error) bool {
		wrong := new(Error)
		return errors.As(err, &wrong) && strings.HasPrefix(wrong.Field+".", field+".")
	})
}

// value reads a node into v, which must meet the rules.
func (d *decoder) value(n *yaml.Node, field string, v reflect.Value, r rules) {
	n = resolve(n)
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		d.errorf(n.Line, field, "has no value")
		return
	}
	if own, ok := v.Addr().Interface().(decodable); ok {
		own.decode(d, n, field)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		list := fields(v)
		d.mapping(n, field, func(key, value *yaml.Node) bool {
			for _, f := range list {
				if f.name == key.Value {
					d.value(value, join(field, f.name), f.value, f.rules)
					return true
				}
			}
			return false
		}, fieldNames(v)...)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		d.mapping(n, field, func(key, value *yaml.Node) bool {
			item := reflect.New(v.Type().Elem()).Elem()
			d.value(value, join(field, key.Value), item, r)
			v.SetMapIndex(reflect.ValueOf(key.Value), item)
			return true
		})
	case reflect.Slice:
		items := d.sequence(n, field)
		v.SetZero()
		if len(items) > 0 {
			v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		}
		for i, item := range items {
			d.value(item, index(field, i), v.Index(i), r)
		}
	case reflect.Array:
		items := d.sequence(n, field)
		if items != nil && len(items) != v.Len() {
			d.errorf(n.Line, field, "want %d elements, got %d", v.Len(), len(items))
			return
		}
		for i, item := range items {
			d.value(item, index(field, i), v.Index(i), r)
		}
	default:
		d.scalar(n, field, v, r)
	}
}

// scalar reads a word, number or truth value.
func (d *decoder) scalar(n *yaml.Node, field string, v reflect.Value, r rules) {
	want, err := "", error(nil)
	tag := n.ShortTag()
	if n.Kind != yaml.ScalarNode {
		tag = ""
	}
	switch v.Kind() {
	case reflect.String:
		want = "a word"
		if tag != "" {
			v.SetString(n.Value)
		}
	case reflect.Bool:
		want = "true or false"
		if tag == "!!bool" {
			err = n.Decode(v.Addr().Interface())
		} else {
			tag = ""
		}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		want = "a whole number"
		if tag == "!!int" {
			err = n.Decode(v.Addr().Interface())
		} else {
			tag = ""
		}
	case reflect.Float64:
		want = "a number"
		if tag == "!!int" || tag == "!!float" {
			err = n.Decode(v.Addr().Interface())
		} else {
			tag = ""
		}
		if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
			want, tag = "a finite number", ""
		}
	default:
		panic("config: options of kind " + v.Kind().String() + " cannot be read")
	}
	if v.Kind() == reflect.Uint64 {
		want = "a whole number from 0 to 18446744073709551615"
	}
	if tag == "" || err != nil {
		d.errorf(n.Line, field, "want %s, got %s", want, describe(n))
		return
	}
	if text := r.check(v); text != "" {
		d.errorf(n.Line, field, "%s", text)
	}
}

// mapping calls each for every key and value of a mapping and notes an error for a key that each refuses. It reports
// whether the node was a mapping without such errors.
func (d *decoder) mapping(n *yaml.Node, field string, each func(key, value *yaml.Node) bool, known ...string) bool {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		d.errorf(n.Line, field, "want fields with values, got %s", describe(n))
		return false
	}
	ok := true
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := resolve(n.Content[i])
		if key.Kind != yaml.ScalarNode {
			d.errorf(key.Line, field, "want a name before the colon, got %s", describe(key))
			ok = false
			continue
		}
		name := join(field, key.Value)
		if seen[key.Value] {
			d.errorf(key.Line, name, "is given twice")
			ok = false
			continue
		}
		seen[key.Value] = true
		if _, noted := d.lines[name]; !noted {
			d.lines[name] = key.Line
		}
		if !each(key, n.Content[i+1]) {
			d.errorf(key.Line, name, "unknown field: known are %s", strings.Join(known, ", "))
			ok = false
		}
	}
	return ok
}

// sequence lists the items of a list; nil after an error.
func (d *decoder) sequence(n *yaml.Node, field string) []*yaml.Node {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		d.errorf(n.Line, field, "want a list, got %s", describe(n))
		return nil
	}
	return append([]*yaml.Node{}, n.Content...)
}

// resolve follows aliases to what they stand for.
func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// lookup finds the value of a key in a mapping, or nil.
func lookup(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return resolve(n.Content[i+1])
		}
	}
	return nil
}

// describe says what a node is, for errors.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "fields"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	const longest = 60
	if len(n.Value) > longest {
		return strconv.Quote(n.Value[:longest]) + "..."
	}
	return strconv.Quote(n.Value)
}

// join appends a name to a dotted path.
func join(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

// index appends a position to a dotted path.
func index(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }
