package augment

import "mixmas/nn/mixer"

// ShiftOptions are the options of shift.
type ShiftOptions struct {
	By float64 `yaml:"by" json:"by" jsonschema:"exclusiveMinimum=0,maximum=1" doc:"The largest shift, as a share of the height and width, or of the real steps."`
}

func init() {
	Register(Augmentation{
		Name: "shift", Doc: "Moves a picture in both directions, or a series in time.",
		Kinds:   []mixer.Kind{mixer.Map, mixer.Sequence},
		Options: func() any { return &ShiftOptions{By: 0.125} },
		New: func(in mixer.Input, given any) (Function, error) {
			by := given.(*ShiftOptions).By
			if in.Kind == mixer.Sequence {
				features := in.Shape[1]
				return func(d *Draw, x []float32, steps int) {
					most := share(by, steps)
					shift(x[:steps*features], steps, features, d.Between(-most, most))
				}, nil
			}
			channels, height, width := in.Shape[0], in.Shape[1], in.Shape[2]
			down, right := share(by, height), share(by, width)
			return func(d *Draw, x []float32, _ int) {
				dy, dx := d.Between(-down, down), d.Between(-right, right)
				for c := range channels {
					plane := x[c*height*width:][:height*width]
					shift(plane, height, width, dy)
					for y := range height {
						shift(plane[y*width:][:width], width, 1, dx)
					}
				}
			}, nil
		},
	})
}

// share is a share of n, rounded to the nearest whole number.
func share(of float64, n int) int { return int(of*float64(n) + 0.5) }

// shift moves n parts of x, each of size numbers, by some parts. What comes in is 0.
func shift(x []float32, n, size, by int) {
	gone := min(max(by, -by), n) * size
	if by >= 0 {
		copy(x[gone:], x)
		clear(x[:gone])
	} else {
		copy(x, x[gone:])
		clear(x[len(x)-gone:])
	}
}
