package devicetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/devicetest/reference"
)

// edges are sizes at and around the limits of the blocks that matrix products and loops are cut into.
var edges = []int{1, 5, 6, 7, 15, 16, 17, 143, 144, 145, 255, 256, 257, 3071, 3072, 3073}

// edges returns the sizes for this device: fewer if it is slow.
func (s Suite) edges() (list []int) {
	for _, n := range edges {
		if n <= 20 || !raceDetector && (n == 257 || !s.Brief && (n == 3073 || !s.Emulated || n < 1000)) {
			list = append(list, n)
		}
	}
	return list
}

// operationSubjects returns all operations at odd sizes, and along each axis at the edges.
func operationSubjects(t testing.TB, edges []int) []subject {
	list := smallModels(t)
	random := rand.New(rand.NewPCG(7, 11))
	odd := func(most int) int { return 1 + random.IntN(most) }
	for range 5 {
		list = append(list, matrices(odd(4), odd(20), odd(40), odd(20), odd(40)), rows(2+odd(5), 1+odd(9), odd(70)),
			maps(1+odd(3), 2+odd(9), 2+odd(9), odd(20), odd(20)), losses(odd(20), 1+odd(20)),
			mixing(odd(4), odd(20), 1+odd(9), odd(9), odd(40)))
	}
	list = append(list, mixing(3, 4, 16, 4, 64), mixing(2, 33, 6, 5, 17), shares(3, 2, 7, 7), shares(2, 3, 20, 20), words(3, 7, 11, 5), words(4, 40, 300, 12),
		gates(5), gates(70), recurrent(3, 5, 4, 6), recurrent(1, 9, 3, 1), recurrent(7, 1, 2, 17), recurrent(26, 3, 1, 40), recurrent(1, 2, 3, 145))
	for _, n := range edges {
		list = append(list, rows(2, 3, n), losses(3, n), shares(2, 1, 2, n), words(1, 3, 4, n))
		if n < 1000 {
			list = append(list, recurrent(n, 2, 2, 3), recurrent(1, n, 2, 3), matrices(2, n, 3, 5, 4), matrices(1, 3, 5, n, 4), rows(2, n+1, 5), rows(n+1, 2, 3), maps(2, 3, 4, n, 2), losses(n, 3), words(1, n, 5, 3))
		}
		if n < 20 {
			list = append(list, recurrent(2, 2, 3, n))
		}
		list = append(list, matrices(n, 1, 3, 2, 5), matrices(2, 3, n, 2, 5), matrices(2, 2, 3, 2, n))
	}
	list = append(list, attentions(edges)...)
	list = append(list, convolutions(edges)...)
	return list
}

// operations runs every operation of many programs alone, and compares it with the float64 reference.
func operations(t *testing.T, d device.Device, rounding Rounding, edges []int) {
	for _, s := range operationSubjects(t, edges) {
		t.Run(s.name, func(t *testing.T) {
			for _, o := range []nn.Optimiser{{Name: "adam", WeightDecay: 0.1}, {Name: "adamw", WeightDecay: 0.1}, {Name: "sgd", Momentum: 0.9}} {
				compareOperations(s.recorded(t, &o), s.weights(), d, rounding)
				if len(s.parameters.All()) > 10 {
					break
				}
			}
		})
	}
}

