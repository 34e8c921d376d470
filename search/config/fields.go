package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// field is one field of a struct as YAML sees it.
type field struct {
	name, doc string
	value     reflect.Value
	rules     rules
}

// fields lists the fields of a struct that have a yaml tag; those of an inlined struct stand in its place.
func fields(v reflect.Value) []field {
	layout := layoutOf(v.Type())
	list := make([]field, len(layout))
	for i, f := range layout {
		list[i] = f.of(v)
	}
	return list
}

// place is a field of a type of struct.
type place struct {
	name, doc string
	rules     rules
	index     []int
}

// of is the field of a value of the type.
func (p place) of(v reflect.Value) field {
	return field{p.name, p.doc, v.FieldByIndex(p.index), p.rules}
}

// layouts keeps what tags say, by type: lists of candidates may be long.
var layouts sync.Map

// layoutOf lists the fields of a type of struct.
func layoutOf(t reflect.Type) []place {
	if known, ok := layouts.Load(t); ok {
		return known.([]place)
	}
	var list []place
	for i := range t.NumField() {
		f := t.Field(i)
		name, form, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if form == "inline" {
			for _, inner := range layoutOf(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				list = append(list, inner)
			}
			continue
		}
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		list = append(list, place{name, f.Tag.Get("doc"), parseRules(f.Tag.Get("jsonschema")), []int{i}})
	}
	layouts.Store(t, list)
	return list
}

// fieldNames lists the yaml names of a struct's fields.
func fieldNames(v reflect.Value) []string {
	var names []string
	for _, f := range layoutOf(v.Type()) {
		names = append(names, f.name)
	}
	return names
}

// fieldByName finds a field by its yaml name.
func fieldByName(v reflect.Value, name string) (field, bool) {
	layout := layoutOf(v.Type())
	i := slices.IndexFunc(layout, func(p place) bool { return p.name == name })
	if i < 0 {
		return field{}, false
	}
	return layout[i].of(v), true
}

// rules are the limits of a value, written in its jsonschema tag so that the schema has them too.
type rules struct {
	limits []limit
	words  []string
}

// limit is one bound of a number.
type limit struct {
	text  string
	holds func(x float64) bool
}

// parseRules reads minimum, maximum, exclusiveMinimum, exclusiveMaximum and enum from a jsonschema tag. It panics on a
// bound that is no number: a programmer's mistake.
func parseRules(tag string) rules {
	var r rules
	for _, item := range strings.Split(tag, ",") {
		key, value, _ := strings.Cut(item, "=")
		if key == "enum" {
			r.words = append(r.words, value)
			continue
		}
		bound, err := strconv.ParseFloat(value, 64)
		switch key {
		case "minimum":
			r.limits = append(r.limits, limit{"at least " + value, func(x float64) bool { return x >= bound }})
		case "maximum":
			r.limits = append(r.limits, limit{"at most " + value, func(x float64) bool { return x <= bound }})
		case "exclusiveMinimum":
			r.limits = append(r.limits, limit{"more than " + value, func(x float64) bool { return x > bound }})
		case "exclusiveMaximum":
			r.limits = append(r.limits, limit{"less than " + value, func(x float64) bool { return x < bound }})
		default:
			continue
		}
		if err != nil {
			panic("config: " + tag + ": " + err.Error())
		}
	}
	return r
}

// check says which rule a value breaks, empty where it breaks none.
func (r rules) check(v reflect.Value) string {
	if v.Kind() == reflect.String {
		if len(r.words) > 0 && !slices.Contains(r.words, v.String()) {
			return fmt.Sprintf("want one of %s, got %q", strings.Join(r.words, ", "), v.String())
		}
		return ""
	}
	var x float64
	switch {
	case v.CanInt():
		x = float64(v.Int())
	case v.CanUint():
		x = float64(v.Uint())
	case v.CanFloat():
		x = v.Float()
	default:
		return ""
	}
	for _, l := range r.limits {
		if !l.holds(x) {
			return fmt.Sprintf("want %s, got %v", l.text, v)
		}
	}
	return ""
}
