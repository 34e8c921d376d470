package mixer

import (
	"fmt"
	"math"
	"slices"

	"mixmas/nn"
)

// StartFromVectors replaces the initial rows of a text's table, among the initial weights of a model of the specification, by
// word vectors (vocabulary, Vectors), row by row. They are scaled to the size of initial positions: what they say is
// no noise. Words whose vector is zero have none, and keep their initial row.
func (s Specification) StartFromVectors(weights nn.Weights, modality string, vectors []float32) error {
	name := "encoder.embed.table"
	if s.Fusion != nil || s.Network != nil {
		name = "encoders." + modality + ".embed.table"
	}
	i := slices.IndexFunc(s.Modalities, func(m Modality) bool { return m.Name == modality })
	if i < 0 {
		return fmt.Errorf("the model has no modality %s", modality)
	}
	m := s.Modalities[i]
	table, ok := weights[name]
	if !ok || !slices.Equal(table.Shape, []int{m.Vocabulary, m.Vectors}) {
		return fmt.Errorf("%s cannot start from word vectors: it has no table %s of %d×%d", m.Encoder.Architecture, name, m.Vocabulary, m.Vectors)
	}
	if len(vectors) != len(table.Data) {
		return fmt.Errorf("modality %s: %d elements of word vectors, the table has %d", modality, len(vectors), len(table.Data))
	}
	var squares, count float64
	each := func(use func(row, vector []float32)) {
		for from := 0; from < len(vectors); from += m.Vectors {
			vector := vectors[from:][:m.Vectors]
			if slices.ContainsFunc(vector, func(x float32) bool { return x != 0 }) {
				use(table.Data[from:][:m.Vectors], vector)
			}
		}
	}
	each(func(_, vector []float32) {
		for _, x := range vector {
			squares += float64(x) * float64(x)
		}
		count += float64(m.Vectors)
	})
	scale := initialPosition / math.Sqrt(squares/max(count, 1))
	each(func(row, vector []float32) {
		for k, x := range vector {
			row[k] = float32(scale * float64(x))
		}
	})
	return nil
}
