package devicetest

import (
	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// recurrentSettings are the hyperparameters of the cases of recurrent encoders and of the activations of gates.
type recurrentSettings struct {
	Function, Kind           string
	Width, Depth, Vocabulary int
	Bidirectional            bool
	Mask, IDs                [][]float32
}

func (v *vectors) recurrent() (h recurrentSettings) {
	v.Helper()
	v.hyper(&h)
	return h
}

// encoder builds the architecture of a case.
func (h recurrentSettings) encoder(v *vectors, s *nn.Scope, in mixer.Input) mixer.Network {
	v.Helper()
	a, err := mixer.Lookup(h.Kind)
	if err != nil {
		v.Fatal(err)
	}
	network, err := a.Build(s, in, &mixer.RecurrentOptions{Width: h.Width, Depth: h.Depth, Bidirectional: h.Bidirectional})
	if err != nil {
		v.Fatal(err)
	}
	return network
}

// rows is a constant of equally long rows, nil for none.
func rowsOf(g *nn.Graph, name string, list [][]float32) *nn.Value {
	if list == nil {
		return nil
	}
	var data []float32
	for _, row := range list {
		data = append(data, row...)
	}
	return g.Constant(name, data, len(list), len(list[0]))
}

func init() {
	modules["activation"] = func(v *vectors, _ *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		name := v.recurrent().Function
		for a := range device.SiLU + 1 {
			if a.String() == name {
				return single(func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Activate(x, a) })
			}
		}
		v.Fatalf("unknown activation %s", name)
		return nil
	}
	modules["recurrent"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.recurrent()
		network := h.encoder(v, s, mixer.Input{Kind: mixer.Sequence, Shape: v.array("x").Shape[1:]})
		return single(func(g *nn.Graph, x *nn.Value) *nn.Value { return network.Forward(g, x, rowsOf(g, "mask", h.Mask)) })
	}
	modules["recurrent_text"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.recurrent()
		network := h.encoder(v, s, mixer.Input{Kind: mixer.Text, Shape: []int{len(h.IDs[0])}, Vocabulary: h.Vocabulary})
		var mask [][]float32
		for _, row := range h.IDs {
			real := make([]float32, len(row))
			for i, id := range row {
				real[i] = min(id, 1)
			}
			mask = append(mask, real)
		}
		return single(func(g *nn.Graph, x *nn.Value) *nn.Value { // x is zeros: a case has an input with a gradient
			return g.Add(x, network.Forward(g, rowsOf(g, "ids", h.IDs), rowsOf(g, "mask", mask)))
		})
	}
}
