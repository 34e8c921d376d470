package sample

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"

	"mixmas/nn/registry"
	"mixmas/search/task"
)

// Sampler is a way of drawing samples.
type Sampler struct {
	// Name is how configurations select it; Doc is one line for people.
	Name, Doc string
	// Draw draws size distinct row numbers below labels.Rows, in any order. random is its only source of randomness. It returns
	// soon after ctx is done, with ctx's error.
	Draw func(ctx context.Context, labels Labels, size int, random *Random) ([]int, error)
}

var samplers = registry.New[Sampler]("sampler")

func init() {
	Register(Sampler{Name: "random", Doc: "Every set of rows has the same chance.", Draw: uniform})
	Register(Sampler{Name: "stratified", Doc: "Draws from each class, or each set of labels that occurs, in proportion to its size.", Draw: stratified})
}

// Register registers a sampler. It panics if its name is taken, or if Doc or Draw is missing.
func Register(s Sampler) {
	if s.Draw == nil {
		panic("sampler " + s.Name + " cannot be registered: it needs Draw")
	}
	samplers.Register(s.Name, s.Doc, s)
}

// Samplers lists the registered samplers, sorted by name.
func Samplers() []Sampler { return samplers.All() }

// Names lists the names of the samplers, sorted.
func Names() []string { return samplers.Names() }

// Check returns an error that lists the samplers if name is not one of them.
func Check(name string) error {
	_, err := samplers.Lookup(name)
	return err
}

// uniform gives every set of rows the same chance.
func uniform(ctx context.Context, labels Labels, size int, random *Random) ([]int, error) {
	return random.Choose(ctx, labels.Rows, size)
}

// stratified draws from each class in proportion to its size; for multi-label data, from each set of labels that occurs. The
// rows that rounding leaves over go to the strata with the largest remainders, equal ones in random order.
func stratified(ctx context.Context, labels Labels, size int, random *Random) ([]int, error) {
	strata := newStrata(labels)
	var sizes []int // by stratum
	err := labels.each(ctx, func(_ int, label []float32) {
		s := strata.of(label)
		if s == len(sizes) {
			sizes = append(sizes, 0)
		}
		sizes[s]++
	})
	if err != nil {
		return nil, err
	}
	order := make([]int, len(sizes))
	for i := range order {
		order[i] = i
	}
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	remainder := func(s int) int { return size * sizes[s] % labels.Rows }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(remainder(b), remainder(a)) })
	left := size
	for _, n := range sizes {
		left -= size * n / labels.Rows
	}
	chosen := make([][]int, len(sizes)) // by stratum: which of its rows to take, without those already seen
	for i, s := range order {
		n := size * sizes[s] / labels.Rows
		if i < left {
			n++
		}
		if chosen[s], err = random.Choose(ctx, sizes[s], n); err != nil {
			return nil, err
		}
	}
	rows, seen := make([]int, 0, size), make([]int, len(sizes))
	err = labels.each(ctx, func(row int, label []float32) {
		s := strata.of(label)
		if len(chosen[s]) > 0 && chosen[s][0] == seen[s] {
			rows, chosen[s] = append(rows, row), chosen[s][1:]
		}
		seen[s]++
	})
	return rows, err
}

// strata number each distinct label (or set of labels), in order of first occurrence.
type strata struct {
	kind    task.Kind
	classes []int                     // by class number; -1 for one that has not occurred
	sets    map[[sha256.Size]byte]int // by the digest of a set, so that memory does not grow with the number of classes
	number  int
	bytes   []byte // of a set: 0 or 1 per class
}

func newStrata(l Labels) *strata {
	s := &strata{kind: l.Kind, classes: make([]int, l.Classes), sets: map[[sha256.Size]byte]int{}, bytes: make([]byte, l.Classes)}
	for c := range s.classes {
		s.classes[c] = -1
	}
	return s
}

// of returns the number of a label's stratum.
func (s *strata) of(label []float32) int {
	switch s.kind {
	case task.OneLabel:
		number := &s.classes[int(label[0])]
		if *number < 0 {
			*number = s.number
			s.number++
		}
		return *number
	case task.MultiLabel:
		return s.ofSet(label)
	}
	panic(s.kind.Unknown())
}

// ofSet returns the number of the stratum of a set of labels.
func (s *strata) ofSet(label []float32) int {
	for c, v := range label {
		s.bytes[c] = byte(v)
	}
	key := sha256.Sum256(s.bytes)
	number, known := s.sets[key]
	if !known {
		number = s.number
		s.sets[key] = number
		s.number++
	}
	return number
}
