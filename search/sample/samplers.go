package sample

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// Sampler draws size distinct row numbers, in any order, out of labels.Rows. Its only randomness is random.
type Sampler func(labels Labels, size int, random *rand.Rand) []int

var samplers = map[string]Sampler{"random": uniform, "stratified": stratified}

// Register adds a sampler. It panics when the name is empty or taken: a programmer's mistake. It is meant for init
// functions and must not run beside other functions of this package.
func Register(name string, s Sampler) {
	if samplers[name] != nil || name == "" || s == nil {
		panic(fmt.Sprintf("sample: cannot register sampler %q: it needs a free name and a function", name))
	}
	samplers[name] = s
}

// Samplers lists the registered samplers, sorted.
func Samplers() []string { return slices.Sorted(maps.Keys(samplers)) }

// Check returns an error that lists the known samplers when name is none of them.
func Check(name string) error {
	_, err := lookup(name)
	return err
}

func lookup(name string) (Sampler, error) {
	if s := samplers[name]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("sample: unknown sampler %q; samplers: %s", name, strings.Join(Samplers(), ", "))
}

// uniform gives every set of rows the same chance.
func uniform(labels Labels, size int, random *rand.Rand) []int {
	return random.Perm(labels.Rows)[:size]
}

// stratified draws from each class in proportion to its size; with many labels, from each set of labels that occurs.
// What rounding leaves over goes to the strata with the largest remainders, equal ones in random order.
func stratified(labels Labels, size int, random *rand.Rand) []int {
	strata := strata(labels)
	random.Shuffle(len(strata), func(i, j int) { strata[i], strata[j] = strata[j], strata[i] })
	remainder := func(rows []int) int { return size * len(rows) % labels.Rows }
	slices.SortStableFunc(strata, func(a, b []int) int { return cmp.Compare(remainder(b), remainder(a)) })
	left := size
	for _, rows := range strata {
		left -= size * len(rows) / labels.Rows
	}
	var drawn []int
	for i, rows := range strata {
		n := size * len(rows) / labels.Rows
		if i < left {
			n++
		}
		for _, k := range random.Perm(len(rows))[:n] {
			drawn = append(drawn, rows[k])
		}
	}
	return drawn
}

// strata are the rows of each distinct label (or set of labels), in order of first occurrence.
func strata(l Labels) [][]int {
	index, width := map[string]int{}, l.width()
	var strata [][]int
	for row := range l.Rows {
		name := fmt.Sprint(l.Values[row*width : (row+1)*width])
		i, known := index[name]
		if !known {
			i = len(strata)
			index[name] = i
			strata = append(strata, nil)
		}
		strata[i] = append(strata[i], row)
	}
	return strata
}
