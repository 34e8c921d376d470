package device

import "fmt"

// MatMul is the batched matrix product with a fused epilogue
//
//	P = op(A) op(B) + bias
//	C = plus + act(P)               when Gate is absent
//	C = plus + P * act'(Gate)       when Gate is present
//
// with op(A) M×K and op(B) K×N. Matrices are row-major with leading dimensions. Each of the two batch dimensions has its
// own strides, in elements. A batch dimension in which C has stride 0 and the count is above 1 is summed over, in order;
// such a product has no activation, gate or bias. Offsets select sub-matrices of a buffer.
type MatMul struct {
	A, B, C                   Buffer
	OffsetA, OffsetB, OffsetC int
	TransA, TransB            bool // A is stored K×M, B is stored N×K
	M, N, K                   int
	LDA, LDB, LDC             int
	Batch                     [2]int // counts, outer first; at least 1
	StrideA, StrideB, StrideC [2]int

	// Bias is absent, or holds N elements added to every row, or, with BiasRows, M elements added to every column.
	Bias     Buffer
	BiasRows bool
	// Activation is applied to P.
	Activation Activation
	// Pre, if present, keeps P for the backward pass. It has the layout of C.
	Pre Buffer
	// Gate is the kept pre-activation; P is multiplied by the activation's derivative there. It has the layout of C.
	Gate Buffer
	// Plus is added at the end. It has the layout of C, and may be C itself if C is state, or if an earlier part of the same
	// composite wrote it.
	Plus Buffer
}

// Activation is a function applied to single elements.
type Activation int

// The activations.
const (
	Identity Activation = iota
	// GELU is x Φ(x), with the exact normal distribution function (Hendrycks and Gimpel 2016).
	GELU
	// ReLU is max(x, 0).
	ReLU
	// SquaredReLU is max(x, 0)², the core of StarReLU (Yu et al. 2022).
	SquaredReLU
	// Sigmoid is σ(x) = 1/(1 + e⁻ˣ).
	Sigmoid
	// Tanh is the hyperbolic tangent.
	Tanh
	// SiLU is x σ(x) (Elfwing et al. 2018).
	SiLU
)

func (a Activation) String() string {
	return [...]string{"identity", "gelu", "relu", "squared_relu", "sigmoid", "tanh", "silu"}[a]
}

var _ = kind(&MatMul{})

// Name implements [Operation].
func (o *MatMul) Name() string { return "matmul" }

// Buffers implements [Operation].
func (o *MatMul) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.A, o.B, o.Bias, o.Gate, o.Plus), present(w, o.C, o.Pre)
}

// Cost implements [Operation]: 2MNK per product.
func (o *MatMul) Cost() Cost {
	n := o.Batch[0] * o.Batch[1]
	elements := func(rows, columns int, stride [2]int) int {
		count := rows * columns
		for i, s := range stride {
			if s != 0 {
				count *= o.Batch[i]
			}
		}
		return count
	}
	c := elements(o.M, o.N, o.StrideC)
	extra := 0
	for _, b := range []Buffer{o.Pre, o.Gate, o.Plus} {
		if b != 0 {
			extra += c
		}
	}
	return traffic(2*n*o.M*o.N*o.K, elements(o.M, o.K, o.StrideA), elements(o.K, o.N, o.StrideB), c, extra)
}

// Sizes implements [Operation].
func (o *MatMul) Sizes() string {
	// M×N×K, the batch if there is one, how A and B are stored (N: as they are, T: transposed), and the epilogue.
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

// Check implements [Operation].
func (o *MatMul) Check(c *Checker) {
	c.Positive("sizes M, N, K and batch", o.M, o.N, o.K, o.Batch[0], o.Batch[1])
	c.Counts(o.M, o.N, o.K, o.LDA, o.LDB, o.LDC, o.Batch[0], o.Batch[1])
	o.matrix(c, "A", o.A, o.OffsetA, o.M, o.K, o.TransA, o.LDA, o.StrideA)
	o.matrix(c, "B", o.B, o.OffsetB, o.K, o.N, o.TransB, o.LDB, o.StrideB)
	o.matrix(c, "C", o.C, o.OffsetC, o.M, o.N, false, o.LDC, o.StrideC)
	for _, like := range []struct {
		role string
		b    Buffer
	}{{"Pre", o.Pre}, {"Gate", o.Gate}, {"Plus", o.Plus}} {
		if like.b != 0 {
			o.matrix(c, like.role, like.b, o.OffsetC, o.M, o.N, false, o.LDC, o.StrideC)
		}
	}
	if o.BiasRows {
		c.Maybe("Bias", o.Bias, o.M)
	} else {
		c.Maybe("Bias", o.Bias, o.N)
	}
	summed := false
	for i, count := range o.Batch {
		summed = summed || count > 1 && o.StrideC[i] == 0
	}
	if summed && (o.Bias != 0 || o.Activation != Identity || o.Gate != 0 || o.Pre != 0) {
		c.Fail("a product that is summed over a batch dimension takes no bias, activation, gate or pre-activation")
	}
	c.Share(o.C, o.Gate, o.Plus)
}

// matrix checks a batch of matrices of op(rows×columns).
func (o *MatMul) matrix(c *Checker, role string, b Buffer, offset, rows, columns int, trans bool, ld int, strides [2]int) {
	if trans {
		rows, columns = columns, rows
	}
	if ld < columns || offset < 0 || strides[0] < 0 || strides[1] < 0 {
		c.Fail("%s: leading dimension %d of rows of %d, offset %d, strides %v", role, ld, columns, offset, strides)
	}
	c.Need(role, b, offset+(o.Batch[0]-1)*strides[0]+(o.Batch[1]-1)*strides[1]+(rows-1)*ld+columns)
}
