package cpu

import (
	"slices"
	"testing"

	"mixmas/nn/device"
)

// Three parameters of two elements: the gradient of the first is there before the parameter is read for the last time,
// that of the second comes later, and the third has none.
func TestAdamUpdatesAfterTheLastUse(t *testing.T) {
	const n, region = 6, device.Alignment
	p := &device.Program{Name: "train", ArenaSize: 3 * device.Alignment, StateSize: 4 * region}
	buffer := func(name string, space device.Space, offset, size, first, last int) device.Buffer {
		p.Buffers = append(p.Buffers, device.BufferInfo{Name: name, Space: space, Offset: offset, Size: size, First: first, Last: last})
		return device.Buffer(len(p.Buffers))
	}
	x := buffer("x", device.Arena, 0, 2, -1, 2)
	read := buffer("read", device.Arena, device.Alignment, 2, 1, 4)
	state := func(name string, offset, size int) device.Buffer {
		return buffer(name, device.State, offset, size, 0, 0)
	}
	adam := &device.Adam{Parameters: state("parameters", 0, n), Gradients: state("gradients", region, n),
		Moments: state("moments", 2*region, n), Variances: state("variances", 3*region, n), N: n, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
	first := state("first", 0, 2)
	add := func(y, a, b device.Buffer) device.Operation {
		return &device.Binary{Arithmetic: device.Add, A: a, B: b, Y: y, Shape: []int{2}, StridesA: []int{1}, StridesB: []int{1}}
	}
	p.Operations = []device.Operation{
		add(state("gradient of the first", region, 2), x, x),
		add(read, first, x),
		add(state("gradient of the second", region+2, 2), x, x),
		adam,
	}

	want := []use{{4, 6, -1}, {0, 2, 1}, {2, 4, 2}}
	if got := uses(p, 3, adam); !slices.Equal(got, want) {
		t.Fatalf("the pieces are %v, want %v", got, want)
	}
	s, err := New(Options{Workers: 1}).Open(p.StateSize)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	weights := []float32{1, 2, 3, 4, 5, 6}
	if err := s.WriteState(0, weights); err != nil {
		t.Fatal(err)
	}
	r, err := s.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write(x, []float32{10, 20}); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(device.Step{LearningRate: 0.5, Update: 1}); err != nil {
		t.Fatal(err)
	}
	sum, updated := make([]float32, 2), make([]float32, n)
	if err := r.Read(read, sum); err != nil {
		t.Fatal(err)
	}
	if want := []float32{11, 22}; !slices.Equal(sum, want) {
		t.Errorf("an operation after the gradient read %v, want %v: the parameters before the update", sum, want)
	}
	if err := s.ReadState(0, updated); err != nil {
		t.Fatal(err)
	}
	// The first update of Adam is the learning rate in the gradient's direction.
	if want := []float32{0.5, 1.5, 2.5, 3.5, 5, 6}; !nearly(updated, want) {
		t.Errorf("the parameters are %v, want %v", updated, want)
	}
}

func nearly(got, want []float32) bool {
	return slices.EqualFunc(got, want, func(a, b float32) bool { return max(a-b, b-a) < 1e-5 })
}
