package onnx_test

import (
	"fmt"
	"math"
	"slices"
)

// array is a tensor of any kind: its elements as numbers, which are exact for those of our files.
type array struct {
	kind int // as in files: 1 float, 7 integer, 9 boolean
	dims []int
	data []float64
}

func count(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func steps(dims []int) []int {
	s, n := make([]int, len(dims)), 1
	for i, d := range slices.Backward(dims) {
		s[i] = n
		n *= d
	}
	return s
}

// each calls f with the indices of each element of a shape.
func each(dims []int, f func(at []int)) {
	at := make([]int, len(dims))
	for range count(dims) {
		f(at)
		for i := len(dims) - 1; i >= 0; i-- {
			if at[i]++; at[i] < dims[i] {
				break
			}
			at[i] = 0
		}
	}
}

// reader returns a function for the elements of an array that is broadcast to a rank.
func (a array) reader(rank int) func(at []int) float64 {
	own := make([]int, rank)
	for i, s := range steps(a.dims) {
		if a.dims[i] > 1 {
			own[rank-len(a.dims)+i] = s
		}
	}
	return func(at []int) float64 {
		index := 0
		for i, s := range own {
			index += s * at[i]
		}
		return a.data[index]
	}
}

func broadcast(list ...array) []int {
	var dims []int
	for _, a := range list {
		for len(dims) < len(a.dims) {
			dims = slices.Insert(dims, 0, 1)
		}
		for i, d := range a.dims {
			k := len(dims) - len(a.dims) + i
			if dims[k] != d && dims[k] != 1 && d != 1 {
				panic(fmt.Sprintf("shapes %v and %v", dims, a.dims))
			}
			dims[k] = max(dims[k], d)
		}
	}
	return dims
}

// zip computes an operation on elements.
func zip(kind int, f func(x []float64) float64, list ...array) array {
	y := array{kind: kind, dims: broadcast(list...)}
	x := make([]float64, len(list))
	var readers []func(at []int) float64
	for _, a := range list {
		readers = append(readers, a.reader(len(y.dims)))
	}
	each(y.dims, func(at []int) {
		for i, read := range readers {
			x[i] = read(at)
		}
		y.data = append(y.data, f(x))
	})
	return y
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// elementwise are the operations on elements, each with the kind of its results: 0 is that of the first operand.
var elementwise = map[string]struct {
	kind int
	f    func(x []float64) float64
}{
	"Add":            {0, func(x []float64) float64 { return x[0] + x[1] }},
	"Sub":            {0, func(x []float64) float64 { return x[0] - x[1] }},
	"Mul":            {0, func(x []float64) float64 { return x[0] * x[1] }},
	"Div":            {0, func(x []float64) float64 { return x[0] / x[1] }},
	"Max":            {0, slices.Max[[]float64]},
	"Equal":          {9, func(x []float64) float64 { return truth(x[0] == x[1]) }},
	"Less":           {9, func(x []float64) float64 { return truth(x[0] < x[1]) }},
	"Greater":        {9, func(x []float64) float64 { return truth(x[0] > x[1]) }},
	"GreaterOrEqual": {9, func(x []float64) float64 { return truth(x[0] >= x[1]) }},
	"And":            {9, func(x []float64) float64 { return min(x[0], x[1]) }},
	"Not":            {9, func(x []float64) float64 { return 1 - x[0] }},
	"IsNaN":          {9, func(x []float64) float64 { return truth(math.IsNaN(x[0])) }},
	"Neg":            {0, func(x []float64) float64 { return -x[0] }},
	"Erf":            {0, func(x []float64) float64 { return math.Erf(x[0]) }},
	"Sqrt":           {0, func(x []float64) float64 { return math.Sqrt(x[0]) }},
	"Relu":           {0, func(x []float64) float64 { return max(x[0], 0) }},
	"Sigmoid":        {0, func(x []float64) float64 { return 1 / (1 + math.Exp(-x[0])) }},
	"Tanh":           {0, func(x []float64) float64 { return math.Tanh(x[0]) }},
	"Softplus":       {0, func(x []float64) float64 { return max(x[0], 0) + math.Log1p(math.Exp(-math.Abs(x[0]))) }},
	"Identity":       {0, func(x []float64) float64 { return x[0] }},
}

// run runs a file, in float64.
func (m file) run(inputs map[string]array) (outputs map[string]array, err error) {
	values := map[string]array{}
	for name, a := range m.constants {
		values[name] = a
	}
	for name, a := range inputs {
		values[name] = a
	}
	for _, n := range m.nodes {
		var operands []array
		for _, name := range n.inputs {
			a, ok := values[name]
			if !ok {
				return nil, fmt.Errorf("%s reads %s, which nothing has written", n.name, name)
			}
			operands = append(operands, a)
		}
		y, err := n.run(operands)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.name, err)
		}
		if count(y.dims) != len(y.data) {
			return nil, fmt.Errorf("%s: %d elements of shape %v", n.name, len(y.data), y.dims)
		}
		values[n.outputs[0]] = y
	}
	return values, nil
}

