package devicetest

import (
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
)

// recording is a graph with the values to write before a run, and the values to read after it.
type recording struct {
	t testing.TB
	*nn.Graph
	parameters *nn.Parameters
	inputs     []input
	places     map[string]*nn.Value // of parameters
	gradients  map[string]*nn.Value // of parameters
	loss       *nn.Value
	loaded
}

// loaded is a recording on a device.
type loaded struct {
	program *device.Program
	session device.Session
	runner  device.Runner
}

type input struct {
	value *nn.Value
	data  []float32
}

func record(t testing.TB, p *nn.Parameters, mode nn.Mode) *recording {
	return &recording{t: t, Graph: nn.NewGraph(p, mode, true), parameters: p}
}

// input records an input with its contents.
func (r *recording) input(name string, data []float32, shape ...int) *nn.Value {
	v := r.Input(name, shape...)
	r.inputs = append(r.inputs, input{v, data})
	return v
}

// load compiles the graph and loads it into a new session with the given weights.
func (r *recording) load(d device.Device, w nn.Weights) {
	r.t.Helper()
	r.places, r.gradients = map[string]*nn.Value{}, map[string]*nn.Value{}
	for _, p := range r.parameters.All() {
		r.places[p.Name] = r.Parameter(p)
		r.gradients[p.Name] = r.Gradient(r.places[p.Name])
	}
	var err error
	if r.program, err = r.Compile(r.t.Name()); err != nil {
		r.t.Fatal(err)
	}
	if r.session, err = d.Open(r.program.StateSize); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := r.session.Close(); err != nil {
			r.t.Error(err)
		}
	})
	if r.runner, err = r.session.Load(r.program); err != nil {
		r.t.Fatal(err)
	}
	for _, p := range r.parameters.All() {
		tensor, ok := w[p.Name]
		if !ok || len(tensor.Data) != p.Size() {
			r.t.Fatalf("parameter %s %v: the weights have %v", p.Name, p.Shape, tensor.Shape)
		}
		if err := r.session.WriteState(r.offset(r.places[p.Name]), tensor.Data); err != nil {
			r.t.Fatal(err)
		}
	}
	if len(w) != len(r.parameters.All()) {
		r.t.Fatalf("%d weights for %d parameters", len(w), len(r.parameters.All()))
	}
}

// run writes all inputs and replays the program once.
func (r *recording) run(step device.Step) {
	r.t.Helper()
	r.write()
	if err := r.runner.Run(step); err != nil {
		r.t.Fatal(err)
	}
}

func (r *recording) write() {
	r.t.Helper()
	for _, in := range r.inputs {
		if err := r.runner.Write(in.value.Buffer(), in.data); err != nil {
			r.t.Fatal(err)
		}
	}
}

// read returns an output's contents.
func (r *recording) read(v *nn.Value) []float32 {
	r.t.Helper()
	data := make([]float32, v.Size())
	if err := r.runner.Read(v.Buffer(), data); err != nil {
		r.t.Fatal(err)
	}
	return data
}

// state returns the contents of a value in the state: a parameter or its gradient.
func (r *recording) state(v *nn.Value) []float32 {
	r.t.Helper()
	data := make([]float32, v.Size())
	if err := r.session.ReadState(r.offset(v), data); err != nil {
		r.t.Fatal(err)
	}
	return data
}

func (r *recording) offset(v *nn.Value) int { return r.program.Info(v.Buffer()).Offset }
