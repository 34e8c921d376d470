package config

import (
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"mixmas/nn/options"
)

// Candidates are the candidates of one stage: architectures.
type Candidates []Candidate

// Fusions are the candidate fusion functions. A list of names alone is read too.
type Fusions []Candidate

// Candidate is an architecture or fusion function with the options that it is tried with.
type Candidate struct {
	// Name is what it is registered as; Label is what tables call the candidate, unique in its stage.
	Name, Label string
	// Options points to its own options struct, filled from its defaults and the configuration.
	Options any
	// OwnDropout says that the configuration set the option that takes the training recipe's dropout otherwise.
	OwnDropout bool
}

// WithDropout is a copy of the options under a training recipe's dropout, which goes to the option that takes it, where
// there is one and the configuration does not set it.
func (c Candidate) WithDropout(dropout float64) any {
	own := reflect.New(reflect.TypeOf(c.Options).Elem())
	own.Elem().Set(reflect.ValueOf(c.Options).Elem())
	if f, ok := options.ByRecipe(own.Elem(), options.Dropout); ok && !c.OwnDropout {
		f.Value.SetFloat(dropout)
	}
	return own.Interface()
}

// fields are the options that the candidate has.
func (c Candidate) fields() []options.Field { return options.Fields(reflect.ValueOf(c.Options).Elem()) }

// inherited tells whether an option has its value from the training recipe.
func (c Candidate) inherited(f options.Field) bool {
	return f.Recipe == options.Dropout && !c.OwnDropout
}

// set reads an option of the candidate.
func (c *Candidate) set(d *decoder, f options.Field, n *yaml.Node, field string) {
	if f.Recipe == options.Dropout {
		c.OwnDropout = true
	}
	d.value(n, field, f.Value, f.Rules)
}

// decode reads {defaults: {options}, candidates: [name or {name, label, options}]}.
func (c *Candidates) decode(d *decoder, n *yaml.Node, field string) {
	*c = architectures.read(d, n, field)
}

// decode reads the same, or the list of candidates alone.
func (f *Fusions) decode(d *decoder, n *yaml.Node, field string) {
	if resolve(n).Kind != yaml.MappingNode {
		*f, _ = fusions.list(d, n, field, nil)
		return
	}
	*f = fusions.read(d, n, field)
}

// read reads {defaults, candidates}.
func (k catalogue) read(d *decoder, n *yaml.Node, field string) []Candidate {
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
		return nil
	}
	if list == nil {
		d.errorf(n.Line, field, "candidates is missing: list at least one %s", k.kind)
		return nil
	}
	given, complete := d.defaults(shared, field+".defaults")
	candidates, all := k.list(d, list, field+".candidates", given)
	if candidates != nil && given != nil && complete && all {
		d.mapping(shared, field+".defaults", func(key, _ *yaml.Node) bool { return given.used[key.Value] }, optionNames(candidates)...)
	}
	return candidates
}

// list reads the candidates. It reports whether each was read; nil is a list that none can be read of.
func (k catalogue) list(d *decoder, n *yaml.Node, field string, shared *defaults) (list []Candidate, all bool) {
	items := d.sequence(n, field)
	if items == nil {
		return nil, false
	}
	if len(items) == 0 {
		d.errorf(n.Line, field, "is empty: list at least one %s", k.kind)
	}
	list, all = []Candidate{}, true
	labels := map[string]bool{}
	for i, item := range items {
		if d.gaveUp() {
			return nil, false
		}
		candidate, ok := k.candidate(d, item, index(field, i), shared)
		all = all && ok
		if !ok {
			continue
		}
		if labels[candidate.Label] {
			d.errorf(item.Line, index(field, i), "%q is already in the list: give one of the two another label", candidate.Label)
		}
		labels[candidate.Label] = true
		list = append(list, candidate)
	}
	return list, all
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
func optionNames(candidates []Candidate) []string {
	var known []string
	seen := map[string]bool{}
	read := map[string]bool{}
	for _, candidate := range candidates {
		if read[candidate.Name] {
			continue
		}
		read[candidate.Name] = true
		for _, f := range candidate.fields() {
			if !seen[f.Name] {
				seen[f.Name] = true
				known = append(known, f.Name)
			}
		}
	}
	return known
}

// candidate reads one candidate: the defaults that it knows, then its own options.
func (k catalogue) candidate(d *decoder, n *yaml.Node, field string, shared *defaults) (Candidate, bool) {
	var c Candidate
	n = resolve(n)
	name := n
	if n.Kind == yaml.MappingNode {
		name = d.lookup(n, field, "name")
		if name == nil {
			d.errorf(n.Line, field, "name is missing: want one of the %ss %s", k.kind, strings.Join(k.names(), ", "))
			return c, false
		}
	}
	before := d.failures
	d.value(name, field, reflect.ValueOf(&c.Name).Elem(), options.Rules{})
	if d.failures > before {
		return c, false
	}
	var err error
	if c.Options, err = k.options(c.Name); err != nil {
		d.errorf(name.Line, field, "%v", err)
		return c, false
	}
	c.Label = c.Name
	d.lines[field] = n.Line
	own := c.fields()
	if shared != nil {
		for _, f := range own {
			if value := shared.values[f.Name]; value != nil {
				shared.used[f.Name] = true
				c.set(d, f, value, join(shared.field, f.Name))
			}
		}
	}
	if n.Kind != yaml.MappingNode {
		return c, true
	}
	known := []string{"name", "label"}
	for _, f := range own {
		known = append(known, f.Name)
	}
	return c, d.mapping(n, field, func(key, value *yaml.Node) bool {
		switch key.Value {
		case "name":
			return true
		case "label":
			d.value(value, field+".label", reflect.ValueOf(&c.Label).Elem(), options.Rules{})
			if c.Label == "" {
				d.errorf(value.Line, field+".label", "is empty")
			}
			return true
		}
		i := slices.IndexFunc(own, func(f options.Field) bool { return f.Name == key.Value })
		if i < 0 {
			return false
		}
		c.set(d, own[i], value, join(field, own[i].Name))
		return true
	}, known...)
}
