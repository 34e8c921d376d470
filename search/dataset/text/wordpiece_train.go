package text

import (
	"cmp"
	"container/heap"
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// mostTrained is the number of characters of the words that pieces are learned from, the most frequent words.
const mostTrained = 1 << 20

// learnPieces returns at most size tokens of words, the most frequent ones first. It begins with the characters of the words,
// and then joins the two neighbouring pieces that occur most often, again and again. Tokens that the words do not have at least twice, split by these tokens, are
// left out: their embedding would not be trained.
func learnPieces(ctx context.Context, words []counted, size int) ([]string, error) {
	words = trained(words)
	tokens := alphabet(words, size)
	letters := len(tokens)
	m := newMerger(words, tokens)
	for len(m.pieces) < size {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !m.join() {
			break
		}
	}
	tokens = m.pieces

	uses := make([]int, first+len(tokens))
	p, ids := newPieces(tokens), []int(nil)
	for _, w := range words {
		ids = p.encode(ids[:0], []byte(w.word))
		for _, id := range ids {
			uses[id] += w.times
		}
	}
	kept := tokens[:letters]
	for i, token := range tokens[letters:] {
		if uses[first+letters+i] >= 2 {
			kept = append(kept, token)
		}
	}
	return kept, nil
}

// trained returns the words before the one that exceeds mostTrained.
func trained(words []counted) []counted {
	characters := 0
	for i, w := range words {
		if characters += utf8.RuneCountInString(w.word); characters > mostTrained {
			return words[:i]
		}
	}
	return words
}

// alphabet returns the characters that occur at least twice, at most size tokens, the most frequent ones. A character of
// words of several characters has both its tokens: it may start a new word, or continue one.
func alphabet(words []counted, size int) []string {
	type letter struct {
		character rune
		times     int
		within    bool
	}
	letters := map[rune]letter{}
	for _, w := range words {
		_, size := utf8.DecodeRuneInString(w.word)
		for _, c := range w.word {
			l := letters[c]
			letters[c] = letter{c, l.times + w.times, l.within || size < len(w.word)}
		}
	}
	list := slices.SortedFunc(maps.Values(letters), func(a, b letter) int {
		return cmp.Or(cmp.Compare(b.times, a.times), cmp.Compare(a.character, b.character))
	})
	var tokens []string
	for _, l := range list {
		if l.times < 2 || len(tokens)+2 > size {
			break
		}
		tokens = append(tokens, string(l.character))
		if l.within {
			tokens = append(tokens, continuation+string(l.character))
		}
	}
	slices.Sort(tokens)
	return tokens
}

// A merger joins the pieces of words.
type merger struct {
	words  [][]int32 // pieces of each word; -1: a character that has none
	times  []int     // of each word
	pieces []string
	ids    map[string]int32 // of pieces
	pairs  map[pair]*occurrence
	queue  queue
}

// pair is two neighbouring pieces.
type pair struct{ left, right int32 }

// occurrence is where a pair occurs.
type occurrence struct {
	times int
	words []int32 // all words that have it, some of them more than once, and some that have it no more
}

// newMerger splits words into the characters in tokens.
func newMerger(words []counted, tokens []string) *merger {
	m := &merger{pieces: tokens, ids: make(map[string]int32, 2*len(tokens)), pairs: map[pair]*occurrence{}}
	for i, token := range tokens {
		m.ids[token] = int32(i)
	}
	for i, w := range words {
		var list []int32
		for at, c := range w.word {
			token := string(c)
			if at > 0 {
				token = continuation + token
			}
			id, ok := m.ids[token]
			if !ok {
				id = -1
			}
			list = append(list, id)
		}
		m.words = append(m.words, list)
		m.times = append(m.times, w.times)
		for at := range len(list) - 1 {
			m.count(pair{list[at], list[at+1]}, int32(i), w.times)
		}
	}
	for p, o := range m.pairs {
		m.queue.list = append(m.queue.list, candidate{p, o.times})
	}
	m.queue.m = m
	heap.Init(&m.queue)
	return m
}

// count adds times occurrences of a pair in a word.
func (m *merger) count(p pair, word int32, times int) {
	if p.left < 0 || p.right < 0 {
		return
	}
	o := m.pairs[p]
	if o == nil {
		o = new(occurrence)
		m.pairs[p] = o
	}
	o.times += times
	if n := len(o.words); times > 0 && (n == 0 || o.words[n-1] != word) {
		o.words = append(o.words, word)
	}
}

// join makes one piece of the most frequent pair, and reports whether there is one that occurs at least twice.
func (m *merger) join() bool {
	var p pair
	for {
		if len(m.queue.list) == 0 {
			return false
		}
		c := heap.Pop(&m.queue).(candidate)
		p = c.pair
		o := m.pairs[p]
		if o == nil || o.times < 2 {
			continue
		}
		if o.times == c.times {
			break
		}
		heap.Push(&m.queue, candidate{p, o.times}) // it was counted before other pairs were joined
	}
	text := m.pieces[p.left] + strings.TrimPrefix(m.pieces[p.right], continuation)
	joined, ok := m.ids[text] // another pair may have the same text
	if !ok {
		joined = int32(len(m.pieces))
		m.ids[text] = joined
		m.pieces = append(m.pieces, text)
	}
	changed := map[pair]struct{}{}
	where := m.pairs[p].words
	slices.Sort(where)
	for _, i := range slices.Compact(where) {
		m.joinWord(i, p, joined, changed)
	}
	delete(m.pairs, p)
	for p := range changed {
		if o := m.pairs[p]; o != nil && o.times >= 2 {
			heap.Push(&m.queue, candidate{p, o.times})
		}
	}
	return true
}

// joinWord joins a pair in a word, and notes the pairs that are new.
func (m *merger) joinWord(i int32, p pair, joined int32, changed map[pair]struct{}) {
	old, times := m.words[i], m.times[i]
	list := old[:0]
	for at := 0; at < len(old); at++ {
		if at+1 == len(old) || old[at] != p.left || old[at+1] != p.right {
			list = append(list, old[at])
			continue
		}
		if n := len(list); n > 0 {
			m.count(pair{list[n-1], p.left}, i, -times)
			before := pair{list[n-1], joined}
			m.count(before, i, times)
			changed[before] = struct{}{}
		}
		if at+2 < len(old) {
			m.count(pair{p.right, old[at+2]}, i, -times)
			after := pair{joined, old[at+2]}
			m.count(after, i, times)
			changed[after] = struct{}{}
		}
		list = append(list, joined)
		at++
	}
	m.words[i] = list
}

// candidate is a pair to join, and how often it occurred when it was queued.
type candidate struct {
	pair  pair
	times int
}

// queue has the most frequent pair on top; ties are broken by the texts of its pieces.
type queue struct {
	list []candidate
	m    *merger
}

func (q *queue) Len() int { return len(q.list) }
func (q *queue) Less(i, j int) bool {
	a, b, text := q.list[i], q.list[j], q.m.pieces
	if a.times != b.times {
		return a.times > b.times
	}
	return cmp.Or(strings.Compare(text[a.pair.left], text[b.pair.left]), strings.Compare(text[a.pair.right], text[b.pair.right])) < 0
}
func (q *queue) Swap(i, j int) { q.list[i], q.list[j] = q.list[j], q.list[i] }
func (q *queue) Push(x any)    { q.list = append(q.list, x.(candidate)) }
func (q *queue) Pop() any {
	x := q.list[len(q.list)-1]
	q.list = q.list[:len(q.list)-1]
	return x
}
