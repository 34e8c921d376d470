package records

import (
	"context"
	"sync/atomic"

	"mixmas/search/dataset/feature"
)

// newRow encodes a modality of new rows, which may lack it although the rows of the training data had it.
type newRow struct {
	encoder
	masked   bool // rows of the training data lacked it
	optional bool // the model was trained to do without it: then a row without any of its cells lacks it
	absent   bool // no row has it
	lacking  atomic.Int64
}

func (n *newRow) encode(ctx context.Context, s *sample, dst []float32) (int, error) {
	if n.absent || n.optional && lacksAll(s.cells) {
		return 0, nil
	}
	steps, err := n.encoder.encode(ctx, s, dst)
	if steps == 0 && err == nil {
		n.lacking.Add(1)
	}
	return steps, err
}

// lacksAll reports whether all cells are missing; false if there are none.
func lacksAll(cells []string) bool {
	for _, cell := range cells {
		if !feature.IsMissing(cell) {
			return false
		}
	}
	return len(cells) > 0
}
