package nn_test

import (
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
)

// fused is a composite of anything, as an engineer's own would be: it names its operands.
type fused struct {
	device.Parts
	of            *fused
	name          string
	x, w, y, kept device.Buffer
	dx, dw        device.Target
}

func (o *fused) Name() string            { return o.name }
func (o *fused) Sizes() string           { return "" }
func (o *fused) Check(c *device.Checker) { c.Parts(o.Parts) }
func (o *fused) Of() device.Composite {
	if o.of == nil {
		return nil
	}
	return o.of
}

// recordFused records gelu(x wᵀ) as a composite, and its gradient.
func recordFused(g *nn.Graph, x, w *nn.Value) *nn.Value {
	op := &fused{name: "fused", x: x.Buffer(), w: w.Buffer()}
	return g.Fuse(func() *nn.Value { return g.Linear(x, w, nil, device.GELU, nil) },
		func(p device.Parts, y *nn.Value) device.Operation {
			op.Parts, op.y, op.kept = p, y.Buffer(), y.Kept()
			return op
		}, func(d nn.Gradients) device.Operation {
			return &fused{name: "fused_grad", Parts: d.Parts, of: op, y: d.DY, dx: d.Of(x), dw: d.Of(w)}
		})
}

// names are those of a program's operations, with the parts of composites in brackets.
func names(ops []device.Operation) string {
	var words []string
	for _, op := range ops {
		word := op.Name()
		if c, ok := op.(device.Composite); ok {
			word += "(" + names(c.Operations()) + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// A composite learns where its operands lie, what is kept for its gradient, and where gradients go: by value, whatever was
// recorded before and in whatever order.
func TestFuse(t *testing.T) {
	scope := nn.NewScope()
	linear := nn.NewLinearWithoutBias(scope.In("l"), nn.Constant(1), 4, 4)
	g := nn.NewGraph(scope.Parameters(), nn.Training, true)
	x, w := g.Input("x", 2, 4), g.Parameter(linear.Weight)
	first := recordFused(g, x, w) // nobody wants the gradient of x
	second := recordFused(g, first, w)
	g.Backward(g.Add(second, first), nil)
	p, err := g.Compile("test")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(p.Operations), "fused(matmul) fused(matmul) add fused_grad(gelu_grad matmul matmul) fused_grad(gelu_grad matmul)"; got != want {
		t.Fatalf("recorded are %s, want %s", got, want)
	}
	f, last, before := p.Operations[0].(*fused), p.Operations[3].(*fused), p.Operations[4].(*fused)
	product := f.Parts[0].(*device.MatMul)
	if f.x != x.Buffer() || f.w != w.Buffer() || f.y != product.C || f.kept != product.Pre || f.kept == 0 {
		t.Errorf("the first composite is %+v of %+v", f, product)
	}
	if last.of != p.Operations[1] || before.of != f {
		t.Error("gradients are not those of their composites")
	}
	gradient := g.Gradient(w).Buffer()
	if last.dw != (device.Target{D: gradient}) || before.dw != (device.Target{D: gradient, Plus: gradient}) {
		t.Errorf("gradients of the weight go to %+v, then %+v, want %d without and with what is there", last.dw, before.dw, gradient)
	}
	if last.dx.D == 0 || last.dx.Plus != last.y || before.y != last.dx.D {
		t.Errorf("the gradient of the first result goes to %+v, and comes from %d; the sum's is %d", last.dx, before.y, last.y)
	}
	if before.dx != (device.Target{}) {
		t.Errorf("the gradient of an input goes to %+v, which nobody wants", before.dx)
	}
}

// Composites nest, and each direction may be left as it is.
func TestFuseNests(t *testing.T) {
	scope := nn.NewScope()
	linear := nn.NewLinearWithoutBias(scope.In("l"), nn.Constant(1), 4, 4)
	composite := func(name string) func(device.Parts, *nn.Value) device.Operation {
		return func(p device.Parts, _ *nn.Value) device.Operation { return &fused{name: name, Parts: p} }
	}
	gradient := func(name string) func(nn.Gradients) device.Operation {
		return func(d nn.Gradients) device.Operation { return &fused{name: name, Parts: d.Parts} }
	}
	for _, c := range []struct {
		name   string
		record func(g *nn.Graph, x, w *nn.Value) *nn.Value
		want   string
	}{
		{"inside", func(g *nn.Graph, x, w *nn.Value) *nn.Value {
			return g.Fuse(func() *nn.Value { return recordFused(g, g.ReLU(x), w) }, composite("all"), gradient("all_grad"))
		}, "all(relu fused(matmul)) all_grad(fused_grad(gelu_grad matmul matmul) relu_grad)"},
		{"forward", func(g *nn.Graph, x, w *nn.Value) *nn.Value {
			return g.Fuse(func() *nn.Value { return g.ReLU(g.ReLU(x)) }, composite("all"), nil)
		}, "all(relu relu) relu_grad relu_grad"},
		{"backward", func(g *nn.Graph, x, w *nn.Value) *nn.Value {
			return g.Fuse(func() *nn.Value { return g.ReLU(g.ReLU(x)) }, nil, gradient("all_grad"))
		}, "relu relu all_grad(relu_grad relu_grad)"},
		{"nothing", func(g *nn.Graph, x, w *nn.Value) *nn.Value {
			return g.ReLU(g.Fuse(func() *nn.Value { return x }, composite("all"), gradient("all_grad")))
		}, "relu relu_grad"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := nn.NewGraph(scope.Parameters(), nn.Training, true)
			x, w := g.Input("x", 2, 4), g.Parameter(linear.Weight)
			g.RequireGradient(x)
			g.Backward(c.record(g, x, w), nil)
			p, err := g.Compile("test")
			if err != nil {
				t.Fatal(err)
			}
			if got := names(p.Operations); got != c.want {
				t.Errorf("recorded are %s, want %s", got, c.want)
			}
		})
	}
}

// After a mistake no composite is made of what is half recorded.
func TestFuseAfterAMistake(t *testing.T) {
	scope := nn.NewScope()
	linear := nn.NewLinearWithoutBias(scope.In("l"), nn.Constant(1), 4, 4)
	g := nn.NewGraph(scope.Parameters(), nn.Training, true)
	y := recordFused(g, g.Input("x", 2, 5), g.Parameter(linear.Weight))
	g.Backward(y, nil)
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "has 5 features") {
		t.Errorf("got error %v", err)
	}
	if !slices.Equal(y.Shape, []int{2, 4}) {
		t.Errorf("the result has shape %v", y.Shape)
	}
}
