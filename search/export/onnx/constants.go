package onnx

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// digest tells the contents of constants apart.
func digest(data []float32) string {
	h := sha256.New()
	buffer := make([]byte, 0, 1<<12)
	for at := 0; at < len(data); at += 1 << 10 {
		buffer = buffer[:0]
		for _, v := range data[at:min(len(data), at+1<<10)] {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
		}
		h.Write(buffer)
	}
	return string(h.Sum(nil))
}

// order names an order of a constant's elements.
type order struct {
	of   *tensor
	text string
}

// ordered is a constant that has the elements of another one in the order that a node gives them. The same order is the same
// constant.
func (g *graph) ordered(of *tensor, n *node, dims []size, contents func() []float32) *tensor {
	key := order{of, n.operation + fmt.Sprint(dims, n.attributes)}
	if known := g.orders[key]; known != nil {
		return known
	}
	name := of.name
	if n.operation == "Transpose" {
		name += ".transposed"
	}
	made := &tensor{name: name, kind: of.kind, dims: dims, constant: &constant{floats: contents(), parent: of, via: n}}
	n.output = made
	g.orders[key] = made
	return made
}

// folded is a constant that was computed from others.
func (g *graph) folded(name string, dims []size, data []float32) *tensor {
	return g.numbers(name, dims, data)
}

func lengths(dims []size) []int {
	list := make([]int, len(dims))
	for i, d := range dims {
		list[i] = d.n
	}
	return list
}

// walk calls f with the index of an operand for each element of a shape, in order. The operand's strides are 0 where it is
// broadcast.
func walk(shape, strides []int, f func(index int)) {
	if len(shape) == 0 {
		f(0)
		return
	}
	at := make([]int, len(shape))
	index := 0
	n := 1
	for _, d := range shape {
		n *= d
	}
	for range n {
		f(index)
		for i := len(shape) - 1; i >= 0; i-- {
			index += strides[i]
			if at[i]++; at[i] < shape[i] {
				break
			}
			index -= strides[i] * shape[i]
			at[i] = 0
		}
	}
}

// broadcastStrides are the strides with which a contiguous tensor is read in a shape that it is broadcast to.
func broadcastStrides(from, to []size) []int {
	own := strides(from)
	list := make([]int, len(to))
	for i := range list {
		if j := i - len(to) + len(from); j >= 0 && !from[j].isOne() {
			list[i] = own[j].n
		}
	}
	return list
}

func transposed(t *tensor, order []int) []float32 {
	own := strides(t.dims)
	shape, step := make([]int, len(order)), make([]int, len(order))
	for i, a := range order {
		shape[i], step[i] = t.dims[a].n, own[a].n
	}
	data := make([]float32, 0, len(t.constant.floats))
	walk(shape, step, func(i int) { data = append(data, t.constant.floats[i]) })
	return data
}

func sliced(t *tensor, axis, from, length int) []float32 {
	shape, own := lengths(t.dims), strides(t.dims)
	shape[axis] = length
	var data []float32
	walk(shape, lengths(own), func(i int) { data = append(data, t.constant.floats[from*own[axis].n+i]) })
	return data
}

// foldElementwise computes a node of two constants; nil if it cannot.
func (g *graph) foldElementwise(operation string, a, b *tensor, dims []size) *tensor {
	if a.constant == nil || b.constant == nil || a.kind != floats {
		return nil
	}
	compute := map[string]func(x, y float32) float32{
		"Add": func(x, y float32) float32 { return x + y },
		"Sub": func(x, y float32) float32 { return x - y },
		"Mul": func(x, y float32) float32 { return x * y },
		"Div": func(x, y float32) float32 { return x / y },
	}[operation]
	if compute == nil {
		return nil
	}
	var left, data []float32
	shape := lengths(dims)
	walk(shape, broadcastStrides(a.dims, dims), func(i int) { left = append(left, a.constant.floats[i]) })
	walk(shape, broadcastStrides(b.dims, dims), func(i int) { data = append(data, compute(left[len(data)], b.constant.floats[i])) })
	return g.folded(g.prefix+g.scope+".folded", dims, data)
}

// mapped is a constant with a function applied to its elements.
func (g *graph) mapped(t *tensor, f func(x float64) float64) *tensor {
	data := make([]float32, len(t.constant.floats))
	for i, x := range t.constant.floats {
		data[i] = float32(f(float64(x)))
	}
	return g.folded(g.prefix+g.scope+".folded", t.dims, data)
}
