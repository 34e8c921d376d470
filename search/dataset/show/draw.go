package show

import (
	"context"
	"math/rand/v2"
	"slices"

	"mixmas/search/dataset"
	"mixmas/search/task"
)

// Rows draws rows of the first classes at random, always the same ones: at most so many of each class and split. The last element has
// rows without a class.
func Rows(ctx context.Context, data dataset.Dataset, classes int, most [3]int) ([][3][]int, error) {
	const between = 1 << 12 // rows
	t := data.Task()
	rows := make([][3][]int, classes+1)
	random := rand.New(rand.NewPCG(1, 2))
	label := make([]float32, t.Width())
	for _, split := range dataset.Splits {
		if most[split] == 0 {
			continue
		}
		seen := make([]int, classes+1)
		see := func(class, row int) {
			list, most := &rows[class][split], most[split]
			seen[class]++
			if len(*list) < most {
				*list = append(*list, row)
			} else if i := random.IntN(seen[class]); i < most { // each row so far is kept with the same probability
				(*list)[i] = row
			}
		}
		for row := range data.Len(split) {
			if row%between == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err := data.Label(split, row, label); err != nil {
				return nil, err
			}
			switch t.Kind {
			case task.OneLabel:
				if class := int(label[0]); class < classes {
					see(class, row)
				}
			case task.MultiLabel:
				for class, has := range label[:classes] {
					if has == 1 {
						see(class, row)
					}
				}
				if !slices.Contains(label, 1) {
					see(classes, row)
				}
			default:
				return nil, t.Kind.Unknown()
			}
		}
		for class := range rows {
			slices.Sort(rows[class][split])
		}
	}
	return rows, nil
}
