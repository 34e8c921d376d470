package page

import (
	"context"
	"math/rand/v2"
	"slices"

	"mixmas/search/dataset"
	"mixmas/search/task"
)

// shownRows is the number of samples per class in each split.
var shownRows = [3]int{3, 2, 2}

// draw draws rows of the first classes in each split at random, always the same ones. The last element has rows without a class.
func draw(ctx context.Context, data dataset.Dataset, classes int) ([][3][]int, error) {
	const between = 1 << 12 // rows
	t := data.Task()
	rows := make([][3][]int, classes+1)
	random := rand.New(rand.NewPCG(1, 2))
	label := make([]float32, t.Width())
	for _, split := range dataset.Splits {
		seen := make([]int, classes+1)
		see := func(class, row int) {
			list, most := &rows[class][split], shownRows[split]
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

// samples reads and describes the samples that are shown.
func (v *view) samples(ctx context.Context, c Contents) error {
	names := c.Data.Task().Classes
	listed := min(len(names), mostClasses)
	v.MoreSamples = len(names) - listed
	rows, err := draw(ctx, c.Data, listed)
	if err != nil {
		return err
	}
	r := newReader(c)
	for class, of := range rows {
		s := samples{Class: "no class"}
		if class < listed {
			s.Class = shown(names[class])
		}
		for _, split := range dataset.Splits {
			g := group{Split: split.String()}
			for _, row := range of[split] {
				parts, err := r.read(split, row)
				if err != nil {
					return err
				}
				g.Cards = append(g.Cards, card{Row: row, Parts: parts})
			}
			if len(g.Cards) > 0 {
				s.Splits = append(s.Splits, g)
			}
		}
		if len(s.Splits) > 0 {
			v.Samples = append(v.Samples, s)
		}
	}
	return nil
}