func (n node) integer(name string) int { return n.attributes[name].(int) }

// axis is an axis counted from the front.
func axis(a, rank int) int { return (a + rank) % rank }

func (n node) run(x []array) (y array, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	if e, ok := elementwise[n.operation]; ok {
		kind := e.kind
		if kind == 0 {
			kind = x[0].kind
		}
		for _, a := range x[1:] {
			if a.kind != x[0].kind {
				panic("operands of two kinds")
			}
		}
		return zip(kind, e.f, x...), nil
	}
	switch n.operation {
	case "Where":
		return zip(x[1].kind, func(v []float64) float64 {
			if v[0] != 0 {
				return v[1]
			}
			return v[2]
		}, x...), nil
	case "Cast":
		to := n.integer("to")
		return zip(to, func(v []float64) float64 {
			switch to {
			case 7:
				return math.Trunc(v[0])
			case 9:
				return truth(v[0] != 0)
			}
			return v[0]
		}, x[0]), nil
	case "Reshape":
		y = array{kind: x[0].kind, dims: whole(x[1].data), data: x[0].data}
		for i, d := range y.dims {
			if d == 0 {
				y.dims[i] = x[0].dims[i]
			}
		}
		if i := slices.Index(y.dims, -1); i >= 0 {
			y.dims[i] = -len(y.data) / count(y.dims)
		}
		return y, nil
	case "Transpose":
		return permuted(x[0], n.attributes["perm"].([]int)), nil
	case "Shape":
		from, to := n.integer("start"), n.integer("end")
		for _, d := range x[0].dims[from:to] {
			y.data = append(y.data, float64(d))
		}
		return array{7, []int{to - from}, y.data}, nil
	case "Expand":
		return zip(x[0].kind, func(v []float64) float64 { return v[0] }, x[0], array{dims: whole(x[1].data), data: make([]float64, count(whole(x[1].data)))}), nil
	case "Slice":
		from, to, a := int(x[1].data[0]), int(x[2].data[0]), int(x[3].data[0])
		y = array{kind: x[0].kind, dims: slices.Clone(x[0].dims)}
		y.dims[a] = to - from
		read := x[0].reader(len(y.dims))
		each(y.dims, func(at []int) {
			moved := slices.Clone(at)
			moved[a] += from
			y.data = append(y.data, read(moved))
		})
		return y, nil
	case "Concat":
		a := n.integer("axis")
		y = array{kind: x[0].kind, dims: slices.Clone(x[0].dims)}
		readers := []func(at []int) float64{x[0].reader(len(y.dims))}
		for _, p := range x[1:] {
			y.dims[a] += p.dims[a]
			readers = append(readers, p.reader(len(y.dims)))
		}
		each(y.dims, func(at []int) {
			moved, i := slices.Clone(at), 0
			for ; moved[a] >= x[i].dims[a]; i++ {
				moved[a] -= x[i].dims[a]
			}
			y.data = append(y.data, readers[i](moved))
		})
		return y, nil
	case "Pad":
		pads, rank := whole(x[1].data), len(x[0].dims)
		y = array{kind: x[0].kind, dims: slices.Clone(x[0].dims)}
		for i := range y.dims {
			y.dims[i] += pads[i] + pads[rank+i]
		}
		read := x[0].reader(rank)
		each(y.dims, func(at []int) {
			moved, inside := slices.Clone(at), true
			for i := range moved {
				moved[i] -= pads[i]
				inside = inside && moved[i] >= 0 && moved[i] < x[0].dims[i]
			}
			v := 0.0
			if inside {
				v = read(moved)
			}
			y.data = append(y.data, v)
		})
		return y, nil
	case "Gather":
		a := n.integer("axis")
		y = array{kind: x[0].kind, dims: slices.Concat(x[0].dims[:a], x[1].dims, x[0].dims[a+1:])}
		read, index := x[0].reader(len(x[0].dims)), x[1].reader(len(x[1].dims))
		each(y.dims, func(at []int) {
			i := int(index(at[a:][:len(x[1].dims)]))
			y.data = append(y.data, read(slices.Concat(at[:a], []int{i}, at[a+len(x[1].dims):])))
		})
		return y, nil
	case "MatMul":
		return product(x[0], x[1]), nil
	case "Gemm":
		w := x[1]
		if n.attributes["transB"] == 1 {
			w = permuted(w, []int{1, 0})
		}
		return zip(1, elementwise["Add"].f, product(x[0], w), x[2]), nil
	case "Conv":
		return n.convolution(x), nil
	case "LayerNormalization":
		return n.rows(x[0], func(row []float64) {
			mean, variance := 0.0, 0.0
			for _, v := range row {
				mean += v / float64(len(row))
			}
			for _, v := range row {
				variance += (v - mean) * (v - mean) / float64(len(row))
			}
			for i, v := range row {
				row[i] = (v-mean)/math.Sqrt(variance+n.attributes["epsilon"].(float64))*x[1].data[i] + x[2].data[i]
			}
		}), nil
	case "Softmax", "LogSoftmax":
		return n.rows(x[0], func(row []float64) {
			all := logSum(row)
			for i, v := range row {
				if row[i] = v - all; n.operation == "Softmax" {
					row[i] = math.Exp(row[i])
				}
			}
		}), nil
	case "CumSum":
		if int(x[1].data[0]) != len(x[0].dims)-1 {
			panic("not the last axis")
		}
		y = array{kind: x[0].kind, dims: x[0].dims, data: slices.Clone(x[0].data)}
		for row := range slices.Chunk(y.data, y.dims[len(y.dims)-1]) {
			sum := 0.0
			for i := range row {
				if n.attributes["reverse"] == 1 {
					i = len(row) - 1 - i
				}
				sum += row[i]
				row[i] = sum
			}
		}
		return y, nil
	case "GRU", "LSTM":
		return n.recurrent(x), nil
	case "ReduceSum", "ReduceMean", "ReduceMax", "ReduceLogSumExp", "ArgMax":
		return n.reduction(x), nil
	}
	return y, fmt.Errorf("the operation %s is not known", n.operation)
}

