package parts

import (
	"context"

	"mixmas/search/sample"
)

func init() {
	sample.Register(sample.Sampler{Name: "systematic", Doc: "Every k-th row, starting at a random one.", Draw: systematic})
}

// systematic draws rows at equal distances. The given generator is its only source of randomness, so the same seed gives the
// same rows.
func systematic(_ context.Context, labels sample.Labels, size int, random *sample.Random) ([]int, error) {
	rows := make([]int, size)
	start := random.IntN(labels.Rows)
	for i := range rows {
		rows[i] = (start + i*labels.Rows/size) % labels.Rows
	}
	return rows, nil
}
