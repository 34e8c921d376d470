package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// field is one field of a struct as YAML sees it.
type field struct {
	name, doc string
	value     reflect.Value
	rules     rules
}

// fields lists the fields of a struct that have a yaml tag; those of an inlined struct stand in its place.
func fields(v reflect.Value) []field {
	var list []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, form, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if form == "inline" {
			list = append(list, fields(v.Field(i))...)
			continue
		}
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		list = append(list, field{name, f.Tag.Get("doc"), v.Field(i), parseRules(f.Tag.Get("jsonschema"))})
	}
	return list
}

// fieldNames lists the yaml names of a struct's fields.
func fieldNames(v reflect.Value) []string {
	var names []string
	for _, f := range fields(v) {
		names = append(names, f.name)
	}
	return names
}

// fieldByName finds a field by its yaml name.
func fieldByName(v reflect.Value, name string) (field, bool) {
	list := fields(v)
	i := slices.IndexFunc(list, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return list[i], true
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