func whole(list []float64) []int {
	dims := make([]int, len(list))
	for i, v := range list {
		dims[i] = int(v)
	}
	return dims
}

func logSum(row []float64) float64 {
	top, sum := slices.Max(row), 0.0
	for _, v := range row {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum)
}

func permuted(x array, perm []int) array {
	y := array{kind: x.kind}
	for _, a := range perm {
		y.dims = append(y.dims, x.dims[a])
	}
	read, moved := x.reader(len(perm)), make([]int, len(perm))
	each(y.dims, func(at []int) {
		for i, a := range perm {
			moved[a] = at[i]
		}
		y.data = append(y.data, read(moved))
	})
	return y
}

func product(a, b array) array {
	ra, rb := len(a.dims), len(b.dims)
	m, k, n := a.dims[ra-2], a.dims[ra-1], b.dims[rb-1]
	if b.dims[rb-2] != k {
		panic(fmt.Sprintf("the product of %v and %v", a.dims, b.dims))
	}
	outer := broadcast(array{dims: a.dims[:ra-2]}, array{dims: b.dims[:rb-2]})
	y := array{kind: 1, dims: append(slices.Clone(outer), m, n)}
	first := func(x array, at []int) int { // the number of a matrix
		i := 0
		for k, s := range steps(x.dims)[:len(x.dims)-2] {
			if x.dims[k] > 1 {
				i += s * at[len(outer)-len(x.dims)+2+k]
			}
		}
		return i
	}
	each(outer, func(at []int) {
		left, right := a.data[first(a, at):], b.data[first(b, at):]
		for i := range m {
			for j := range n {
				sum := 0.0
				for l := range k {
					sum += left[i*k+l] * right[l*n+j]
				}
				y.data = append(y.data, sum)
			}
		}
	})
	return y
}

func (n node) rows(x array, f func(row []float64)) array {
	if axis(n.integer("axis"), len(x.dims)) != len(x.dims)-1 {
		panic("not the last axis")
	}
	y := array{kind: 1, dims: x.dims, data: slices.Clone(x.data)}
	for row := range slices.Chunk(y.data, x.dims[len(x.dims)-1]) {
		f(row)
	}
	return y
}

