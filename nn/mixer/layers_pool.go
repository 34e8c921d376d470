package mixer

import (
	"cmp"

	"mixmas/nn"
	"mixmas/nn/options"
)

func init() {
	RegisterLayer(LayerKind{
		Name: "pool", Doc: "The mean or the largest of the cells in each square of a map, or of the real ones of neighbouring steps or tokens.",
		Takes: everywhere, Options: func() any { return &PoolLayer{Kind: meanPool} },
		New: newPoolLayer,
	})
}

// The words of the option kind of the layer pool.
const meanPool, maxPool = "mean", "max"

// PoolLayer are the options of the layer pool.
type PoolLayer struct {
	Kind string `yaml:"kind" json:"kind" jsonschema:"enum=mean,enum=max" short:"true" doc:"What is taken (mean | max)."`
	Size int    `yaml:"size" json:"size" jsonschema:"minimum=0,maximum=68719476736" doc:"Side of the squares, or number of neighbours, which must divide the sides or their number; 0: all."`
}

// newPoolLayer pools windows: the squares of a map, or neighbouring steps.
func newPoolLayer(_ *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
	o := given.(*PoolLayer)
	pool := meanToken
	if o.Kind == maxPool {
		pool = maxToken
	}
	if in.Kind != Map {
		n, d := in.Shape[0], in.Shape[1]
		size := cmp.Or(o.Size, n)
		if n%size != 0 {
			return nil, in, options.Errorf("size", "%d does not divide %s", size, in.describe())
		}
		return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) {
			b := x.Shape[0]
			x = g.Reshape(x, b*(n/size), size, d)
			if mask != nil {
				mask = g.Reshape(mask, b*(n/size), size)
				own = g.Reshape(anyReal(g, mask), b, n/size)
			}
			return g.Reshape(pool(g, x, mask), b, n/size, d), own
		}, Input{Kind: in.Kind, Shape: []int{n / size, d}}, nil
	}
	channels, height, across := in.Shape[0], in.Shape[1], in.Shape[2]
	down, right := cmp.Or(o.Size, height), cmp.Or(o.Size, across)
	if height%down != 0 || across%right != 0 {
		return nil, in, options.Errorf("size", "%d does not divide %s", o.Size, in.describe())
	}
	return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) {
		b, rows, columns := x.Shape[0], height/down, across/right
		x = g.Permute(g.Reshape(x, b, rows, down, columns, right, channels), 0, 1, 3, 2, 4, 5)
		x = pool(g, g.Reshape(x, b*rows*columns, down*right, channels), nil)
		return g.Reshape(x, b, rows, columns, channels), mask
	}, Input{Kind: Map, Shape: []int{channels, height / down, across / right}}, nil
}

// maxToken returns the largest (b, d) over the tokens of x (b, n, d), or over the real tokens if there is a mask (b, n). That of a
// sample without real tokens is zero.
func maxToken(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	if mask == nil {
		return g.Max(x, 1)
	}
	// Tokens that are not real become less than any.
	least := g.Scale(g.Add(mask, g.Constant("minus one", []float32{-1}, 1)), 1e30)
	x = g.Add(masked(g, x, mask), g.Reshape(least, mask.Shape[0], mask.Shape[1], 1))
	return g.Mul(g.Max(x, 1), anyReal(g, mask))
}
