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

// Fusions are the candidate fusion functions. A plain list of names is accepted too.
type Fusions []Candidate

// Candidate is an architecture or fusion function, with the options to try it with.
type Candidate struct {
	// Name is its registered name; Label is its name in tables, unique within its stage. The label of a candidate that lists of
	// values make ends with its own values, such as "mlp_mixer depth=2 width=64".
	Name, Label string
	// Options points to the candidate's own options struct, filled from its defaults and the configuration.
	Options any
	// OwnDropout means that the configuration sets the option that would otherwise take the training recipe's dropout.
	OwnDropout bool
}

// WithDropout returns a copy of the options with the training recipe's dropout, if the candidate has an option for it that
// the configuration does not set.
func (c Candidate) WithDropout(dropout float64) any {
	own := reflect.New(reflect.TypeOf(c.Options).Elem())
	own.Elem().Set(reflect.ValueOf(c.Options).Elem())
	if f, ok := options.ByRecipe(own.Elem(), options.Dropout); ok && !c.OwnDropout {
		f.Value.SetFloat(dropout)
	}
	return own.Interface()
}

// fields returns the options that the candidate has.
func (c Candidate) fields() []options.Field { return options.Fields(reflect.ValueOf(c.Options).Elem()) }

// inherited reports whether an option takes its value from the training recipe.
func (c Candidate) inherited(f options.Field) bool {
	return f.Recipe == options.Dropout && !c.OwnDropout
}

// decode reads {defaults: {options}, candidates: [name or {name, label, options}]}.
func (c *Candidates) decode(d *decoder, n *yaml.Node, field string) {
	*c = architectures.read(d, n, field)
}

// decode reads the same as Candidates, or a plain list of candidates.
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

// list reads the candidates and reports for each whether it could be read. It returns nil if the node is not such a list.
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
		made, ok := k.candidate(d, item, index(field, i), shared)
		all = all && ok
		if !ok {
			continue
		}
		for _, candidate := range made {
			if labels[candidate.Label] {
				d.errorf(item.Line, index(field, i), "%q is already in the list: give one of the two another label", candidate.Label)
			}
			labels[candidate.Label] = true
			d.places[place{strings.TrimSuffix(field, ".candidates"), candidate.Label}] = index(field, i)
		}
		list = append(list, made...)
	}
	return list, all
}

// defaults are options for all candidates that have them.
type defaults struct {
	field  string
	values map[string]*yaml.Node
	used   map[string]bool // by at least one candidate
}

// defaults reads the options under defaults, or returns nil if there are none. The candidates read the values.
func (d *decoder) defaults(n *yaml.Node, field string) (shared *defaults, ok bool) {
	if n = resolve(n); n == nil {
		return nil, true
	}
	shared = &defaults{field, map[string]*yaml.Node{}, map[string]bool{}}
	if n.Kind != yaml.MappingNode {
		return shared, true // the check for unused defaults refuses it
	}
	list, ok := d.entries(n, field)
	for _, e := range list {
		shared.values[e.key.Value] = e.value
	}
	return shared, ok
}

// optionNames returns the options of all candidates, in order of first occurrence.
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

// candidate reads one candidate: the defaults that it has, then its own options. Options that list values make several of it.
func (k catalogue) candidate(d *decoder, n *yaml.Node, field string, shared *defaults) ([]Candidate, bool) {
	var c Candidate
	n = resolve(n)
	name := n
	if n.Kind == yaml.MappingNode {
		name = d.lookup(n, field, "name")
		if name == nil {
			d.errorf(n.Line, field, "name is missing: want one of the %ss %s", k.kind, strings.Join(k.names(), ", "))
			return nil, false
		}
	}
	before := d.failures
	d.value(name, field, reflect.ValueOf(&c.Name).Elem(), options.Rules{})
	if d.failures > before {
		return nil, false
	}
	var err error
	if c.Options, err = k.options(c.Name); err != nil {
		d.errorf(name.Line, field, "%v", err)
		return nil, false
	}
	c.Label = c.Name
	d.lines[field] = n.Line
	own := c.fields()
	var values lists
	if shared != nil {
		for _, f := range own {
			if value := shared.values[f.Name]; value != nil {
				shared.used[f.Name] = true
				values.set(d, &c, f, value, join(shared.field, f.Name))
			}
		}
	}
	if n.Kind != yaml.MappingNode {
		return values.expand(d, c, n, field)
	}
	known := []string{"name", "label"}
	for _, f := range own {
		known = append(known, f.Name)
	}
	ok := d.mapping(n, field, func(key, value *yaml.Node) bool {
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
		values.set(d, &c, own[i], value, join(field, own[i].Name))
		return true
	}, known...)
	if !ok {
		return nil, false
	}
	return values.expand(d, c, n, field)
}
