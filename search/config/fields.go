package config

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Field is a field of a configuration, such as "search.training.epochs", with its value as text.
type Field struct{ Name, Value string }

// Fields returns the fields of a configuration's text in its order, without checking what they are. A list of plain values is one
// field; the entries of other lists have a number.
func Fields(text string) ([]Field, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	var list []Field
	var walk func(name string, n *yaml.Node)
	walk = func(name string, n *yaml.Node) {
		switch {
		case n.Kind == yaml.DocumentNode:
			for _, child := range n.Content {
				walk(name, child)
			}
		case n.Kind == yaml.MappingNode && len(n.Content) > 0:
			for i := 0; i+1 < len(n.Content); i += 2 {
				field := n.Content[i].Value
				if name != "" {
					field = name + "." + field
				}
				walk(field, n.Content[i+1])
			}
		case n.Kind == yaml.SequenceNode && !plainList(n):
			for i, child := range n.Content {
				walk(fmt.Sprintf("%s[%d]", name, i+1), child)
			}
		default:
			list = append(list, Field{name, plainText(n)})
		}
	}
	walk("", &document)
	return list, nil
}

// plainList reports whether a list has only plain values.
func plainList(n *yaml.Node) bool {
	for _, child := range n.Content {
		if child.Kind != yaml.ScalarNode && child.Kind != yaml.AliasNode {
			return false
		}
	}
	return true
}

// plainText is the text of a value that has no fields.
func plainText(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		texts := make([]string, len(n.Content))
		for i, child := range n.Content {
			texts[i] = plainText(child)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case yaml.MappingNode:
		return "{}"
	case yaml.AliasNode: // not followed: a few of them can stand for any amount of text
		return "*" + n.Value
	}
	return n.Value
}
