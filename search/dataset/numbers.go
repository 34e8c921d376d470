package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
)

// Numbers is a [Column] in memory.
type Numbers struct {
	name   string
	shape  []int
	size   int
	values []float32
}

// NewNumbers makes a column of values, row by row; shape is the shape of one row. It keeps values, which must not be changed.
func NewNumbers(name string, shape []int, values []float32) *Numbers {
	n := &Numbers{name: name, shape: shape, values: values}
	n.size = rowSize(n)
	return n
}

// Name implements [Column].
func (n *Numbers) Name() string { return n.name }

// Shape implements [Column].
func (n *Numbers) Shape() []int { return n.shape }

// Rows implements [Column].
func (n *Numbers) Rows() int { return len(n.values) / n.size }

// Read implements [Column].
func (n *Numbers) Read(row int, s *Scaling, dst []float32) error {
	if row < 0 || row >= n.Rows() {
		return fmt.Errorf("%s: row %d does not exist, there are %d", n.name, row, n.Rows())
	}
	copy(dst, n.values[row*n.size:][:n.size])
	s.Apply(0, dst)
	return nil
}

// ReadRows reads many rows at once.
func (n *Numbers) ReadRows(first int, dst []float32) error {
	copy(dst, n.values[first*n.size:])
	return nil
}

// Facts implements [Column].
func (n *Numbers) Facts(ctx context.Context, r Request, _ Environment) (Facts, error) {
	digest, s := sha256.New(), NewStatistics(r, n.size)
	fmt.Fprintf(digest, "numbers 1 %v\n", n.shape)
	const some = 1 << 12
	raw, values := make([]byte, 0, 4*some), make([]float64, 0, some)
	for first := 0; first < len(n.values); first += some {
		if err := ctx.Err(); err != nil {
			return Facts{}, err
		}
		raw, values = raw[:0], values[:0]
		for _, v := range n.values[first:min(first+some, len(n.values))] {
			raw, values = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v)), append(values, float64(v))
		}
		digest.Write(raw)
		if err := s.Add(values); err != nil {
			return Facts{}, fmt.Errorf("%s: %w", n.name, err)
		}
	}
	return Facts{hex.EncodeToString(digest.Sum(nil)), s.Standardisation()}, nil
}

// Unchanged implements [Column].
func (n *Numbers) Unchanged(context.Context) error { return nil }

// Close implements [Column].
func (n *Numbers) Close() error { return nil }
