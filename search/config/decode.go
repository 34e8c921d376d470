package config

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"mixmas/nn/options"
	"mixmas/nn/registry"
	"mixmas/search/escape"
)

// Error is one fault of a configuration.
type Error struct {
	File  string // as given to Load or Parse
	Line  int    // counted from 1
	Field string // dotted path, such as search.training.batch; empty if the text is not YAML
	Text  string // the fault and how to correct it
}

// Error returns "file:line: field: text" on one line, whatever the file and field are called.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
	if e.Field != "" {
		text = fmt.Sprintf("%s:%d: %s: %s", e.File, e.Line, e.Field, e.Text)
	}
	return escape.Terminal(text)
}

// decoder fills Go values from YAML nodes. It continues after an error and collects the first errors.
type decoder struct {
	file     string
	lines    map[string]int // line of each field seen
	failures int            // calls of errorf
	errs     []error        // the first different errors
	listed   int            // candidates that lists of values make
	places   map[place]string
	depth    int // of the layers that are read
	noted    map[uint64]bool
	seed     maphash.Seed
}

// Limits of what errors show: their number, and the bytes of a name and of a text. The decoder gives up after mostFailures
// errors.
const (
	mostErrors   = 20
	mostFailures = 10_000
	mostName     = 200
	mostText     = 1000
)

// longest is the largest number of bytes in a word: no file path is longer.
const longest = 4096

// decodable is a type that reads itself from a node.
type decodable interface {
	decode(d *decoder, n *yaml.Node, field string)
}

// errorf notes an error, once.
func (d *decoder) errorf(line int, field, format string, args ...any) {
	if d.failures++; d.gaveUp() {
		return
	}
	if d.noted == nil {
		d.noted, d.seed = map[uint64]bool{}, maphash.MakeSeed()
	}
	e := Error{File: d.file, Line: max(line, 1), Field: shorten(field, mostName), Text: shorten(fmt.Sprintf(format, args...), mostText)}
	if d.noted[maphash.Comparable(d.seed, e)] {
		return
	}
	d.noted[maphash.Comparable(d.seed, e)] = true
	if len(d.errs) < mostErrors {
		d.errs = append(d.errs, &e)
	}
}

// err joins the errors and adds the number of those that are not shown.
func (d *decoder) err() error {
	errs := d.errs
	switch more := len(d.noted) - len(errs); {
	case more > 0 && d.gaveUp():
		errs = append(errs, fmt.Errorf("%s: and at least %d more errors", d.file, more))
	case more == 1:
		errs = append(errs, fmt.Errorf("%s: and 1 more error", d.file))
	case more > 1:
		errs = append(errs, fmt.Errorf("%s: and %d more errors", d.file, more))
	}
	return errors.Join(errs...)
}

// gaveUp reports whether there are too many errors to continue.
func (d *decoder) gaveUp() bool { return d.failures > mostFailures }

// shorten cuts a text to at most the given number of bytes, and marks the cut.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// failed reports whether there is an error within a field.
func (d *decoder) failed(field string) bool {
	return slices.ContainsFunc(d.errs, func(err error) bool {
		wrong := new(Error)
		return errors.As(err, &wrong) && strings.HasPrefix(wrong.Field+".", field+".")
	})
}