// compareOperations runs a recording on the reference, and each of its operations with the same inputs, rounded to float32,
// on the device. Every buffer that an operation writes must agree to a few units in the last place of the buffer's largest
// element. Inside a composite, sums may cancel (the gradient of a bias that a layer norm removes again), so its errors are
// compared with the smallest of its inputs, if that is larger.
//
// If the device rounds the operands of products, the reference rounds them too. A device may omit the rounding for a whole
// product. Inside a composite its operands are not exactly those of the reference, so that some are rounded in the other
// direction: the result may be off by growth unit roundoffs for each product in the chain.
func compareOperations(r *recording, w nn.Weights, d device.Device, rounding Rounding) {
	t := r.t
	t.Helper()
	whole := onReference(r, w)
	state := r.session.(*reference.Session).State
	step := device.Step{LearningRate: 0.01, Update: 1, Seed: 12345, Counter: 3}
	s, err := d.Open(r.program.StateSize)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = whole.Each(step, func(i int, run func() error) error {
		op := alone(r.program, i)
		inputs := map[device.Buffer][]float32{}
		least := 0.0
		for _, b := range op.reads {
			values := whole.Values(b)
			round(values)
			inputs[b] = narrow(values)
			if op.composite && r.program.Info(b).Space == device.Arena && (least == 0 || peak(values) < least) {
				least = peak(values)
			}
		}
		if err := s.WriteState(0, narrow(state)); err != nil {
			return err
		}
		var rounded map[device.Buffer][]float64
		if rounding.Round != nil {
			before := slices.Clone(state)
			whole.Round = rounding.wide()
			if err := run(); err != nil {
				return err
			}
			rounded = map[device.Buffer][]float64{}
			for _, b := range op.writes {
				rounded[b] = slices.Clone(whole.Values(b))
			}
			whole.Round = nil
			copy(state, before)
		}
		if err := run(); err != nil {
			return err
		}
		alone, err := s.Load(op.program)
		if err != nil {
			return err
		}
		for _, b := range op.reads {
			if r.program.Info(b).Space == device.Arena {
				if err := alone.Write(b, inputs[b]); err != nil {
					return err
				}
			}
		}
		if err := alone.Run(step); err != nil {
			return err
		}
		for _, b := range op.writes {
			info, want := r.program.Info(b), whole.Values(b)
			got := make([]float32, len(want))
			if info.Space == device.State {
				err = s.ReadState(info.Offset, got)
			} else {
				err = alone.Read(b, got)
			}
			if err != nil {
				return err
			}
			allowed := 2e-5
			if op.composite {
				allowed += growth * rounding.Roundoff * float64(slices.Max(depths(op.program)))
			}
			e, at := worst(got, want, least)
			if r, there := rounded[b]; !(e <= allowed) && there {
				want = r
				e, at = worst(got, want, least)
			}
			if !(e <= allowed) {
				t.Errorf("%s: element %d of %s is %v, want %v: off by %.3g of the largest", op.program.Name, at, info.Name, got[at], want[at], e)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// onReference loads a recording into the reference and writes its inputs.
func onReference(r *recording, w nn.Weights) *reference.Runner {
	r.t.Helper()
	r.load(reference.Device{}, w)
	r.write()
	return r.runner.(*reference.Runner)
}

// operation is one operation of a program as a separate program. The arena buffers that it reads are inputs, and those that
// it writes are outputs, except for buffers that only a composite itself and its gradient read.
type operation struct {
	program       *device.Program
	reads, writes []device.Buffer
	composite     bool
}

// alone cuts operation i out of a program.
func alone(p *device.Program, i int) operation {
	op := p.Operations[i]
	o := operation{program: &device.Program{Name: fmt.Sprintf("operation %d (%s)", i, op.Name()),
		Operations: []device.Operation{op}, Buffers: make([]device.BufferInfo, len(p.Buffers)), StateSize: p.StateSize}}
	o.reads, o.writes = op.Buffers(nil, nil)
	seen := map[device.Buffer]bool{}
	place := func(buffers []device.Buffer, first, last int) {
		for _, b := range buffers {
			info := p.Info(b)
			if info.Space == device.Arena && !seen[b] {
				info.Offset, info.First, info.Last = o.program.ArenaSize, first, last
				o.program.ArenaSize += (info.Size + device.Alignment - 1) / device.Alignment * device.Alignment
			}
			if !seen[b] {
				o.program.Buffers[b-1], seen[b] = info, true
			}
		}
	}
	place(o.reads, -1, 0)
	if _, o.composite = op.(device.Composite); o.composite {
		private := func(b device.Buffer) bool { return p.Private(i, b) }
		var inner []device.Buffer
		for _, b := range o.writes {
			if private(b) {
				inner = append(inner, b)
			}
		}
		place(inner, 0, 0)
		o.writes = slices.DeleteFunc(o.writes, private)
	}
	place(o.writes, 0, 1)
	return o
}

// worst returns the largest absolute error, as a fraction of the largest magnitude or of least if that is larger, and its
// index.
func worst(got []float32, want []float64, least float64) (fraction float64, at int) {
	for i, w := range want {
		if e := math.Abs(float64(got[i]) - w); !(e <= fraction) {
			fraction, at = e, i
		}
	}
	if fraction == 0 {
		return 0, 0
	}
	return fraction / math.Max(least, peak(want)), at
}

func peak(x []float64) float64 {
	m := 0.0
	for _, v := range x {
		m = math.Max(m, math.Abs(v))
	}
	return m
}

func round(x []float64) {
	for i := range x {
		x[i] = float64(float32(x[i]))
	}
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i := range x {
		y[i] = float32(x[i])
	}
	return y
}
