package devicetest

import (
	"encoding/json"
	"slices"
	"strings"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// module makes the parameters of a case in a scope and returns the function of its inputs.
type module func(v *vectors, s *nn.Scope) func(g *nn.Graph, xs []*nn.Value) *nn.Value

// single returns a module of one input.
func single(forward func(g *nn.Graph, x *nn.Value) *nn.Value) func(*nn.Graph, []*nn.Value) *nn.Value {
	return func(g *nn.Graph, xs []*nn.Value) *nn.Value { return forward(g, xs[0]) }
}

// settings are the hyperparameters of the module cases.
type settings struct {
	Mode                                  string
	N, D, T, C, I, O, F, K, P, Q          int
	Hidden, Channels, Patch, Heads, Depth int
	Eps                                   float64
	Tied, Scaled                          bool
	Function, Kind                        string
	RealTokens                            []int           `json:"real_tokens"`
	MLPRatio                              json.RawMessage `json:"mlp_ratio"`
	Expansion, Region, Group              json.RawMessage
}

// number decodes a setting that is one number.
func (v *vectors) number(data json.RawMessage) int {
	v.Helper()
	var n int
	if err := json.Unmarshal(data, &n); err != nil {
		v.Fatal(err)
	}
	return n
}

var modules = map[string]module{
	"layer_norm": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		return single(nn.NewLayerNorm(s, h.D, h.Eps).Forward)
	},
	"batch_norm": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		norm := nn.NewBatchNorm(s, v.settings().Channels)
		return single(func(g *nn.Graph, x *nn.Value) *nn.Value { return norm.Forward(g, x, 1) })
	},
	"linear": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		return single(nn.NewLinear(s, h.I, h.O).Forward)
	},
	"gelu": func(*vectors, *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value { return single((*nn.Graph).GELU) },
	"softmax": func(v *vectors, _ *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		return single(func(g *nn.Graph, x *nn.Value) *nn.Value {
			var mask *nn.Value
			if a, ok := v.arrays["mask"]; ok {
				mask = g.Constant("mask", a.Float32(), a.Shape...)
			}
			return g.Softmax(x, mask)
		})
	},
	"embedding": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h, ids := v.settings(), v.array("ids")
		table := s.Parameter("table", nn.Normal(1), h.N, h.D)
		return func(g *nn.Graph, _ []*nn.Value) *nn.Value {
			return g.Embedding(g.Constant("ids", ids.Float32(), ids.Shape...), g.Parameter(table))
		}
	},
	"mlp": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		mlp := nn.NewMLP(s, h.D, h.C, h.D, 0)
		return single(func(g *nn.Graph, x *nn.Value) *nn.Value { return mlp.Forward(g, x, nil) })
	},
	"simple_mlp": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		return v.network(s, "simple_mlp", mixer.Input{Kind: mixer.Table, Shape: []int{h.F}}, &mixer.SimpleMLPOptions{Hidden: h.Hidden, Width: h.D, Layers: h.K})
	},
	"patch_embed": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		return single(mixer.NewPatchEmbed(s, h.Channels, h.D, h.Patch).Forward)
	},
	"fuse": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		f, err := mixer.LookupFusion(v.settings().Function)
		if err != nil {
			v.Fatal(err)
		}
		return func(g *nn.Graph, tokens []*nn.Value) *nn.Value {
			var inputs []mixer.Input
			for _, t := range tokens {
				inputs = append(inputs, mixer.Input{Kind: mixer.Tokens, Shape: t.Shape[1:]})
			}
			fuser, err := f.New(s, inputs, f.Options())
			if err != nil {
				v.Fatal(err)
			}
			fused, _ := fuser.Forward(g, tokens, make([]*nn.Value, len(tokens)))
			return fused
		}
	},
	"mixer_block": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		return v.block(mixer.NewMixerBlock(s, h.N, h.D, h.T, h.C, 0))
	},
	"hyper_mixing": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		return v.block(mixer.NewHyperMixing(s, h.D, h.T, h.Heads, h.Tied))
	},
	"hyper_mixer_block": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		return v.block(mixer.NewHyperMixerBlock(s, h.D, h.T, h.C, h.Heads, h.Tied, 0))
	},
	"monarch": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		m := mixer.NewMonarch(s, h.P, h.Q)
		return single(func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Transpose(m.Forward(g, g.Transpose(x))) })
	},
	"monarch_block": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		return v.block(mixer.NewMonarchBlock(s, h.N, h.D))
	},
	"image_encoder": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		return v.network(s, h.Kind, mixer.Input{Kind: mixer.Map, Shape: v.array("x").Shape[1:]}, mixerOptions(h.Kind, h.D, h.Depth, h.Patch, h.T, h.C, h.Heads))
	},
	"region_mix": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		m := mixer.NewRegionMix(s, h.D, v.number(h.Expansion), v.number(h.Region), v.number(h.Group))
		return single(func(g *nn.Graph, x *nn.Value) *nn.Value { return m.Forward(g, x, nil) })
	},
	"ramlp_block": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.settings()
		return single(mixer.NewRaMLPBlock(s, h.D, v.number(h.MLPRatio), v.number(h.Expansion), v.number(h.Region), v.number(h.Group), h.Scaled).Forward)
	},
	"ramlp": func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		var options mixer.RaMLPOptions
		v.hyper(&options)
		return v.network(s, "ramlp", mixer.Input{Kind: mixer.Map, Shape: v.array("x").Shape[1:]}, &options)
	},
}

