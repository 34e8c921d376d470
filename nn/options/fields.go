// Package options reads the tags of the fields of a struct of options, so that every range is written once:
//
//	Depth   int     `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=1000" doc:"Number of blocks."`
//	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"..."`
//
// The tag yaml names the option, jsonschema bounds it (for a list, its items) and doc explains it. An option with a tag
// recipe takes that value from the training's recipe if the configuration does not set it; so far, [Dropout] is the only
// such value. With yaml:"depth,omitempty", a configuration that is written omits the option if it has its zero value. A struct
// with a field tagged short:"true" may be given as that field's value alone; it may have two such fields, if one is a list. The same tags hold for configurations, for the
// JSON schema, and for models built from a file or from Go code: see [Check].
package options

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Dropout is the value of the tag recipe for an option, a float64, that takes the dropout of the training.
const Dropout = "dropout"

// Field is one option of a struct.
type Field struct {
	Name, Doc string
	// Recipe names the value of the training's recipe that the option takes if it is not set; empty means none.
	Recipe string
	// OmitEmpty means that a zero value is the default, and is not written.
	OmitEmpty bool
	// Short means that the value of this field may stand for the whole struct.
	Short bool
	Rules Rules
	Value reflect.Value
}

// Words is a list of words. In a configuration, one word may stand for a list of one.
type Words []string

// Fields lists the fields of a struct that have a yaml tag; the fields of an inlined struct take its place.
func Fields(v reflect.Value) []Field {
	layout := layoutOf(v.Type())
	list := make([]Field, len(layout))
	for i, p := range layout {
		list[i] = p.of(v)
	}
	return list
}

// Names lists the names of a struct's fields.
func Names(v reflect.Value) []string {
	var names []string
	for _, p := range layoutOf(v.Type()) {
		names = append(names, p.field.Name)
	}
	return names
}

// ByName finds a field by its name.
func ByName(v reflect.Value, name string) (Field, bool) {
	return find(v, func(f Field) bool { return f.Name == name })
}

// ByRecipe finds the field that takes a value of the training's recipe.
func ByRecipe(v reflect.Value, value string) (Field, bool) {
	return find(v, func(f Field) bool { return f.Recipe == value })
}

// Short finds the field whose value may stand for the whole struct: one that is a list, or one that is not.
func Short(v reflect.Value, list bool) (Field, bool) {
	for _, f := range Fields(v) {
		if f.Short && (f.Value.Kind() == reflect.Slice) == list {
			return f, true
		}
	}
	return Field{}, false
}

func find(v reflect.Value, is func(Field) bool) (Field, bool) {
	layout := layoutOf(v.Type())
	i := slices.IndexFunc(layout, func(p place) bool { return is(p.field) })
	if i < 0 {
		return Field{}, false
	}
	return layout[i].of(v), true
}

// place is a field of a struct type, without a value.
type place struct {
	field Field
	index []int
}

// of returns the field of a value of that type.
func (p place) of(v reflect.Value) Field {
	f := p.field
	f.Value = v.FieldByIndex(p.index)
	return f
}

// layouts caches the fields of each type, since lists of candidates may be long.
var layouts sync.Map

// layoutOf lists the fields of a struct type. It panics if a tag is invalid, which is a programming error.
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
		recipe := f.Tag.Get("recipe")
		if recipe != "" && (recipe != Dropout || f.Type.Kind() != reflect.Float64) {
			panic(fmt.Sprintf("option %s of %s: recipe:%q is for a float64 and %q", name, t, recipe, Dropout))
		}
		rules, err := ParseRules(f.Tag.Get("jsonschema"))
		if err != nil {
			panic(fmt.Sprintf("option %s of %s: %v", name, t, err))
		}
		list = append(list, place{Field{Name: name, Doc: f.Tag.Get("doc"), Recipe: recipe,
			OmitEmpty: form == "omitempty", Short: f.Tag.Get("short") == "true", Rules: rules}, []int{i}})
	}
	layouts.Store(t, list)
	return list
}
