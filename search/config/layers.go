package config

import (
	"errors"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
)

// The forms of layers in a configuration: a name, {name: its options or the value of its main option}, and with an option that is
// written beside the name, {repeat: 4, layers: [...]}.

var layersType = reflect.TypeFor[mixer.Layers]()

// layers reads a list of layers.
func (d *decoder) layers(n *yaml.Node, field string) (list mixer.Layers) {
	if d.depth++; d.depth > mixer.MostNestedLayers {
		d.errorf(n.Line, field, "layers are nested more than %d deep", mixer.MostNestedLayers)
		d.depth--
		return nil
	}
	before := d.failures
	items := d.sequence(n, field)
	for i, item := range items {
		if d.gaveUp() {
			break
		}
		if layer, ok := d.layer(resolve(item), field, i); ok {
			list = append(list, layer)
		}
	}
	if d.depth--; d.depth > 0 || d.failures > before {
		return list
	}
	if err, wrong := list.Check(field), new(options.Error); errors.As(err, &wrong) {
		d.errorf(lineOf(d.lines, wrong.Field, n.Line), wrong.Field, "%s", wrong.Text)
	}
	return list
}

// layer reads the layer with number i of a list.
func (d *decoder) layer(n *yaml.Node, list string, i int) (layer mixer.Layer, ok bool) {
	at := index(list, i)
	d.lines[at] = n.Line
	name, value, beside := n, (*yaml.Node)(nil), (*yaml.Node)(nil)
	if n.Kind == yaml.MappingNode {
		all, ok := d.entries(n, at)
		if !ok {
			return layer, false
		}
		if name, value, beside = layerEntries(all); name == nil {
			d.errorf(n.Line, at, "want one layer, such as {conv: {channels: 32, stride: 2}}, got the fields %s", keysOf(all))
			return layer, false
		}
	}
	before := d.failures
	d.value(name, at, reflect.ValueOf(&layer.Name).Elem(), options.Rules{})
	if d.failures > before {
		return layer, false
	}
	kind, err := mixer.LookupLayer(layer.Name)
	if err != nil {
		d.errorf(name.Line, at, "%v", err)
		return layer, false
	}
	layer.Options = kind.Options()
	path, own := mixer.LayerPath(list, i, layer.Name), reflect.ValueOf(layer.Options).Elem()
	d.lines[path] = name.Line
	switch value := resolve(value); {
	case value == nil:
	case value.Kind == yaml.MappingNode && kind.Beside() != "": // {repeat: {times: 4, layers: [...]}}
		d.mapping(value, path, func(key, value *yaml.Node) bool {
			f, ok := options.ByName(own, key.Value)
			if ok && f.Name == kind.Beside() {
				d.value(value, kind.InnerPath(list, i), f.Value, f.Rules)
			} else if ok {
				d.value(value, join(path, f.Name), f.Value, f.Rules)
			}
			return ok
		}, options.Names(own)...)
	default:
		if _, short := options.Short(own, value.Kind == yaml.SequenceNode); !short && value.Kind != yaml.MappingNode {
			d.errorf(value.Line, path, "want the options %s, got %s", strings.Join(options.Names(own), ", "), describe(value))
			return layer, false
		}
		d.value(value, path, own, options.Rules{})
	}
	if beside != nil {
		f, _ := options.ByName(own, kind.Beside())
		d.value(beside, kind.InnerPath(list, i), f.Value, f.Rules)
	}
	return layer, d.failures == before
}

// layerEntries returns the name of a layer, its value, and the value of the option beside it, nil if there is none. name is nil if
// the entries are not one layer.
func layerEntries(all []entry) (name, value, beside *yaml.Node) {
	switch len(all) {
	case 1:
		return all[0].key, all[0].value, nil
	case 2:
		for i, e := range all {
			kind, err := mixer.LookupLayer(e.key.Value)
			if other := all[1-i]; err == nil && kind.Beside() == other.key.Value {
				return e.key, e.value, other.value
			}
		}
	}
	return nil, nil, nil
}

// keysOf lists the keys of entries.
func keysOf(all []entry) string {
	var keys []string
	for _, e := range all {
		keys = append(keys, e.key.Value)
	}
	if keys == nil {
		return "of none"
	}
	return strings.Join(keys, ", ")
}

// layers returns a list of layers in their shortest form.
func (e encoder) layers(list mixer.Layers) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, layer := range list {
		n.Content = append(n.Content, e.layer(layer))
	}
	return n
}

func (e encoder) layer(layer mixer.Layer) *yaml.Node {
	name := scalarNode(reflect.ValueOf(layer.Name))
	kind, err := mixer.LookupLayer(layer.Name)
	if err != nil || layer.Options == nil {
		return name
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	changed := mixer.ChangedOptions(kind, layer.Options)
	if f, ok := options.ByName(reflect.ValueOf(layer.Options).Elem(), kind.Beside()); ok {
		short, _ := options.Short(reflect.ValueOf(layer.Options).Elem(), false)
		e.add(n, layer.Name, "", e.value(short.Value, ""))
		e.add(n, f.Name, "", e.value(f.Value, ""))
		return n
	}
	switch {
	case len(changed) == 0:
		return name
	case len(changed) == 1 && changed[0].Short:
		e.add(n, layer.Name, "", e.value(changed[0].Value, ""))
	default:
		own := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		for _, f := range changed {
			e.add(own, f.Name, "", e.value(f.Value, ""))
		}
		e.add(n, layer.Name, "", own)
	}
	return n
}

// layersReference refers to the schema of lists of layers, which may be within layers.
const layersReference = "layers"

// layersSchema describes a list of layers.
func layersSchema() *jsonschema.Schema {
	names := &jsonschema.Schema{Type: "string"}
	item := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{names}}
	for _, kind := range mixer.LayerKinds() {
		addWord(names, kind.Name, kind.Doc)
		one := &jsonschema.Schema{Type: "object", Title: kind.Name, Description: kind.Doc, Properties: jsonschema.NewProperties(),
			Required: []string{kind.Name}, AdditionalProperties: jsonschema.FalseSchema}
		one.Properties.Set(kind.Name, optionsSchema(kind.Options()))
		if kind.Beside() != "" {
			one.Properties.Set(kind.Beside(), &jsonschema.Schema{Ref: "#/$defs/" + layersReference})
		}
		item.AnyOf = append(item.AnyOf, one)
	}
	return &jsonschema.Schema{Type: "array", MinItems: ptr(uint64(1)), Items: item}
}