func (v *vectors) settings() settings {
	v.Helper()
	var h settings
	v.hyper(&h)
	return h
}

// mixerOptions returns the options of one of the three token mixers.
func mixerOptions(architecture string, d, depth, patch, t, c, heads int) any {
	switch architecture {
	case "mlp_mixer":
		return &mixer.MLPMixerOptions{Width: d, Depth: depth, Patch: patch, TokenWidth: t, ChannelWidth: c}
	case "hyper_mixer":
		return &mixer.HyperMixerOptions{Width: d, Depth: depth, Patch: patch, TokenWidth: t, ChannelWidth: c, Heads: heads}
	}
	return &mixer.MonarchMixerOptions{Width: d, Depth: depth, Patch: patch}
}

// network returns a registered architecture as a module.
func (v *vectors) network(s *nn.Scope, architecture string, in mixer.Input, options any) func(*nn.Graph, []*nn.Value) *nn.Value {
	v.Helper()
	return v.block(v.built(s, architecture, in, options))
}

// built returns a registered architecture for an input.
func (v *vectors) built(s *nn.Scope, architecture string, in mixer.Input, options any) mixer.Network {
	v.Helper()
	a, err := mixer.Lookup(architecture)
	if err != nil {
		v.Fatal(err)
	}
	n, err := a.Build(s, in, options)
	if err != nil {
		v.Fatal(err)
	}
	return n
}

// block returns a block or network as a module, with the case's mask if it has one.
func (v *vectors) block(b mixer.Block) func(*nn.Graph, []*nn.Value) *nn.Value {
	real := v.settings().RealTokens
	return single(func(g *nn.Graph, x *nn.Value) *nn.Value {
		var mask *nn.Value
		if real != nil {
			n := x.Shape[1]
			data := make([]float32, len(real)*n)
			for i, count := range real {
				for k := range count {
					data[i*n+k] = 1
				}
			}
			mask = g.Constant("mask", data, len(real), n)
		}
		return b.Forward(g, x, mask)
	})
}

// weights returns the case's parameters, and its buffers before the pass.
func (v *vectors) weights() nn.Weights {
	w := nn.Weights{}
	for name, a := range v.arrays {
		prefix, rest, _ := strings.Cut(name, ".")
		if prefix == "p" || prefix == "b0" {
			w[rest] = nn.Tensor{Shape: a.Shape, Data: a.Float32()}
		}
	}
	return w
}

// runModule compares a module's result, gradients and buffers.
func runModule(v *vectors) {
	s := nn.NewScope()
	forward := modules[v.c.Op](v, s)
	mode := nn.Training
	if v.settings().Mode == "evaluate" {
		mode = nn.Evaluation
	}
	r := record(v.T, s.Parameters(), mode)
	var xs []*nn.Value
	var names []string
	for _, name := range []string{"x", "x0", "x1", "x2"} {
		if a, ok := v.arrays[name]; ok {
			x := r.input(name, a.Float32(), a.Shape...)
			r.RequireGradient(x)
			xs, names = append(xs, x), append(names, "g"+name)
		}
	}
	y := forward(r.Graph, xs)
	r.Output("y", y)
	gy := v.array("gy")
	r.Backward(y, r.input("gy", gy.Float32(), gy.Shape...))
	gradients := make([]*nn.Value, len(xs))
	for i, x := range xs {
		if gradients[i] = r.Gradient(x); gradients[i] == nil {
			v.Fatalf("%s: no gradient was recorded (%v)", names[i], r.Err())
		}
		r.Output(names[i], gradients[i])
	}
	v.checkShapes(s.Parameters())
	v.load(r, v.weights())
	r.run(device.Step{})

	if !slices.Equal(y.Shape, v.array("y").Shape) {
		v.Errorf("y has shape %v, want %v", y.Shape, v.array("y").Shape)
	}
	v.wantValue("y", r, y)
	for i, name := range names {
		v.wantValue(name, r, gradients[i])
	}
	v.wantParameters(r)
}

// checkShapes compares the parameters' names and shapes with the case's.
func (v *vectors) checkShapes(p *nn.Parameters) {
	v.Helper()
	w := v.weights()
	for _, q := range p.All() {
		if tensor, ok := w[q.Name]; !ok || !slices.Equal(tensor.Shape, q.Shape) {
			v.Errorf("parameter %s has shape %v, the case %v", q.Name, q.Shape, tensor.Shape)
		}
	}
}

// wantParameters compares the gradients of all parameters, and the buffers after the pass.
func (v *vectors) wantParameters(r *recording) {
	v.Helper()
	for _, p := range r.parameters.All() {
		if !p.Trainable {
			v.wantValue("b."+p.Name, r, r.places[p.Name])
			continue
		}
		if r.gradients[p.Name] == nil {
			v.Errorf("parameter %s has no gradient", p.Name)
			continue
		}
		v.wantValue("g."+p.Name, r, r.gradients[p.Name])
	}
}
