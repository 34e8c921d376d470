package simd

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// cell is a step of a recurrent cell, or its gradient, for one sample: it updates states of width elements, writes some gates and
// reads others.
type cell struct {
	name                   string
	states, writes, inputs []int // gates of each slice
	call                   func(s *Set, states, writes, inputs [][]float32)
}

var cells = []cell{
	{"Gru", []int{1}, []int{4}, []int{3, 3, 3}, func(s *Set, h, y, x [][]float32) { s.Gru(h[0], y[0], x[0], x[1], x[2]) }},
	{"GruGrad", []int{1}, []int{3, 3}, []int{4, 1}, func(s *Set, h, y, x [][]float32) { s.GruGrad(h[0], y[0], y[1], x[0], x[1]) }},
	{"Lstm", []int{1, 1}, []int{4}, []int{4, 4, 4}, func(s *Set, h, y, x [][]float32) { s.Lstm(h[0], h[1], y[0], x[0], x[1], x[2]) }},
	{"LstmGrad", []int{1, 1}, []int{4}, []int{4, 1}, func(s *Set, h, y, x [][]float32) { s.LstmGrad(h[0], h[1], y[0], x[0], x[1]) }},
}

// run calls the cell with random numbers for width units, at the edge of readable memory, and returns what it wrote.
func (c cell) run(t *testing.T, s *Set, width int, change func(given [][]float32)) [][]float32 {
	r := seeded(uint64(width))
	list := func(gates []int, fill bool) (list [][]float32) {
		for _, n := range gates {
			x := guarded(t, n*width, width%2 == 0)
			if fill {
				random(r, x, 1)
			}
			list = append(list, x)
		}
		return list
	}
	states, writes, inputs := list(c.states, true), list(c.writes, false), list(c.inputs, true)
	if change != nil {
		change(slices.Concat(states, inputs))
	}
	c.call(s, states, writes, inputs)
	return append(states, writes...)
}

var cellWidths = []int{1, 3, 7, 8, 9, 16, 31, 64, 100}

// The native cells agree with the portable ones, which compute in float64, and no unit's bits depend on its place.
func TestCells(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, c := range cells {
			for _, width := range cellWidths {
				got, want := c.run(t, s, width, nil), c.run(t, Portable(), width, nil)
				for i := range want {
					for k, v := range wide(want[i]) {
						within(t, fmt.Sprintf("%s of %d units, slice %d", c.name, width, i), k, got[i][k], v, 1e-6)
					}
				}
				same := c.run(t, s, width, func(in [][]float32) {
					for _, x := range in {
						gates := len(x) / width
						for g := range gates {
							for i := range width {
								x[g*width+i] = 0.25 * float32(g+1)
							}
						}
					}
				})
				for _, y := range same {
					for g := range len(y) / width {
						if gate := y[g*width:][:width]; slices.Max(gate) != slices.Min(gate) {
							t.Fatalf("%s: equal units of %d have the gates %v", c.name, width, gate)
						}
					}
				}
			}
		}
	})
}

// Vanishing gradients become zeros, not denormal numbers, with which arithmetic is slow.
func TestCellsFlushVanishingGradients(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		const width = 11
		random := func(gates int) []float32 {
			x := make([]float32, gates*width)
			random(seeded(3), x, 1)
			return x
		}
		tiny := func() []float32 { return slices.Repeat([]float32{-9e-25}, width) }
		dx, dhidden := random(4), random(3)
		dstate, dcell := tiny(), tiny()
		s.GruGrad(dstate, dx[:3*width], dhidden, random(4), random(1))
		made := slices.Concat(dx[:3*width], dhidden, dstate)
		s.LstmGrad(tiny(), dcell, dx, random(4), random(1))
		for i, v := range slices.Concat(made, dx, dcell) {
			if v != 0 {
				t.Fatalf("gradient %d is %g", i, v)
			}
		}
	})
}

// A NaN in a unit's input reaches the unit, and no other one.
func TestCellsPropagateNaN(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		const width, unit = 11, 9
		for _, c := range cells {
			for input, gates := range c.inputs {
				for g := range gates {
					got := c.run(t, s, width, func(in [][]float32) { in[len(c.states)+input][g*width+unit] = canary })
					found := false
					for _, y := range got {
						for i, v := range y {
							found = found || math.IsNaN(float64(v)) && i%width == unit
							if math.IsNaN(float64(v)) && i%width != unit {
								t.Fatalf("%s: a NaN in gate %d of unit %d of input %d reached unit %d", c.name, g, unit, input, i%width)
							}
						}
					}
					if !found {
						t.Errorf("%s: a NaN in gate %d of input %d reached nothing", c.name, g, input)
					}
				}
			}
		}
	})
}
