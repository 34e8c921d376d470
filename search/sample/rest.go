package sample

import (
	"context"
	"math/rand/v2"
	"sort"
)

// Rest draws rows that a sample leaves out: at most size of them, from each class, or each set of labels that occurs, in
// proportion to its size among them. sampled are the rows of the sample, sorted. The rows are sorted; nil if none are left. The
// same labels, sample, size and seed give the same rows.
func Rest(ctx context.Context, labels Labels, sampled []int, size int, seed uint64) ([]int, error) {
	left := labels
	left.Rows = labels.Rows - len(sampled)
	if size = min(size, left.Rows); size < 1 {
		return nil, nil
	}
	// Row i of those left comes after as many sampled rows as lie below it.
	row := func(i int) int {
		return i + sort.Search(len(sampled), func(k int) bool { return sampled[k]-k > i })
	}
	left.Label = func(i int, dst []float32) error { return labels.Label(row(i), dst) }
	source := rand.NewPCG(seed, 1) // the sample is drawn with stream 0
	rows, err := stratified(ctx, left, size, &Random{rand.New(source), source})
	for i := range rows {
		rows[i] = row(rows[i])
	}
	return rows, err
}
