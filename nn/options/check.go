package options

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Error describes what is wrong with an option.
type Error struct {
	Field string // the option's path, such as modalities[0].kind
	Text  string // what is wrong and what is wanted
}

// Error returns "option FIELD: TEXT".
func (e *Error) Error() string { return "option " + e.Field + ": " + e.Text }

// Errorf formats an [*Error].
func Errorf(field, format string, arguments ...any) error {
	return &Error{Field: field, Text: fmt.Sprintf(format, arguments...)}
}

// Check returns an [*Error] for the first option that breaks the rules of its tag. options points to a struct; lists and
// structs in it are checked recursively.
func Check(options any) error {
	if err := check("", reflect.ValueOf(options).Elem(), Rules{}); err != nil {
		return err
	}
	return nil
}

// check returns the first error in v, whose path is field.
func check(field string, v reflect.Value, r Rules) *Error {
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range Fields(v) {
			name := f.Name
			if field != "" {
				name = field + "." + name
			}
			if err := check(name, f.Value, f.Rules); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := check(field+"["+strconv.Itoa(i)+"]", v.Index(i), r); err != nil {
				return err
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			if err := check(field+"."+key.String(), v.MapIndex(key), r); err != nil {
				return err
			}
		}
	default:
		if text := r.Check(v); text != "" {
			return &Error{field, text}
		}
	}
	return nil
}

// Of checks options that were given for something registered, whose default options come from defaults. It returns the
// given options, or the defaults if given is nil. Options of another type, and options that break the rules of their tags,
// are errors.
func Of(defaults func() any, given any) (any, error) {
	own := defaults()
	if given == nil {
		return own, nil
	}
	if have, want := reflect.TypeOf(given), reflect.TypeOf(own); have != want || reflect.ValueOf(given).IsNil() {
		return nil, fmt.Errorf("options of type %v cannot be used: want %v", have, want)
	}
	return given, Check(given)
}

// MustDescribe panics if defaults does not return a pointer to a struct with valid tags, which is a programming error. what
// names the thing that has the options.
func MustDescribe(what string, defaults func() any) {
	t := reflect.TypeOf(defaults())
	if t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("%s: Options makes a %v, want a pointer to a struct", what, t))
	}
	layoutOf(t.Elem())
}
