package text

import (
	"bytes"
	"slices"
	"strings"
)

// A trie finds the longest of its words that a text starts with.
type trie struct {
	nodes  []node  // the root first
	labels []byte  // bytes that lead from a node to others, those of a node together
	to     []int32 // the nodes that they lead to
}

// node is what words have in common up to a byte.
type node struct {
	from, until int32 // its labels
	id          int32 // of the word that ends here, or -1
}

// entry is a word and its id.
type entry struct {
	word string
	id   int32
}

// newTrie makes a trie of different words that are not empty.
func newTrie(list []entry) trie {
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.word, b.word) })
	type part struct{ from, until, depth int } // of the list, that a node stands for
	t, parts := trie{nodes: []node{{id: -1}}}, []part{{0, len(list), 0}}
	for i := 0; i < len(t.nodes); i++ {
		p := parts[i]
		if p.from < p.until && len(list[p.from].word) == p.depth {
			t.nodes[i].id = list[p.from].id
			p.from++
		}
		t.nodes[i].from = int32(len(t.labels))
		for p.from < p.until {
			label, end := list[p.from].word[p.depth], p.from+1
			for end < p.until && list[end].word[p.depth] == label {
				end++
			}
			t.labels = append(t.labels, label)
			t.to = append(t.to, int32(len(t.nodes)))
			t.nodes = append(t.nodes, node{id: -1})
			parts = append(parts, part{p.from, end, p.depth + 1})
			p.from = end
		}
		t.nodes[i].until = int32(len(t.labels))
	}
	return t
}

// longest returns the id and the size of the longest word that s starts with, or -1.
func (t *trie) longest(s []byte) (id int32, size int) {
	id = -1
	n := t.nodes[0]
	for i, c := range s {
		at := bytes.IndexByte(t.labels[n.from:n.until], c)
		if at < 0 {
			break
		}
		if n = t.nodes[t.to[int(n.from)+at]]; n.id >= 0 {
			id, size = n.id, i+1
		}
	}
	return id, size
}
