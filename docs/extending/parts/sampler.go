package parts

import (
	"context"

	"mixmas/search/sample"
)

func init() {
	sample.Register(sample.Sampler{Name: "systematic", Doc: "Every k-th sample, from a random one on.", Draw: systematic})
}

// systematic draws rows at equal distances. Its only randomness is the generator that it is given: the same seed gives the
// same rows.
func systematic(_ context.Context, labels sample.Labels, size int, random *sample.Random) ([]int, error) {
	rows := make([]int, size)
	start := random.IntN(labels.Rows)
	for i := range rows {
		rows[i] = (start + i*labels.Rows/size) % labels.Rows
	}
	return rows, nil
}
