package devicetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"mixmas/nn"
	"mixmas/nn/benchmarks"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// Benchmark times a training step of each preset and of each model of the PyTorch comparison.
func Benchmark(b *testing.B, d device.Device) {
	for _, c := range benchmarks.All() {
		b.Run(c.Name, func(b *testing.B) {
			s := modelSubject(b, c.Name, c.Specification, c.Batch)
			r := s.recorded(b, &nn.Optimiser{Name: "adam"})
			r.load(d, s.parameters.Initialise(1))
			step, loss := device.Step{LearningRate: 0.001, Update: 1}, make([]float32, 1)
			run := func() {
				r.run(step)
				if err := r.runner.Read(r.loss.Buffer(), loss); err != nil { // which waits for the run
					b.Fatal(err)
				}
			}
			run()
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
			b.ReportMetric(float64(r.program.Cost().FLOPs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			b.ReportMetric(float64(4*r.program.ArenaSize)/(1<<20), "arena-MiB")
			b.ReportMetric(float64(r.program.Activations)/float64(r.program.ArenaSize), "activations/arena")
		})
	}
}

// BenchmarkOperations times every kind of operation alone, at the sizes that it has in the presets. Besides the time it
// reports GFLOP/s and GB/s, counted by [device.Operation.Cost], and of-peak: the least time that the machine's measured
// peaks allow, as a fraction of the measured time. It may exceed 1 if an operation's memory stays in a cache.
func BenchmarkOperations(b *testing.B, d device.Device) {
	peaks := measurePeaks(b, d)
	b.Run(fmt.Sprintf("peak/matmul %d, copy %d", peaks.order, copyElements), func(b *testing.B) {
		b.ReportMetric(0, "ns/op") // not shown
		b.ReportMetric(peaks.flops/1e9, "GFLOP/s")
		b.ReportMetric(peaks.bytes/1e9, "GB/s")
	})
	for _, o := range benchmarkOperations(b) {
		var l *loadedOperation
		op := o.program.Operations[o.index]
		b.Run(op.Name()+"/"+op.Sizes(), func(b *testing.B) {
			if l == nil { // not yet for a smaller b.N
				l = loadAlone(b, d, o.program, o.index)
				l.run(b, 1)
			}
			b.ResetTimer()
			l.run(b, b.N)
			seconds, c := b.Elapsed().Seconds()/float64(b.N), op.Cost()
			b.ReportMetric(float64(c.FLOPs)/seconds/1e9, "GFLOP/s")
			b.ReportMetric(float64(c.Bytes)/seconds/1e9, "GB/s")
			b.ReportMetric(peaks.least(c)/seconds, "of-peak")
		})
		if l != nil {
			l.close(b)
		}
	}
}

// benchmarkOperation is an operation of a program.
type benchmarkOperation struct {
	program *device.Program
	index   int
}

// benchmarkOperations returns all distinct operations of the presets' training steps and, from other models, the costliest
// operation of each name that the presets lack.
func benchmarkOperations(t testing.TB) []benchmarkOperation {
	t.Helper()
	var list []benchmarkOperation
	names, sizes := map[string]bool{}, map[string]bool{}
	for _, p := range mixer.Presets() {
		program := trainingProgram(t, p.Name, p.Specification(0), nn.Optimiser{Name: "adam"})
		for i, op := range program.Operations {
			if key := op.Name() + " " + op.Sizes(); !sizes[key] {
				list = append(list, benchmarkOperation{program, i})
				names[op.Name()], sizes[key] = true, true
			}
		}
	}
	for _, program := range otherPrograms(t) {
		costliest := map[string]int{}
		for i, op := range program.Operations {
			if j, ok := costliest[op.Name()]; !names[op.Name()] && (!ok || op.Cost().Bytes > program.Operations[j].Cost().Bytes) {
				costliest[op.Name()] = i
			}
		}
		for i, op := range program.Operations {
			if j, ok := costliest[op.Name()]; ok && i == j {
				list = append(list, benchmarkOperation{program, i})
			}
		}
	}
	return list
}

// otherPrograms returns training steps with the kinds of operations that the presets lack.
func otherPrograms(t testing.TB) []*device.Program {
	t.Helper()
	var list []*device.Program
	for _, c := range benchmarks.Peers() {
		switch c.Name {
		case "avmnist/image/ramlp", "avmnist/image/monarch_mixer", "mmimdb/text/monarch_mixer", "avmnist/image/transformer":
			list = append(list, trainingProgram(t, c.Name, c.Specification, nn.Optimiser{Name: "adam"}))
		}
	}
	softmax, err := shares(32, 4, 64, 64).recorded(t, nil).Compile("softmax")
	if err != nil {
		t.Fatal(err)
	}
	embedding, err := words(64, 64, 8000, 64).recorded(t, nil).Compile("embedding")
	if err != nil {
		t.Fatal(err)
	}
	loss, err := losses(64, 1000).recorded(t, nil).Compile("losses")
	if err != nil {
		t.Fatal(err)
	}
	cells, err := recurrent(64, 128, 64, 64).recorded(t, nil).Compile("recurrent")
	if err != nil {
		t.Fatal(err)
	}
	convolution, err := convolution(64, 14, 14, 64, 64, 3, 3, nn.SamePadding([2]int{3, 3}, [2]int{1, 1})).recorded(t, nil).Compile("convolution")
	if err != nil {
		t.Fatal(err)
	}
	list = append(list, softmax, embedding, loss, cells, convolution)
	// With dropout, mixings are recorded as their parts.
	mimic, err := mixer.LookupPreset("m2mixer-mimic")
	if err != nil {
		t.Fatal(err)
	}
	spec := mimic.Specification(0.1)
	spec.Fusion, spec.MultiLabel = mixer.Fuse("max"), true
	return append(list, trainingProgram(t, "m2mixer-mimic", spec, nn.Optimiser{Name: "sgd", Momentum: 0.9}))
}

// trainingProgram returns the training step of a model at its benchmark's batch size.
func trainingProgram(t testing.TB, name string, spec mixer.Specification, o nn.Optimiser) *device.Program {
	t.Helper()
	for _, c := range benchmarks.All() {
		if c.Name == name {
			p, err := modelSubject(t, name, spec, c.Batch).recorded(t, &o).Compile(name)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	t.Fatalf("no benchmark %s", name)
	return nil
}

// loadedOperation is one operation on its own, loaded with made-up values.
type loadedOperation struct {
	session device.Session
	runner  device.Runner
}

// loadAlone loads operation i of a program alone.
func loadAlone(t testing.TB, d device.Device, p *device.Program, i int) *loadedOperation {
	t.Helper()
	o := alone(p, i)
	compact(o.program)
	s, err := d.Open(o.program.StateSize)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Load(o.program)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	state := normal(random, o.program.StateSize)
	for j, x := range state {
		state[j] = float32(math.Abs(float64(x))) // variances are not negative
	}
	if err := s.WriteState(0, state); err != nil {
		t.Fatal(err)
	}
	for _, b := range o.reads {
		info := o.program.Info(b)
		if info.Space != device.Arena {
			continue
		}
		values := make([]float32, info.Size)
		if !isIndex(p.Operations[i], b) {
			values = normal(random, info.Size)
		}
		if err := r.Write(b, values); err != nil {
			t.Fatal(err)
		}
	}
	return &loadedOperation{s, r}
}

// run runs the operation n times and waits for the last one.
func (l *loadedOperation) run(t testing.TB, n int) {
	t.Helper()
	for range n {
		if err := l.runner.Run(device.Step{LearningRate: 1e-6, Update: 1, Seed: 1, Counter: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if q, ok := l.session.(device.Queue); ok {
		if _, err := q.Log(); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *loadedOperation) close(t testing.TB) {
	t.Helper()
	if err := l.session.Close(); err != nil {
		t.Error(err)
	}
}

// isIndex reports whether the elements of an operation's input are indices, for which zero is a valid value.
func isIndex(op device.Operation, b device.Buffer) bool {
	switch o := op.(type) {
	case *device.CrossEntropy:
		return b == o.Labels
	case *device.MaxGrad:
		return b == o.Index
	}
	return false
}

// compact removes from the state what the program's operations do not use. The state's buffers must not overlap.
func compact(p *device.Program) {
	p.StateSize = 0
	for i := range p.Buffers {
		if info := &p.Buffers[i]; info.Space == device.State {
			info.Offset = p.StateSize
			p.StateSize += (info.Size + device.Alignment - 1) / device.Alignment * device.Alignment
		}
	}
}

// peaks are the highest rates that a device reaches in operations that only compute, or only move memory.
type peaks struct {
	flops, bytes float64 // per second
	order        int     // of the product
}

// least returns the time in seconds that some work takes at the peaks.
func (p peaks) least(c device.Cost) float64 {
	return max(float64(c.FLOPs)/p.flops, float64(c.Bytes)/p.bytes)
}

// copyElements is the size of the copied buffer: with its copy it is larger than any cache.
const copyElements = 1 << 26

// measurePeaks times square products of growing size, until one takes long enough, and a large copy.
func measurePeaks(t testing.TB, d device.Device) peaks {
	t.Helper()
	var p peaks
	for n := 512; n <= 8192; n *= 2 {
		op := &device.MatMul{A: 1, B: 2, C: 3, M: n, N: n, K: n, LDA: n, LDB: n, LDC: n, Batch: [2]int{1, 1}, TransB: true}
		seconds := fastest(t, d, op, n*n, n*n, n*n)
		if rate := float64(op.Cost().FLOPs) / seconds; rate > p.flops {
			p.flops, p.order = rate, n
		}
		if seconds > 0.05 {
			break
		}
	}
	n := copyElements
	op := &device.Assemble{Y: 2, N: n, Covered: true, Kind: "copy",
		Pieces: []device.Piece{{Source: 1, Shape: []int{n}, SourceStrides: []int{1}, TargetStrides: []int{1}, Scale: 1}}}
	p.bytes = float64(op.Cost().Bytes) / fastest(t, d, op, n, n)
	return p
}

// fastest returns the least time of an operation on buffers of the given sizes; it writes the last one.
func fastest(t testing.TB, d device.Device, op device.Operation, sizes ...int) float64 {
	t.Helper()
	p := &device.Program{Name: op.Name(), Operations: []device.Operation{op}}
	for i, n := range sizes {
		info := device.BufferInfo{Name: fmt.Sprint("buffer ", i), Size: n, First: -1}
		if i == len(sizes)-1 {
			info.First, info.Last = 0, 1
		}
		p.Buffers = append(p.Buffers, info)
	}
	l := loadAlone(t, d, p, 0)
	defer l.close(t)
	best := math.Inf(1)
	for range 5 {
		began := time.Now()
		l.run(t, 1)
		best = min(best, time.Since(began).Seconds())
	}
	return best
}
