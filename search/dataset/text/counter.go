package text

import (
	"cmp"
	"slices"
	"strings"
)

// What a counter holds before it forgets: words, and their bytes.
const (
	mostCounted      = 1 << 18
	mostCountedBytes = 1 << 24
)

// A counter counts words, the most frequent ones of those that its memory holds.
type counter struct {
	list  []counted
	index map[string]int32 // of a word in list
	bytes int              // of all words
	total int              // words, equal ones and forgotten ones too
	text  int              // number of the current text
}

// counted is a word and how often it occurs.
type counted struct {
	word         string
	times, texts int // occurrences, and texts with any
	last         int // text that had it last
}

// next begins a text.
func (c *counter) next() { c.text++ }

// add counts a word of the current text.
func (c *counter) add(word []byte) {
	c.total++
	if i, ok := c.index[string(word)]; ok {
		w := &c.list[i]
		w.times++
		if w.last != c.text {
			w.texts++
			w.last = c.text
		}
		return
	}
	if len(c.list) >= mostCounted || c.bytes+len(word) > mostCountedBytes {
		c.forget()
	}
	if c.index == nil {
		c.index = map[string]int32{}
	}
	w := counted{string(word), 1, 1, c.text}
	c.index[w.word] = int32(len(c.list))
	c.list = append(c.list, w)
	c.bytes += len(word)
}

// forget removes the rarer half of the words.
func (c *counter) forget() {
	c.list = byTimes(c.list)
	c.list = slices.Delete(c.list, len(c.list)/2, len(c.list))
	c.bytes = 0
	clear(c.index)
	for i, w := range c.list {
		c.index[w.word] = int32(i)
		c.bytes += len(w.word)
	}
}

// byTimes sorts words by falling occurrences; ties are broken by their text.
func byTimes(list []counted) []counted {
	slices.SortFunc(list, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.times, a.times), strings.Compare(a.word, b.word))
	})
	return list
}