func (n node) convolution(x []array) array {
	group, kernel, pads, stride := n.integer("group"), n.attributes["kernel_shape"].([]int), n.attributes["pads"].([]int), n.attributes["strides"].([]int)
	dilation, ok := n.attributes["dilations"].([]int)
	if !ok {
		dilation = []int{1, 1}
	}
	in, w := x[0], x[1]
	side := func(i int) int {
		return (in.dims[2+i]+pads[i]+pads[2+i]-dilation[i]*(kernel[i]-1)-1)/stride[i] + 1
	}
	y := array{kind: 1, dims: []int{in.dims[0], w.dims[0], side(0), side(1)}}
	read, weight := in.reader(4), w.reader(4)
	each(y.dims, func(at []int) {
		sum := 0.0
		if len(x) > 2 {
			sum = x[2].data[at[1]]
		}
		first := at[1] / (w.dims[0] / group) * w.dims[1]
		each(w.dims[1:], func(k []int) {
			i, j := at[2]*stride[0]+k[1]*dilation[0]-pads[0], at[3]*stride[1]+k[2]*dilation[1]-pads[1]
			if i >= 0 && i < in.dims[2] && j >= 0 && j < in.dims[3] {
				sum += read([]int{at[0], first + k[0], i, j}) * weight([]int{at[1], k[0], k[1], k[2]})
			}
		})
		y.data = append(y.data, sum)
	})
	return y
}

// recurrent are the operators GRU, with linear_before_reset, and LSTM, of one direction.
func (n node) recurrent(x []array) array {
	steps, batch, features, h := x[0].dims[0], x[0].dims[1], x[0].dims[2], n.integer("hidden_size")
	gates := x[1].dims[1]
	if n.operation == "GRU" && (n.integer("linear_before_reset") != 1 || gates != 3*h) || n.operation == "LSTM" && gates != 4*h {
		panic("another form of cell")
	}
	sigmoid := elementwise["Sigmoid"].f
	y := array{kind: 1, dims: []int{steps, 1, batch, h}, data: make([]float64, steps*batch*h)}
	for b := range batch {
		state, cell := make([]float64, h), make([]float64, h)
		for t := range steps {
			if n.attributes["direction"] == "reverse" {
				t = steps - 1 - t
			}
			share, hidden := make([]float64, gates), make([]float64, gates)
			for i := range gates {
				share[i], hidden[i] = x[3].data[i], x[3].data[gates+i]
				for k := range features {
					share[i] += x[1].data[i*features+k] * x[0].data[(t*batch+b)*features+k]
				}
				for k := range h {
					hidden[i] += x[2].data[i*h+k] * state[k]
				}
			}
			for k := range h {
				gate := func(i int) float64 { return sigmoid([]float64{share[i*h+k] + hidden[i*h+k]}) }
				if n.operation == "GRU" {
					z, r := gate(0), gate(1)
					state[k] = (1-z)*math.Tanh(share[2*h+k]+r*hidden[2*h+k]) + z*state[k]
				} else {
					cell[k] = gate(2)*cell[k] + gate(0)*math.Tanh(share[3*h+k]+hidden[3*h+k])
					state[k] = gate(1) * math.Tanh(cell[k])
				}
			}
			copy(y.data[(t*batch+b)*h:], state)
		}
	}
	return y
}

func (n node) reduction(x []array) array {
	var a int
	switch {
	case n.operation == "ArgMax":
		a = n.integer("axis")
	case n.operation == "ReduceSum":
		a = int(x[1].data[0])
	default:
		a = n.attributes["axes"].([]int)[0]
	}
	a = axis(a, len(x[0].dims))
	if n.integer("keepdims") != 0 {
		panic("the axis is kept")
	}
	y := array{kind: 1, dims: slices.Delete(slices.Clone(x[0].dims), a, a+1)}
	if n.operation == "ArgMax" {
		y.kind = 7
	}
	read := x[0].reader(len(x[0].dims))
	f := map[string]func(row []float64) float64{"ReduceSum": sum, "ReduceMax": slices.Max[[]float64], "ReduceLogSumExp": logSum,
		"ReduceMean": func(row []float64) float64 { return sum(row) / float64(len(row)) },
		"ArgMax":     func(row []float64) float64 { return float64(slices.Index(row, slices.Max(row))) }}[n.operation]
	each(y.dims, func(at []int) {
		var row []float64
		for i := range x[0].dims[a] {
			row = append(row, read(slices.Insert(slices.Clone(at), a, i)))
		}
		y.data = append(y.data, f(row))
	})
	return y
}

func sum(row []float64) (all float64) {
	for _, v := range row {
		all += v
	}
	return all
}
