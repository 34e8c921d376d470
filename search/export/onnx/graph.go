package onnx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Kinds of elements, with their numbers in files.
type elements int

const (
	floats   elements = 1
	integers elements = 7 // of 64 bits
	booleans elements = 9
)

// tensor is a value of the graph: an input, a constant, or what a node computes.
type tensor struct {
	name string
	kind elements
	dims []size
	doc  string
	// node computes the tensor; nil for inputs and constants.
	node *node
	// constant has the contents of a constant.
	constant *constant
}

// constant is the contents of a tensor.
type constant struct {
	floats   []float32
	integers []int64
	// parent is the constant that these are the elements of in another order, and via the node that orders them; nil for none.
	parent *tensor
	via    *node
}

// node is an operation of the graph with one output.
type node struct {
	operation, name string
	inputs          []*tensor
	output          *tensor
	attributes      []attribute
}

// attribute is an attribute of a node: an int, a float32, a text, or a list of ints.
type attribute struct {
	name  string
	value any
}

// graph is what is built.
type graph struct {
	inputs, outputs []*tensor
	nodes           []*node
	names           map[string]int     // how often a name was wanted
	shared          map[string]*tensor // constants by their contents
	orders          map[order]*tensor
	computed        map[string]*tensor // what nodes compute, by what they compute it from
	scope           string             // where nodes get their names from
	prefix          string             // of names, for a member of an ensemble
	batch           *tensor
}

// newGraph makes an empty graph. No tensor but outputs gets the reserved names.
func newGraph(reserved ...string) *graph {
	g := &graph{names: map[string]int{}, shared: map[string]*tensor{}, orders: map[order]*tensor{}, computed: map[string]*tensor{}}
	for _, name := range reserved {
		g.names[name] = 1
	}
	return g
}

// failure is an error that ends a translation.
type failure struct{ error }

// fail ends the translation.
func fail(format string, arguments ...any) { panic(failure{fmt.Errorf(format, arguments...)}) }

// unique returns a name that no other tensor or node has.
func (g *graph) unique(name string) string {
	name = strings.ToValidUTF8(name, "�")
	g.names[name]++
	if n := g.names[name]; n > 1 {
		return g.unique(name + "_" + strconv.Itoa(n))
	}
	return name
}

// input adds an input.
func (g *graph) input(name, doc string, kind elements, dims ...size) *tensor {
	t := &tensor{name: g.unique(name), kind: kind, dims: dims, doc: strings.ToValidUTF8(doc, "�")}
	g.inputs = append(g.inputs, t)
	return t
}

// output makes a tensor an output. It renames it.
func (g *graph) output(name, doc string, t *tensor) {
	if t.node == nil || slices.Contains(g.outputs, t) {
		t = g.add("Identity", []*tensor{t}, t.kind, t.dims)
	}
	t.name, t.doc = name, doc
	g.outputs = append(g.outputs, t)
}

// add adds a node, unless there is one that computes the same.
func (g *graph) add(operation string, inputs []*tensor, kind elements, dims []size, attributes ...attribute) *tensor {
	key := fmt.Sprint(operation, attributes)
	for _, in := range inputs {
		key += fmt.Sprintf(" %p", in)
	}
	if known := g.computed[key]; known != nil {
		return known
	}
	n := &node{operation: operation, inputs: inputs, attributes: attributes}
	n.output = &tensor{kind: kind, dims: slices.Clone(dims), node: n}
	n.name = g.unique(g.prefix + strings.ReplaceAll(g.scope, " ", "_") + "/" + operation)
	n.output.name = n.name
	g.nodes = append(g.nodes, n)
	g.computed[key] = n.output
	return n.output
}

// same adds a node of one operand whose output has its kind and shape.
func (g *graph) same(operation string, x *tensor) *tensor { return g.like(operation, x, nil) }

// like adds a node whose output has the kind and shape of its first operand.
func (g *graph) like(operation string, x *tensor, more []*tensor, attributes ...attribute) *tensor {
	return g.add(operation, append([]*tensor{x}, more...), x.kind, x.dims, attributes...)
}

// elementwise adds a node of two operands that are broadcast, or computes its result if both are constants.
func (g *graph) elementwise(operation string, a, b *tensor) *tensor {
	dims := g.broadcast(a.dims, b.dims)
	if t := g.foldElementwise(operation, a, b, dims); t != nil {
		return t
	}
	if operation == "Mul" && b.ones() && slices.Equal(dims, a.dims) {
		return a
	}
	return g.add(operation, []*tensor{a, b}, a.kind, dims)
}

