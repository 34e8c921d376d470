package nn_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
)

// Mistakes are found while recording, name what does not fit, and later operations do not hide them.
func TestMistakesAreNamed(t *testing.T) {
	scope := nn.NewScope()
	linear := nn.NewLinear(scope.In("head"), 4, 3)
	norm := nn.NewLayerNorm(scope.In("norm"), 5, 1e-5)
	mlp := nn.NewMLP(scope.In("mlp"), 6, 7, 6, 0)
	batchNorm := nn.NewBatchNorm(scope.In("bn"), 4)
	kernel := scope.Parameter("kernel", nn.Constant(0), 4, 1, 3, 3)
	for name, c := range map[string]struct {
		record func(g *nn.Graph, x *nn.Value) *nn.Value // x is (2, 3, 8)
		want   string
	}{
		"linear":                  {func(g *nn.Graph, x *nn.Value) *nn.Value { return linear.Forward(g, x) }, "head.weight: the input 2×3×8 has 8 features"},
		"layer norm":              {func(g *nn.Graph, x *nn.Value) *nn.Value { return norm.Forward(g, x) }, "norm.weight: the input 2×3×8 has width 8"},
		"mlp":                     {func(g *nn.Graph, x *nn.Value) *nn.Value { return mlp.Forward(g, x, nil) }, "mlp.fc1.weight: the input 2×3×8 has 8 features"},
		"token mlp":               {func(g *nn.Graph, x *nn.Value) *nn.Value { return mlp.ForwardTokens(g, x, nil) }, "does not have the 6 tokens"},
		"batch norm":              {func(g *nn.Graph, x *nn.Value) *nn.Value { return batchNorm.Forward(g, x, 2) }, "bn.weight: the input 2×3×8 has 8 channels"},
		"depthwise":               {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.DepthwiseConv(x, g.Parameter(kernel), nil) }, "depthwise convolution"},
		"add":                     {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Add(x, g.Input("y", 2, 4, 8)) }, "add: shapes 2×3×8 and 2×4×8"},
		"reshape":                 {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Reshape(x, 7) }, "reshape: 2×3×8 has 48 elements"},
		"permute":                 {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Permute(x, 0, 0, 1) }, "permute: axes [0 0 1]"},
		"slice":                   {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Slice(x, 1, 2, 9) }, "slice: 2..9 of axis 1"},
		"pad":                     {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Pad(x, 2, 3) }, "pad: axis 2"},
		"concat":                  {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Concat(1, x, g.Input("y", 3, 3, 8)) }, "concat along axis 1"},
		"product":                 {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.MatMul(x, x) }, "matrix product"},
		"mean":                    {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Mean(x, 3) }, "no axis 3"},
		"input":                   {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Input("y", 0, 3) }, "y: shape 0×3 has no elements"},
		"constant":                {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Constant("two", nil, 0) }, "two: shape 0 has no elements"},
		"large input":             {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Input("y", 1<<31, 1<<31) }, "y: shape 2147483648×2147483648 has more than"},
		"wrapping size":           {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Input("y", 1<<32, 1<<32, 3) }, "y: shape 4294967296×4294967296×3 has more than"},
		"large computed constant": {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.ConstantOf("ones", nn.Ones, 1<<40) }, "ones: shape 1099511627776 has more than"},
		"wrapping reshape":        {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Reshape(x, 1<<62, 4, 12, 1<<2, 1) }, "reshape: 2×3×8 has 48 elements"},
		"large result": {func(g *nn.Graph, x *nn.Value) *nn.Value {
			return g.Add(g.Input("row", 1<<30, 1), g.Input("column", 1, 1<<30))
		}, "add: shape 1073741824×1073741824 has more than"},
		"gradient": {func(g *nn.Graph, x *nn.Value) *nn.Value {
			y := g.ReLU(x)
			g.RequireGradient(x)
			return y
		}, "the gradient of x must be requested before"},
		"embedding":        {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Embedding(g.Input("ids", 2, 3), x) }, "embedding: the table 2×3×8 is not (vocabulary, width)"},
		"small vocabulary": {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Embedding(g.Input("ids", 2, 3), g.Input("y", 1, 8)) }, "embedding: the table 1×8"},
		"loss":             {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.CrossEntropy(x, x) }, "cross-entropy"},
		"soft loss": {func(g *nn.Graph, x *nn.Value) *nn.Value {
			return g.CrossEntropy(g.Reshape(x, 6, 8), g.Input("labels", 6, 7))
		}, "cross-entropy: logits 6×8 do not fit labels 6×7"},
	} {
		t.Run(name, func(t *testing.T) {
			g := nn.NewGraph(scope.Parameters(), nn.Training, true)
			y := c.record(g, g.Input("x", 2, 3, 8))
			y = g.GELU(g.Scale(g.Add(y, y), 2))
			g.Output("y", y)
			g.Backward(y, nil)
			g.Optimise(nn.Optimiser{Name: "adam"})
			if _, err := g.Compile("test"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestModelMistakes(t *testing.T) {
	scope := nn.NewScope()
	nn.NewLinear(scope.In("a"), 2, 2)
	nn.NewLinear(scope.In("a"), 2, 2)
	if err := scope.Parameters().Err(); err == nil || !strings.Contains(err.Error(), "a.weight: the name is already used") {
		t.Errorf("got error %v", err)
	}
	scope = nn.NewScope()
	scope.Parameter("great", nn.Constant(0), 1<<35)
	scope.Parameter("greater", nn.Constant(0), 1<<35)
	scope.Parameter("greatest", nn.Constant(0), 1)
	if err := scope.Parameters().Err(); err == nil || !strings.Contains(err.Error(), "parameter greatest: with its shape 1 the model has more than") {
		t.Errorf("got error %v", err)
	}
	if n := len(scope.Parameters().All()); n != 2 {
		t.Errorf("the model has %d parameters after an error, want the 2 before it", n)
	}
	scope = nn.NewScope()
	linear := nn.NewLinear(scope, 1, 1)
	g := nn.NewGraph(scope.Parameters(), nn.Training, true)
	linear.Forward(g, g.Input("x", 1))
	g.Optimise(nn.Optimiser{Name: "adem"})
	if _, err := g.Compile("test"); err == nil || !strings.Contains(err.Error(), `unknown optimiser "adem": known are adam, adamw, sgd`) {
		t.Errorf("got error %v", err)
	}
}

// What a computed constant holds is computed when the graph is compiled: recording takes no memory for it.
func TestComputedConstants(t *testing.T) {
	g := nn.NewGraph(nn.NewScope().Parameters(), nn.Evaluation, false)
	computed := false
	c := g.ConstantOf("threes", func(data []float32) {
		computed = true
		for i := range data {
			data[i] = 3
		}
	}, 2, 2)
	g.Output("y", g.ReLU(c))
	if computed {
		t.Error("the constant was computed before it was wanted")
	}
	p, err := g.Compile("test")
	if err != nil {
		t.Fatal(err)
	}
	if info := p.Info(c.Buffer()); info.Space != device.Constant || !slices.Equal(info.Data, []float32{3, 3, 3, 3}) {
		t.Errorf("got %+v", info)
	}
}

// Every gradient is written once or added to its earlier part; a value used twice gets both contributions.
func TestSharedParameterAccumulates(t *testing.T) {
	scope := nn.NewScope()
	linear := nn.NewLinear(scope.In("l"), 4, 4)
	g := nn.NewGraph(scope.Parameters(), nn.Training, true)
	x := g.Input("x", 2, 4)
	y := linear.Forward(g, linear.Forward(g, x))
	g.Backward(y, nil)
	p, err := g.Compile("test")
	if err != nil {
		t.Fatal(err)
	}
	adding := 0
	for _, op := range p.Operations {
		if m, ok := op.(*device.MatMul); ok && m.Plus != 0 && m.Plus == m.C {
			adding++
		}
	}
	if adding != 1 {
		t.Errorf("%d products add to the weight's gradient, want 1", adding)
	}
}

// Initial values depend on the seed and the name alone, not on what else the model has.
func TestInitialisationIsByName(t *testing.T) {
	alone, with := nn.NewScope(), nn.NewScope()
	nn.NewLinear(alone.In("b"), 16, 8)
	nn.NewLinear(with.In("a"), 5, 7)
	nn.NewLinear(with.In("b"), 16, 8)
	one, two, other := alone.Parameters().Initialise(1), with.Parameters().Initialise(1), alone.Parameters().Initialise(2)
	for i, x := range one["b.weight"].Data {
		if x != two["b.weight"].Data[i] {
			t.Fatalf("element %d is %v beside another layer, %v alone", i, two["b.weight"].Data[i], x)
		}
		if math.Abs(float64(x)) > 0.25 {
			t.Fatalf("element %d is %v, beyond 1/√16", i, x)
		}
	}
	if one["b.weight"].Data[0] == other["b.weight"].Data[0] {
		t.Error("another seed gives the same value")
	}
}
