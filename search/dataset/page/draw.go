package page

import (
	"context"

	"mixmas/search/dataset"
	"mixmas/search/dataset/show"
)

// shownRows is the number of samples per class in each split.
var shownRows = [3]int{3, 2, 2}

// samples reads and describes the samples that are shown.
func (v *view) samples(ctx context.Context, c Contents) error {
	names := c.Data.Task().Classes
	listed := min(len(names), mostClasses)
	v.MoreSamples = len(names) - listed
	rows, err := show.Rows(ctx, c.Data, listed, shownRows)
	if err != nil {
		return err
	}
	r := show.NewReader(c.Data, c.Survey)
	for class, of := range rows {
		s := samples{Class: "no class"}
		if class < listed {
			s.Class = shown(names[class])
		}
		for _, split := range dataset.Splits {
			g := group{Split: split.String()}
			for _, row := range of[split] {
				read, err := r.Read(split, row)
				if err != nil {
					return err
				}
				parts := make([]part, len(read))
				for i, p := range read {
					if parts[i], err = newPart(p); err != nil {
						return err
					}
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