// ones reports whether a tensor is a constant of ones.
func (t *tensor) ones() bool {
	return t.constant != nil && t.kind == floats && !slices.ContainsFunc(t.constant.floats, func(x float32) bool { return x != 1 })
}

// compare adds a node of two operands whose output is boolean.
func (g *graph) compare(operation string, a, b *tensor) *tensor {
	return g.add(operation, []*tensor{a, b}, booleans, g.broadcast(a.dims, b.dims))
}

// cast changes the kind of elements.
func (g *graph) cast(t *tensor, to elements) *tensor {
	if t.kind == to {
		return t
	}
	return g.add("Cast", []*tensor{t}, to, t.dims, attribute{"to", int(to)})
}

func (g *graph) broadcast(a, b []size) []size {
	dims := make([]size, max(len(a), len(b)))
	for i := range dims {
		x, y := fixed(1), fixed(1)
		if j := i - len(dims) + len(a); j >= 0 {
			x = a[j]
		}
		if j := i - len(dims) + len(b); j >= 0 {
			y = b[j]
		}
		if x != y && !x.isOne() && !y.isOne() {
			fail("shapes %v and %v do not fit", a, b)
		}
		if dims[i] = x; x.isOne() {
			dims[i] = y
		}
	}
	return dims
}

// integersOf is a constant of integers; equal ones are one.
func (g *graph) integersOf(name string, list ...int64) *tensor {
	return g.constantIntegers(name, fixedAll(len(list)), list)
}

// integer is a constant without dimensions.
func (g *graph) integer(name string, value int64) *tensor {
	return g.constantIntegers(name, nil, []int64{value})
}

func (g *graph) constantIntegers(name string, dims []size, list []int64) *tensor {
	key := fmt.Sprint("integers ", dims, list)
	if t := g.shared[key]; t != nil {
		return t
	}
	t := &tensor{name: g.unique(name), kind: integers, dims: dims, constant: &constant{integers: list}}
	g.shared[key] = t
	return t
}

// number is a constant of one float32 number.
func (g *graph) number(name string, value float32) *tensor {
	return g.numbers(name, nil, []float32{value})
}

// numbers is a constant of a program; equal ones are one.
func (g *graph) numbers(name string, dims []size, data []float32) *tensor {
	key := "floats " + fmt.Sprint(dims) + digest(data)
	if t := g.shared[key]; t != nil {
		return t
	}
	t := &tensor{name: g.unique(name), kind: floats, dims: dims, constant: &constant{floats: data}}
	g.shared[key] = t
	return t
}

// parameter is a constant with a name of its own.
func (g *graph) parameter(name string, shape []int, data []float32) *tensor {
	return &tensor{name: g.unique(name), kind: floats, dims: fixedAll(shape...), constant: &constant{floats: data}}
}

// batchSize is the batch size as a tensor of one element.
func (g *graph) batchSize() *tensor {
	if g.batch == nil {
		scope, prefix := g.scope, g.prefix
		g.scope, g.prefix = "batch", ""
		g.batch = g.add("Shape", []*tensor{g.inputs[0]}, integers, fixedAll(1), attribute{"end", 1}, attribute{"start", 0})
		g.scope, g.prefix = scope, prefix
	}
	return g.batch
}

// expand repeats a tensor along axes of length 1.
func (g *graph) expand(t *tensor, dims []size) *tensor {
	if slices.Equal(t.dims, dims) {
		return t
	}
	var parts []*tensor
	for from := 0; from < len(dims); {
		if dims[from].batch {
			if dims[from].n != 1 {
				fail("a constant of shape %v", dims)
			}
			parts = append(parts, g.batchSize())
			from++
			continue
		}
		var list []int64
		for ; from < len(dims) && !dims[from].batch; from++ {
			list = append(list, int64(dims[from].n))
		}
		parts = append(parts, g.integersOf("shape."+joined(list), list...))
	}
	shape := parts[0]
	if len(parts) > 1 {
		shape = g.add("Concat", parts, integers, fixedAll(len(dims)), attribute{"axis", 0})
	}
	return g.add("Expand", []*tensor{t, shape}, t.kind, dims)
}

