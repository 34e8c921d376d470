package config

import (
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"

	"mixmas/nn/mixer"
)

// Candidates are the candidates of one stage.
type Candidates []Candidate

// Candidate is an architecture with the options that it is tried with.
type Candidate struct {
	// Name is the registered architecture; Label is what tables call the candidate, unique in its stage.
	Name, Label string
	// Options points to the architecture's own options struct, filled from its defaults and the configuration.
	Options any
	// OwnDropout says that the configuration set the option dropout, so that the training recipe's does not apply.
	OwnDropout bool
}

// WithDropout is a copy of the options under a training recipe's dropout, which becomes the option "dropout" where the
// architecture has one and the configuration does not set it.
func (c Candidate) WithDropout(dropout float64) any {
	options := reflect.New(reflect.TypeOf(c.Options).Elem())
	options.Elem().Set(reflect.ValueOf(c.Options).Elem())
	if f, ok := fieldByName(options.Elem(), "dropout"); ok && !c.OwnDropout {
		f.value.SetFloat(dropout)
	}
	return options.Interface()
}

// decode reads {defaults: {options}, candidates: [name or {name, label, options}]}.
func (c *Candidates) decode(d *decoder, n *yaml.Node, field string) {
	var list, shared *yaml.Node
	ok := d.mapping(n, field, func(key, value *yaml.Node) bool {
		switch key.Value {
		case "candidates":
			list = value
		case "defaults":
			shared = value
		default:
			return false
		}
		return true
	}, "defaults", "candidates")
	if !ok {
		return
	}
	if list == nil {
		d.errorf(n.Line, field, "candidates is missing: list at least one architecture")
		return
	}
	items := d.sequence(list, field+".candidates")
	if items == nil {
		return
	}
	options, complete := d.defaults(shared, field+".defaults")
	*c = nil
	labels := map[string]bool{}
	for i, item := range items {
		if d.gaveUp() {
			return
		}
		candidate, ok := d.candidate(item, index(field+".candidates", i), options)
		complete = complete && ok
		if !ok {
			continue
		}
		if labels[candidate.Label] {
			d.errorf(item.Line, index(field+".candidates", i), "%q is already in the list: give one of the two a label of its own", candidate.Label)
		}
		labels[candidate.Label] = true
		*c = append(*c, candidate)
	}
	if len(items) == 0 {
		d.errorf(list.Line, field+".candidates", "is empty: list at least one architecture")
	}
	if options == nil || !complete {
		return
	}
	d.mapping(shared, field+".defaults", func(key, _ *yaml.Node) bool { return options.used[key.Value] }, c.optionNames()...)
}

// defaults are options for every candidate that knows them.
type defaults struct {
	field  string
	values map[string]*yaml.Node
	used   map[string]bool // by at least one candidate
}

// defaults reads what is under defaults, nil where there is nothing; the values are read by the candidates.
func (d *decoder) defaults(n *yaml.Node, field string) (shared *defaults, ok bool) {
	if n = resolve(n); n == nil {
		return nil, true
	}
	shared = &defaults{field, map[string]*yaml.Node{}, map[string]bool{}}
	if n.Kind != yaml.MappingNode {
		return shared, true // which the check of what is used refuses
	}
	list, ok := d.entries(n, field)
	for _, e := range list {
		shared.values[e.key.Value] = e.value
	}
	return shared, ok
}

// optionNames lists the options that any of the candidates knows, in order of first sight.
func (c Candidates) optionNames() []string {
	var known []string
	seen := map[string]bool{}
	architectures := map[string]bool{}
	for _, candidate := range c {
		if architectures[candidate.Name] {
			continue
		}
		architectures[candidate.Name] = true
		for _, name := range fieldNames(reflect.ValueOf(candidate.Options).Elem()) {
			if !seen[name] {
				seen[name] = true
				known = append(known, name)
			}
		}
	}
	return known
}

// candidate reads one candidate: the defaults that its architecture knows, then its own options.
func (d *decoder) candidate(n *yaml.Node, field string, shared *defaults) (Candidate, bool) {
	var c Candidate
	n = resolve(n)
	name := n
	if n.Kind == yaml.MappingNode {
		name = d.lookup(n, field, "name")
		if name == nil {
			d.errorf(n.Line, field, "name is missing: known architectures are %s", strings.Join(mixer.Names(), ", "))
			return c, false
		}
	}
	before := d.failures
	d.value(name, field, reflect.ValueOf(&c.Name).Elem(), rules{})
	if d.failures > before {
		return c, false
	}
	architecture, err := mixer.Lookup(c.Name)
	if err != nil {
		d.errorf(name.Line, field, "%v", err)
		return c, false
	}
	c.Label = c.Name
	c.Options = architecture.Options()
	d.lines[field] = n.Line
	options := reflect.ValueOf(c.Options).Elem()
	if shared != nil {
		for _, f := range fields(options) {
			if value := shared.values[f.name]; value != nil {
				shared.used[f.name] = true
				c.OwnDropout = c.OwnDropout || f.name == "dropout"
				d.value(value, join(shared.field, f.name), f.value, f.rules)
			}
		}
	}
	if n.Kind != yaml.MappingNode {
		return c, true
	}
	return c, d.mapping(n, field, func(key, value *yaml.Node) bool {
		switch key.Value {
		case "name":
			return true
		case "label":
			d.value(value, field+".label", reflect.ValueOf(&c.Label).Elem(), rules{})
			if c.Label == "" {
				d.errorf(value.Line, field+".label", "is empty")
			}
			return true
		}
		f, ok := fieldByName(options, key.Value)
		if ok {
			c.OwnDropout = c.OwnDropout || f.name == "dropout"
			d.value(value, join(field, f.name), f.value, f.rules)
		}
		return ok
	}, append([]string{"name", "label"}, fieldNames(options)...)...)
}
