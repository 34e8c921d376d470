package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/search/augment"
	"mixmas/search/dataset"
)

// Augmentations change the samples of one modality, in this order. In a configuration each is a name, or {name: N, and its own options}.
type Augmentations []augment.Choice

// decode reads a list of augmentations.
func (a *Augmentations) decode(d *decoder, n *yaml.Node, field string) {
	for i, item := range d.sequence(n, field) {
		if c, ok := d.augmentation(resolve(item), index(field, i)); ok {
			*a = append(*a, c)
		}
	}
}

// augmentation reads one augmentation.
func (d *decoder) augmentation(n *yaml.Node, field string) (c augment.Choice, ok bool) {
	name := n
	if n.Kind == yaml.MappingNode {
		if name = d.lookup(n, field, "name"); name == nil {
			d.errorf(n.Line, field, "name is missing: want one of the augmentations %s", strings.Join(augment.Names(), ", "))
			return c, false
		}
	}
	before := d.failures
	d.value(name, field, reflect.ValueOf(&c.Augmentation).Elem(), options.Rules{})
	if d.failures > before {
		return c, false
	}
	known, err := augment.Lookup(c.Augmentation)
	if err != nil {
		d.errorf(name.Line, field, "%v", err)
		return c, false
	}
	c.Options = known.Options()
	if d.lines[field] = n.Line; n.Kind != yaml.MappingNode {
		return c, true
	}
	own := reflect.ValueOf(c.Options).Elem()
	return c, d.mapping(n, field, func(key, value *yaml.Node) bool {
		if key.Value == "name" {
			return true
		}
		f, ok := options.ByName(own, key.Value)
		if ok {
			d.value(value, join(field, f.Name), f.Value, f.Rules)
		}
		return ok
	}, append([]string{"name"}, options.Names(own)...)...)
}

// augmentations returns a list of {name, options}.
func (e encoder) augmentations(list Augmentations) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, c := range list {
		item := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		e.add(item, "name", "", scalarNode(reflect.ValueOf(c.Augmentation)))
		for _, f := range options.Fields(reflect.ValueOf(c.Options).Elem()) {
			e.add(item, f.Name, "", e.value(f.Value, ""))
		}
		n.Content = append(n.Content, item)
	}
	return n
}

// JSONSchema describes a list of the registered augmentations.
func (Augmentations) JSONSchema() *jsonschema.Schema {
	names := &jsonschema.Schema{Type: "string"}
	item := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{names}}
	for _, a := range augment.All() {
		addWord(names, a.Name, a.Doc)
		s := optionsSchema(a.Options())
		s.Title, s.Description = a.Name, a.Doc
		s.Properties.Set("name", &jsonschema.Schema{Const: a.Name})
		s.Required = []string{"name"}
		item.AnyOf = append(item.AnyOf, s)
	}
	return &jsonschema.Schema{Type: "array", Items: item}
}

// checkVaried finds conflicts of what varies the training samples with the data.
func (t Training) checkVaried(field string, data dataset.Dataset, fail func(field, format string, args ...any)) {
	var names []string
	for _, m := range data.Modalities() {
		names = append(names, m.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Augment)) {
		at := join(join(field, "augment"), name)
		i := dataset.ModalityIndex(data, name)
		if i < 0 {
			fail(at, "data set %s has no such modality; it has %s", data.Name(), strings.Join(names, ", "))
			continue
		}
		m := data.Modalities()[i]
		for k, c := range t.Augment[name] {
			if _, err := c.Function(m.Input()); err != nil {
				fail(index(at, k), "%v", err)
			}
		}
	}
	if t.Mixup > 0 {
		for _, m := range data.Modalities() {
			if m.Kind == mixer.Text {
				fail(join(field, "mixup"), "mixes numbers, but modality %s is a text", m.Name)
			}
		}
	}
	if t.DropModality > 0 && len(data.Modalities()) < 2 {
		fail(join(field, "drop_modality"), "the data set %s has only one modality", data.Name())
	}
}