// joined writes numbers for a name.
func joined(list []int64) string {
	var b strings.Builder
	for i, n := range list {
		if i > 0 {
			b.WriteByte('x')
		}
		if n < 0 {
			b.WriteString("batch")
		} else {
			fmt.Fprint(&b, n)
		}
	}
	return b.String()
}

// reshape gives a tensor another shape of the same number of elements.
func (g *graph) reshape(t *tensor, dims []size) *tensor {
	if slices.Equal(t.dims, dims) {
		return t
	}
	if n := t.node; n != nil && n.operation == "Reshape" {
		return g.reshape(n.inputs[0], dims)
	}
	target := make([]int64, len(dims))
	for i, d := range dims {
		switch {
		case !d.batch:
			target[i] = int64(d.n)
		case i < len(t.dims) && t.dims[i] == d:
			target[i] = 0 // as it is
		default:
			target[i] = -1
		}
	}
	shape := g.integersOf("shape."+shapeName(target), target...)
	if t.constant != nil {
		if via := t.constant.via; via != nil && via.operation == "Reshape" {
			return g.reshape(t.constant.parent, dims)
		}
		n := &node{operation: "Reshape", inputs: []*tensor{t, shape}}
		return g.ordered(t, n, dims, func() []float32 { return t.constant.floats })
	}
	return g.add("Reshape", []*tensor{t, shape}, t.kind, dims)
}

// shapeName writes the target of a Reshape for a name: 0 is a batch that stays.
func shapeName(target []int64) string {
	words := make([]string, len(target))
	for i, n := range target {
		switch words[i] = fmt.Sprint(n); n {
		case 0:
			words[i] = "same"
		case -1:
			words[i] = "batch"
		}
	}
	return strings.Join(words, "x")
}

// transpose orders axes: axis i of the result is axis axes[i].
func (g *graph) transpose(t *tensor, axes []int) *tensor {
	dims := make([]size, len(axes))
	var moved []int
	for i, a := range axes {
		if dims[i] = t.dims[a]; !dims[i].isOne() {
			moved = append(moved, a)
		}
	}
	if slices.IsSorted(moved) {
		return g.reshape(t, dims)
	}
	if n := t.node; n != nil && n.operation == "Transpose" {
		before := n.attributes[0].value.([]int)
		composed := make([]int, len(axes))
		for i, a := range axes {
			composed[i] = before[a]
		}
		return g.transpose(n.inputs[0], composed)
	}
	perm := attribute{"perm", slices.Clone(axes)}
	if t.constant != nil {
		n := &node{operation: "Transpose", inputs: []*tensor{t}, attributes: []attribute{perm}}
		return g.ordered(t, n, dims, func() []float32 { return transposed(t, axes) })
	}
	return g.add("Transpose", []*tensor{t}, t.kind, dims, perm)
}

// slice keeps some indices of an axis.
func (g *graph) slice(t *tensor, axis int, from, length size) *tensor {
	if from == fixed(0) && length == t.dims[axis] {
		return t
	}
	if from.batch || length.batch {
		fail("a part of the batch is read: elements %v to %v of axis %d of %v", from, length, axis, t.dims)
	}
	dims := slices.Clone(t.dims)
	dims[axis] = length
	if t.constant != nil {
		return g.folded(t.name+".slice", dims, sliced(t, axis, from.n, length.n))
	}
	name := func(n int) *tensor { return g.integersOf(fmt.Sprint("index.", n), int64(n)) }
	return g.add("Slice", []*tensor{t, name(from.n), name(from.n + length.n), name(axis)}, t.kind, dims)
}

// concat joins tensors along an axis.
func (g *graph) concat(parts []*tensor, axis int) *tensor {
	if len(parts) == 1 {
		return parts[0]
	}
	dims := slices.Clone(parts[0].dims)
	for _, p := range parts[1:] {
		if p.dims[axis].batch != dims[axis].batch {
			fail("the batch is joined with something else")
		}
		dims[axis].n += p.dims[axis].n
	}
	return g.add("Concat", parts, parts[0].kind, dims, attribute{"axis", axis})
}

// pad puts zeros before and after the elements of each axis.
func (g *graph) pad(t *tensor, before, after []int, dims []size) *tensor {
	if slices.Equal(t.dims, dims) {
		return t
	}
	var pads []int64
	for _, list := range [][]int{before, after} {
		for _, n := range list {
			pads = append(pads, int64(n))
		}
	}
	return g.add("Pad", []*tensor{t, g.integersOf("pads."+joined(pads), pads...)}, t.kind, dims)
}
