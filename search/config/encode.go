package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
)

// Save writes the configuration with every value explicit. Parse reads it back as an equal configuration.
func (c *Config) Save(w io.Writer) error { return c.write(w, false) }

// Template returns the built-in configuration with every field explained, as a text to start from.
func Template() []byte {
	var text bytes.Buffer
	text.WriteString(templateHead())
	if err := Default().write(&text, true); err != nil {
		panic(err)
	}
	return text.Bytes()
}

func (c *Config) write(w io.Writer, comments bool) error {
	e := encoder{comments: comments}
	if comments {
		e.left = map[string]bool{}
		for _, s := range c.settings() {
			e.left[s.field] = !c.Sets(s.field)
		}
	}
	text, err := encoded(e.value(reflect.ValueOf(c).Elem(), ""))
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

// encoded returns the text of a node.
func encoded(n *yaml.Node) ([]byte, error) {
	var text bytes.Buffer
	y := yaml.NewEncoder(&text)
	y.SetIndent(2)
	if err := errors.Join(y.Encode(n), y.Close()); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return text.Bytes(), nil
}

// encoder turns values into YAML nodes, optionally with the fields' doc tags as comments.
type encoder struct {
	comments bool
	left     map[string]bool // the fields that are left to the settings: they are only comments
}

// value returns the node of the value of a field of the configuration.
func (e encoder) value(v reflect.Value, field string) *yaml.Node {
	switch value := v.Interface().(type) {
	case Data:
		return e.data(value)
	case Candidates:
		return e.candidates(value, architectures)
	case Fusions:
		return e.fusions(value)
	case Augmentations:
		return e.augmentations(value)
	case mixer.Layers:
		return e.layers(value)
	case Search:
		return e.fields(value.fields(), field)
	}
	switch v.Kind() {
	case reflect.Struct:
		return e.fields(options.Fields(v), field)
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			e.add(n, key.String(), "", e.value(v.MapIndex(key), ""))
		}
		return n
	case reflect.Slice, reflect.Array:
		if v.Type() == words && v.Len() == 1 {
			return scalarNode(v.Index(0))
		}
		n := &yaml.Node{Kind: yaml.SequenceNode}
		if v.Type().Elem().Kind() != reflect.Struct {
			n.Style = yaml.FlowStyle
		}
		for i := range v.Len() {
			n.Content = append(n.Content, e.value(v.Index(i), ""))
		}
		return n
	}
	return scalarNode(v)
}

// fields returns the mapping of the fields of a struct, which is itself a field. Those that are left to the settings are comments
// before the next field.
func (e encoder) fields(list []options.Field, of string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	var comments []string
	for _, f := range list {
		isList := f.Value.Kind() == reflect.Slice || f.Value.Kind() == reflect.Map
		if f.OmitEmpty && (f.Value.IsZero() || isList && f.Value.Len() == 0) {
			continue
		}
		name := join(of, f.Name)
		if e.isLeft(f, name) {
			comments = append(comments, e.comment(f))
			continue
		}
		e.add(n, f.Name, f.Doc, e.value(f.Value, name))
		if comments != nil {
			key := n.Content[len(n.Content)-2]
			key.HeadComment = strings.Join(append(comments, key.HeadComment), "\n")
			comments = nil
		}
	}
	return n
}

// isLeft reports whether a field, or everything in it, is left to the settings.
func (e encoder) isLeft(f options.Field, name string) bool {
	if f.Value.Kind() != reflect.Struct || e.left == nil {
		return e.left[name]
	}
	switch f.Value.Interface().(type) {
	case Data, Search:
		return false
	}
	return !slices.ContainsFunc(options.Fields(f.Value), func(inner options.Field) bool { return !e.isLeft(inner, join(name, inner.Name)) })
}

// comment returns a field as a comment: its doc tag, and the value that it has.
func (e encoder) comment(f options.Field) string {
	n := &yaml.Node{Kind: yaml.MappingNode}
	encoder{}.add(n, f.Name, "", encoder{}.value(f.Value, ""))
	n.Content[1].Style = yaml.FlowStyle
	text, err := encoded(n)
	if err != nil {
		panic(err)
	}
	return wrap(f.Doc) + "\n# " + strings.TrimSpace(string(text))
}

