package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"mixmas/nn/options"
)

// mostListed is the largest number of candidates that lists of values may make in a configuration.
const mostListed = 1000

// listed is an option of a candidate that lists several values, and lists are those of a candidate, in the order of the file.
type (
	listed struct {
		option string
		values []reflect.Value
	}
	lists []listed
)

// takesList reports whether an option may list values: it may unless a value is a list itself, or has fields.
func takesList(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
		return false
	}
	return !reflect.PointerTo(t).Implements(reflect.TypeFor[decodable]())
}

// set reads an option of a candidate, one value or a list of them. A list of one value is that value.
func (l *lists) set(d *decoder, c *Candidate, f options.Field, n *yaml.Node, field string) {
	if f.Recipe == options.Dropout {
		c.OwnDropout = true
	}
	*l = slices.DeleteFunc(*l, func(other listed) bool { return other.option == f.Name })
	n = resolve(n)
	if n.Kind != yaml.SequenceNode || !takesList(f.Value.Type()) {
		d.value(n, field, f.Value, f.Rules)
		return
	}
	if len(n.Content) == 0 {
		d.errorf(n.Line, field, "is empty: list at least one value")
		return
	}
	var values []reflect.Value
	seen := map[any]bool{}
	for i, item := range n.Content {
		value, before := reflect.New(f.Value.Type()).Elem(), d.failures
		d.value(item, index(field, i), value, f.Rules)
		switch {
		case d.gaveUp():
			return
		case d.failures > before:
		case seen[value.Interface()]:
			d.errorf(item.Line, index(field, i), "%s is listed twice", valueText(value))
		default:
			seen[value.Interface()] = true
			values = append(values, value)
		}
	}
	switch len(values) {
	case 0:
	case 1:
		f.Value.Set(values[0])
	default:
		*l = append(*l, listed{f.Name, values})
	}
}

// expand returns one candidate for each combination of the listed values, the values of the last option changing first, with labels
// made of these values.
func (l lists) expand(d *decoder, c Candidate, n *yaml.Node, field string) ([]Candidate, bool) {
	if len(l) == 0 {
		return []Candidate{c}, true
	}
	made := 1
	for _, o := range l {
		if made *= len(o.values); d.listed+made > mostListed {
			d.errorf(n.Line, field, "with it, lists of values make more than %d candidates: list fewer values", mostListed)
			return nil, false
		}
	}
	d.listed += made
	list := []Candidate{c}
	for _, o := range l {
		var next []Candidate
		for _, c := range list {
			for _, value := range o.values {
				next = append(next, c.with(o.option, value))
			}
		}
		list = next
	}
	return list, true
}

// with returns the candidate with another value of an option, which its label tells.
func (c Candidate) with(option string, value reflect.Value) Candidate {
	own := reflect.New(reflect.TypeOf(c.Options).Elem())
	own.Elem().Set(reflect.ValueOf(c.Options).Elem())
	f, _ := options.ByName(own.Elem(), option)
	f.Value.Set(value)
	c.Options = own.Interface()
	c.Label += fmt.Sprintf(" %s=%s", option, valueText(value))
	return c
}

// valueText is a word, a number or true or false as people write it.
func valueText(v reflect.Value) string {
	if v.Kind() == reflect.Float64 {
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	}
	return fmt.Sprint(v.Interface())
}
