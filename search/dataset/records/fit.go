package records

import (
	"context"
	"errors"

	"mixmas/search/packed"
)

// fitting is a modality whose encoder is being learned.
type fitting struct {
	*session
	*binding
	train packed.List // by row: 1 for those of the training split
}

// training calls use with the sample of every training row.
func (f *fitting) training(ctx context.Context, use func(x *sample) error) error {
	return f.each(ctx, f.session, func(row int, x *sample) error {
		if f.train.At(row) == 0 {
			return nil
		}
		err := use(x)
		if err == nil || errors.Is(err, errEnough) {
			return err
		}
		return f.wrap(err)
	})
}

// marked marks the rows of a binding that some rows of the data set are joined with.
func (b *binding) marked(of func(yield func(int) bool)) packed.List {
	marks := packed.New(b.count(), 1)
	for row := range of {
		if b.joined != nil {
			if row = int(b.joined[row]); row < 0 {
				continue
			}
		}
		marks.Set(row, 1)
	}
	return marks
}
