package device

import (
	"fmt"
	"strings"
)

// Profiler is a runner, optional to implement, that can time its operations.
type Profiler interface {
	Runner
	// Trace is a Run, with the same effects and the same bits, that runs the operations one by one, waits for them, and
	// adds the seconds that each took to its element of seconds, which has one an operation. It allocates nothing on the
	// heap.
	Trace(step Step, seconds []float64) error
}

// Sizes describes the sizes and variants of an operation for tables: operations with the same name and the same sizes
// take about the same time. It is empty where it knows nothing of the operation.
func Sizes(op Operation) string {
	switch o := op.(type) {
	case *MatMul:
		return o.sizes()
	case *Map:
		return sizes(o.N)
	case *MapGrad:
		return sizes(o.N) + with("plus", o.Plus)
	case *Binary:
		text := sizes(o.Shape...)
		for i, stride := range [...][]int{o.StridesA, o.StridesB} {
			if dims := broadcast(o.Shape, stride); dims != "" {
				text += fmt.Sprintf(" %c over %s", "ab"[i], dims)
			}
		}
		return text + with("plus", o.Plus)
	case *Assemble:
		text := sizes(o.N)
		if len(o.Pieces) > 0 {
			p := o.Pieces[0]
			text = sizes(p.Shape...)
			if last := len(p.Shape) - 1; last >= 0 && p.SourceStrides[last] != 1 {
				text += fmt.Sprintf(" step %d", p.SourceStrides[last])
			}
		}
		if len(o.Pieces) > 1 {
			text += fmt.Sprintf(" and %d more", len(o.Pieces)-1)
		}
		return text + with("base", o.Base)
	case *Reduce:
		return sizes(o.Outer, o.Axis, o.Inner) + with("plus", o.Plus)
	case *MaxGrad:
		return sizes(o.Outer, o.Axis, o.Inner)
	case *Dropout:
		return sizes(o.N)
	case *LayerNorm:
		return sizes(o.Rows, o.Width)
	case *LayerNormGrad:
		return sizes(o.Rows, o.Width) + with("plus", o.Plus)
	case *BatchNorm:
		return sizes(o.Outer, o.Channels, o.Inner) + when("train", o.Train)
	case *BatchNormGrad:
		return sizes(o.Outer, o.Channels, o.Inner) + with("plus", o.Plus) + when("train", o.Train)
	case *Im2Col:
		return o.Maps.sizes()
	case *Col2Im:
		return o.Maps.sizes()
	case *DepthwiseConv:
		return o.Maps.sizes() + when("flip", o.Flip) + with("plus", o.Plus)
	case *DepthwiseConvGrad:
		return o.Maps.sizes()
	case *CrossEntropy:
		return sizes(o.Rows, o.Classes)
	case *BCEWithLogits:
		return sizes(o.Rows, o.Classes)
	case *Adam:
		return sizes(o.N)
	case *SGD:
		return sizes(o.N) + with("momentum", o.Velocity)
	case *ChannelMixing:
		return sizes(o.Rows, o.Width, o.Hidden)
	case *ChannelMixingGrad:
		return sizes(o.Forward.Rows, o.Forward.Width, o.Forward.Hidden)
	case *TokenMixing:
		return sizes(o.Batch, o.Tokens, o.Width, o.Hidden)
	case *TokenMixingGrad:
		return sizes(o.Forward.Batch, o.Forward.Tokens, o.Forward.Width, o.Forward.Hidden)
	case *HyperMixing:
		return o.sizes()
	case *HyperMixingGrad:
		return o.Forward.sizes()
	case *Monarch:
		return sizes(o.Batch, o.P, o.Q, o.Width)
	case *MonarchGrad:
		return sizes(o.Forward.Batch, o.Forward.P, o.Forward.Q, o.Forward.Width)
	}
	return ""
}

// sizes is M×N×K, the batch where there is one, how A and B are stored (N as they are, T transposed), and the epilogue.
func (o *MatMul) sizes() string {
	text := sizes(o.M, o.N, o.K)
	if n := o.Batch[0] * o.Batch[1]; n > 1 {
		text = fmt.Sprintf("%d of %s", n, text)
		for i, stride := range o.StrideC {
			if stride == 0 && o.Batch[i] > 1 {
				text += " summed"
				break
			}
		}
	}
	letters := map[bool]string{false: "N", true: "T"}
	text += " " + letters[o.TransA] + letters[o.TransB]
	if o.Activation != Identity {
		text += " " + o.Activation.String()
	}
	return text + with("bias", o.Bias) + with("pre", o.Pre) + with("gate", o.Gate) + with("plus", o.Plus)
}

func (o *HyperMixing) sizes() string {
	return sizes(o.Batch, o.Tokens, o.Width, o.Hidden) + fmt.Sprintf(" heads %d", o.Heads) + when("tied", o.Tied)
}

func (m Maps) sizes() string {
	return fmt.Sprintf("%s kernel %d stride %d", sizes(m.Batch, m.Height, m.Width, m.Channels), m.Kernel, m.Stride)
}

// sizes joins numbers to such as "64×128".
func sizes(numbers ...int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = fmt.Sprint(n)
	}
	return strings.Join(words, "×")
}

// broadcast lists the dimensions along which an operand does not move.
func broadcast(shape, strides []int) string {
	var words []string
	for i, s := range strides {
		if s == 0 && shape[i] > 1 {
			words = append(words, fmt.Sprint(i))
		}
	}
	return strings.Join(words, ",")
}

func with(name string, b Buffer) string { return when(name, b != 0) }

func when(name string, yes bool) string {
	if !yes {
		return ""
	}
	return " " + name
}
