package config

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// mostThroughAliases is the largest number of values that the aliases of a configuration may expand to in total. A text of
// five aliases that each expand to ten of the previous one expands to a million.
const mostThroughAliases = 100_000

// checkAliases refuses a document whose aliases refer to themselves or expand to more values than anyone would write.
func checkAliases(file string, root *yaml.Node) error {
	a := &aliases{file: file, sizes: map[*yaml.Node]int{}}
	_, err := a.size(root)
	return err
}

// aliases counts the values that aliases expand to.
type aliases struct {
	file    string
	sizes   map[*yaml.Node]int // of anchored nodes; 0 while its parts are counted
	through int
}

// size counts the values of a node, including those behind aliases, each time they occur.
func (a *aliases) size(n *yaml.Node) (int, error) {
	if n.Kind == yaml.AliasNode {
		size, counted := a.sizes[n.Alias]
		if counted && size == 0 {
			text := fmt.Sprintf("the alias *%s refers to itself", shorten(n.Value, mostName))
			return 0, &Error{File: a.file, Line: n.Line, Text: text}
		}
		if a.through += size; a.through > mostThroughAliases {
			return 0, &Error{File: a.file, Line: n.Line, Text: fmt.Sprintf("aliases expand to more than %d values", mostThroughAliases)}
		}
		return size, nil
	}
	if n.Anchor != "" {
		a.sizes[n] = 0
	}
	const word = 100 // this many bytes count as one value
	total := 1 + len(n.Value)/word
	for _, part := range n.Content {
		size, err := a.size(part)
		if err != nil {
			return 0, err
		}
		total += size
	}
	if n.Anchor != "" {
		a.sizes[n] = total
	}
	return total, nil
}

// resolve returns the node that an alias refers to.
func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// entry is a key of a mapping with its value.
type entry struct{ key, value *yaml.Node }

// entries returns the keys of a mapping with their values: its own, then those of the mappings that a merge key (<<) names,
// of which it ignores keys that the mapping has itself. It notes an error for keys that are not words or are given twice, and
// reports whether there was no error.
func (d *decoder) entries(n *yaml.Node, field string) (list []entry, ok bool) {
	ok = true
	seen := map[string]bool{}
	var merged *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.errorf(key.Line, field, "want a name before the colon, got %s", describe(key))
			ok = false
		case seen[key.Value]:
			d.errorf(key.Line, join(field, key.Value), "is given twice")
			ok = false
		case isMerge(key):
			seen[key.Value] = true
			merged = value
		default:
			seen[key.Value] = true
			list = append(list, entry{key, value})
		}
	}
	if merged == nil {
		return list, ok
	}
	sources := []*yaml.Node{merged}
	if list := resolve(merged); list.Kind == yaml.SequenceNode {
		sources = list.Content
	}
	for _, source := range sources {
		if source = resolve(source); source.Kind != yaml.MappingNode {
			d.errorf(source.Line, join(field, mergeKey), "want fields with values, or a list of them, got %s", describe(source))
			ok = false
			continue
		}
		more, good := d.entries(source, field)
		ok = ok && good
		for _, e := range more {
			if !seen[e.key.Value] {
				seen[e.key.Value] = true
				list = append(list, e)
			}
		}
	}
	return list, ok
}

const mergeKey = "<<"

// isMerge reports whether a key is the merge key; in quotes it is an ordinary name.
func isMerge(key *yaml.Node) bool { return key.Value == mergeKey && key.ShortTag() == "!!merge" }

// lookup returns the value of a key in a mapping, or nil.
func (d *decoder) lookup(n *yaml.Node, field, key string) *yaml.Node {
	list, _ := d.entries(n, field)
	for _, e := range list {
		if e.key.Value == key {
			return resolve(e.value)
		}
	}
	return nil
}
