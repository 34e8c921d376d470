package config

import (
	"fmt"
	"reflect"

	"gopkg.in/yaml.v3"

	"mixmas/nn/options"
	"mixmas/search/strategy"
)

// defaultStrategy is the strategy of a configuration that does not name one.
func defaultStrategy() strategy.Strategy {
	s, err := strategy.New(strategy.Default)
	if err != nil {
		panic(err)
	}
	return s
}

// decode reads the fields, including the options of the strategy.
func (s *Search) decode(d *decoder, n *yaml.Node, field string) {
	known := true
	if n.Kind == yaml.MappingNode {
		if name := d.lookup(n, field, "strategy"); name != nil {
			d.value(name, join(field, "strategy"), reflect.ValueOf(&s.Strategy).Elem(), options.Rules{})
			if known = !d.failed(join(field, "strategy")); known {
				chosen, err := strategy.New(s.Strategy)
				if err != nil {
					d.errorf(name.Line, join(field, "strategy"), "%v", err)
					known = false
				} else {
					s.Searcher = chosen
				}
			}
		}
	}
	list := s.fields()
	var names []string
	for _, f := range list {
		names = append(names, f.Name)
	}
	d.mapping(n, field, func(key, value *yaml.Node) bool {
		for _, f := range list {
			if f.Name == key.Value {
				d.value(value, join(field, f.Name), f.Value, f.Rules)
				return true
			}
		}
		if !known { // it may be an option of another strategy
			return true
		}
		for _, name := range strategy.Names() {
			if other, err := strategy.New(name); err == nil {
				if _, knows := options.ByName(reflect.ValueOf(other).Elem(), key.Value); knows {
					d.errorf(key.Line, join(field, key.Value), "is an option of the strategy %s, not of %s", name, s.Strategy)
					return true
				}
			}
		}
		return false
	}, names...)
}

// fields returns the fields of a search, with those of the strategy's options after the strategy's name. It panics if one
// would hide another, which is a programming error.
func (s *Search) fields() (list []options.Field) {
	own := reflect.ValueOf(s.Searcher).Elem()
	for _, f := range options.Fields(reflect.ValueOf(s).Elem()) {
		if _, hidden := options.ByName(own, f.Name); hidden {
			panic(fmt.Sprintf("search strategy %s: its option %s has the name of a field that every search has", s.Strategy, f.Name))
		}
		if list = append(list, f); f.Name == "strategy" {
			list = append(list, options.Fields(own)...)
		}
	}
	return list
}