// value reads a node into v, which must satisfy the rules.
func (d *decoder) value(n *yaml.Node, field string, v reflect.Value, r options.Rules) {
	n = resolve(n)
	switch {
	case d.gaveUp():
		return
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		d.errorf(n.Line, field, "has no value")
		return
	case len(n.Value) > longest:
		d.errorf(n.Line, field, "is longer than %d bytes: %s", longest, describe(n))
		return
	}
	if own, ok := v.Addr().Interface().(decodable); ok {
		own.decode(d, n, field)
		return
	}
	if v.Type() == layersType {
		v.Set(reflect.ValueOf(d.layers(n, field)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		if short, ok := options.Short(v, n.Kind == yaml.SequenceNode); ok && n.Kind != yaml.MappingNode {
			d.value(n, field, short.Value, short.Rules)
			return
		}
		list := options.Fields(v)
		d.mapping(n, field, func(key, value *yaml.Node) bool {
			for _, f := range list {
				if f.Name == key.Value {
					d.value(value, join(field, f.Name), f.Value, f.Rules)
					return true
				}
			}
			return false
		}, options.Names(v)...)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		d.mapping(n, field, func(key, value *yaml.Node) bool {
			if len(key.Value) > mostName {
				d.errorf(key.Line, join(field, key.Value), "the name is longer than %d bytes", mostName)
				return true
			}
			d.printable(key, join(field, key.Value))
			item := reflect.New(v.Type().Elem()).Elem()
			d.value(value, join(field, key.Value), item, r)
			v.SetMapIndex(reflect.ValueOf(key.Value), item)
			return true
		})
	case reflect.Slice:
		if v.Type() == words && n.Kind == yaml.ScalarNode {
			n = &yaml.Node{Kind: yaml.SequenceNode, Line: n.Line, Content: []*yaml.Node{n}}
		}
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

// words is the type of lists for which one word may stand.
var words = reflect.TypeFor[options.Words]()

// scalar reads a word, a number or true or false.
func (d *decoder) scalar(n *yaml.Node, field string, v reflect.Value, r options.Rules) {
	want, takes := "a word", []string{}
	switch v.Kind() {
	case reflect.String:
		if n.Kind == yaml.ScalarNode {
			v.SetString(n.Value)
			d.printable(n, field)
			d.rules(n, field, v, r)
			return
		}
	case reflect.Bool:
		want, takes = "true or false", []string{"!!bool"}
	case reflect.Int, reflect.Int64:
		want, takes = "a whole number", []string{"!!int"}
	case reflect.Uint64:
		want, takes = "a whole number from 0 to 18446744073709551615", []string{"!!int"}
	case reflect.Float64:
		want, takes = "a number", []string{"!!int", "!!float"}
	default:
		panic("config: options of kind " + v.Kind().String() + " cannot be read")
	}
	tag := n.ShortTag()
	if v.Kind() != reflect.Bool && (tag == "!!int" || tag == "!!float") && leadingZero.MatchString(n.Value) {
		d.errorf(n.Line, field, "%s", leadingZeroText(n.Value))
		return
	}
	if n.Kind != yaml.ScalarNode || !slices.Contains(takes, tag) {
		d.errorf(n.Line, field, "want %s, got %s", want, describe(n))
		return
	}
	err := n.Decode(v.Addr().Interface())
	if v.Kind() == reflect.Float64 && (math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0)) {
		want, err = "a finite number", errors.New("not finite")
	}
	if err != nil {
		d.errorf(n.Line, field, "want %s, got %s", want, describe(n))
		return
	}
	d.rules(n, field, v, r)
}

// rules notes an error for the rule that a value breaks.
func (d *decoder) rules(n *yaml.Node, field string, v reflect.Value, r options.Rules) {
	if text := r.Check(v); text != "" {
		d.errorf(n.Line, field, "%s", text)
	}
}

// printable notes an error for a word with characters that cannot be shown.
func (d *decoder) printable(n *yaml.Node, field string) {
	if character, found := escape.Unprintable(n.Value); found {
		d.errorf(n.Line, field, "contains %s, which is not printable", character)
	}
}

var leadingZero = regexp.MustCompile(`^[-+]?0[0-9_]+$`)

// leadingZeroText returns the error text for a number that begins with 0: YAML 1.1 reads 010 as eight, YAML 1.2 as ten.
func leadingZeroText(number string) string {
	sign := strings.TrimSuffix(number, strings.TrimLeft(number, "+-"))
	digits := strings.TrimLeft(number, "+-0_")
	if digits == "" {
		digits = "0"
	}
	text := fmt.Sprintf("%s begins with 0, which could mean octal: write %s%s", shorten(number, mostName), sign, shorten(digits, mostName))
	if digits != "0" && !strings.ContainsAny(digits, "89") {
		text += fmt.Sprintf(", or %s0o%s if it is octal", sign, shorten(digits, mostName))
	}
	return text
}

// mapping calls each for every key and value of a mapping, and notes an error for a key that each refuses. It reports whether
// the node was a mapping without such errors.
func (d *decoder) mapping(n *yaml.Node, field string, each func(key, value *yaml.Node) bool, known ...string) bool {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		d.errorf(n.Line, field, "want fields with values, got %s", describe(n))
		return false
	}
	list, ok := d.entries(n, field)
	for _, e := range list {
		name := join(field, e.key.Value)
		if _, noted := d.lines[name]; !noted {
			d.lines[name] = e.key.Line
		}
		if !each(e.key, e.value) {
			d.errorf(e.key.Line, name, "unknown field: %s", knownFields(e.key.Value, known))
			ok = false
		}
	}
	return ok
}

// knownFields lists the valid fields in place of an unknown one.
func knownFields(unknown string, known []string) string {
	if len(known) == 0 {
		return "no candidate has options"
	}
	return "known are " + strings.Join(known, ", ") + registry.Suggestion(unknown, known)
}

// sequence returns the items of a list; nil after an error.
func (d *decoder) sequence(n *yaml.Node, field string) []*yaml.Node {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		d.errorf(n.Line, field, "want a list, got %s", describe(n))
		return nil
	}
	return append([]*yaml.Node{}, n.Content...)
}

// describe describes a node in errors.
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
	const most = 60
	value, cut := n.Value, ""
	if len(value) > most {
		value, cut = strings.ToValidUTF8(value[:most], ""), "..."
	}
	text := strconv.Quote(value) + cut
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		text += " in quotes"
	}
	return text
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