// data returns {format, the format's options, pos_weight if there is one}.
func (e encoder) data(data Data) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	e.add(n, "format", formatDoc, scalarNode(reflect.ValueOf(data.Format)))
	n.Content = append(n.Content, e.fields(options.Fields(reflect.ValueOf(data.Options).Elem()), "").Content...)
	if data.PosWeight != nil {
		e.add(n, "pos_weight", posWeightDoc, e.value(reflect.ValueOf(data.PosWeight), ""))
	}
	return n
}

// candidates returns {defaults, candidates}: options on which all candidates that have them agree become defaults. The
// template omits options that have their registered values.
func (e encoder) candidates(list []Candidate, k catalogue) *yaml.Node {
	defaults := &yaml.Node{Kind: yaml.MappingNode}
	shared := map[string]bool{}
	for _, name := range optionNames(list) {
		if f, agreed := agreed(list, name); agreed {
			shared[name] = true
			if !e.comments || !registered(list, name, k) {
				e.add(defaults, name, f.Doc, e.value(f.Value, ""))
			}
		}
	}
	items := &yaml.Node{Kind: yaml.SequenceNode}
	for _, c := range list {
		item := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		e.add(item, "name", "", scalarNode(reflect.ValueOf(c.Name)))
		if c.Label != c.Name {
			e.add(item, "label", "", scalarNode(reflect.ValueOf(c.Label)))
		}
		for _, f := range c.fields() {
			if shared[f.Name] || c.inherited(f) || e.comments && registered([]Candidate{c}, f.Name, k) {
				continue
			}
			e.add(item, f.Name, "", e.value(f.Value, ""))
		}
		if len(item.Content) == 2 {
			item = item.Content[1]
		}
		items.Content = append(items.Content, item)
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	if len(defaults.Content) > 0 {
		e.add(n, "defaults", "", defaults)
	}
	e.add(n, "candidates", candidatesDoc, items)
	return n
}

// fusions returns a plain list of names if that is sufficient, otherwise {defaults, candidates}.
func (e encoder) fusions(list Fusions) *yaml.Node {
	n := e.candidates(list, fusions)
	items := n.Content[len(n.Content)-1]
	if len(n.Content) > 2 || slices.ContainsFunc(items.Content, func(item *yaml.Node) bool { return item.Kind != yaml.ScalarNode }) {
		return n
	}
	items.Style = yaml.FlowStyle
	return items
}

// agreed returns an option's value if all candidates that have the option set it to the same value.
func agreed(list []Candidate, name string) (options.Field, bool) {
	var first options.Field
	for _, candidate := range list {
		f, knows := options.ByName(reflect.ValueOf(candidate.Options).Elem(), name)
		switch {
		case !knows:
			continue
		case candidate.inherited(f):
			return options.Field{}, false
		case first.Name == "":
			first = f
		case !reflect.DeepEqual(first.Value.Interface(), f.Value.Interface()):
			return options.Field{}, false
		}
	}
	return first, first.Name != ""
}

// registered reports whether all candidates that have an option leave it at its registered value.
func registered(list []Candidate, name string, k catalogue) bool {
	for _, candidate := range list {
		own, err := k.options(candidate.Name)
		if err != nil {
			return false
		}
		f, knows := options.ByName(reflect.ValueOf(candidate.Options).Elem(), name)
		if !knows {
			continue
		}
		original, _ := options.ByName(reflect.ValueOf(own).Elem(), name)
		if !reflect.DeepEqual(original.Value.Interface(), f.Value.Interface()) {
			return false
		}
	}
	return true
}

// add appends a field to a mapping.
func (e encoder) add(n *yaml.Node, name, doc string, value *yaml.Node) {
	key := scalarNode(reflect.ValueOf(name))
	if e.comments && doc != "" {
		key.HeadComment = wrap(doc)
	}
	n.Content = append(n.Content, key, value)
}

// scalarNode returns the node of a word, a number or true or false.
func scalarNode(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode}
	if v.Kind() == reflect.Float64 {
		n.Value = valueText(v)
		return n
	}
	if err := n.Encode(v.Interface()); err != nil {
		panic(err)
	}
	return n
}

// wrap breaks a comment into lines of at most 100 characters.
func wrap(text string) string {
	const width = 100
	var lines []string
	line := "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > width && line != "#" {
			lines = append(lines, line)
			line = "#"
		}
		line += " " + word
	}
	return strings.Join(append(lines, line), "\n")
}
