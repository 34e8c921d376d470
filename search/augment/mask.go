package augment

import "mixmas/nn/mixer"

// MaskOptions are the options of time_mask and frequency_mask.
type MaskOptions struct {
	Masks int     `yaml:"masks" json:"masks" jsonschema:"minimum=1,maximum=100" doc:"Ranges that are hidden; they may overlap."`
	Most  float64 `yaml:"most" json:"most" jsonschema:"exclusiveMinimum=0,maximum=1" doc:"The longest range, as a share of the whole."`
}

// The two masks of SpecAugment (Park et al. 2019).
func init() {
	masks := func() any { return &MaskOptions{Masks: 1, Most: 0.2} }
	kinds := []mixer.Kind{mixer.Map, mixer.Sequence}
	Register(Augmentation{
		Name: "time_mask", Doc: "Hides a range of steps of a series, or of columns of a spectrogram.", Kinds: kinds, Options: masks,
		New: func(in mixer.Input, given any) (Function, error) {
			o := *given.(*MaskOptions)
			if in.Kind == mixer.Sequence {
				features := in.Shape[1]
				return func(d *Draw, x []float32, steps int) {
					for range o.Masks {
						from, to := o.draw(d, steps)
						clear(x[from*features : to*features])
					}
				}, nil
			}
			return o.ranges(in.Shape[2]), nil
		},
	})
	Register(Augmentation{
		Name: "frequency_mask", Doc: "Hides a range of features of a series, or of rows of a spectrogram.", Kinds: kinds, Options: masks,
		New: func(in mixer.Input, given any) (Function, error) {
			o := *given.(*MaskOptions)
			if in.Kind == mixer.Sequence {
				return o.ranges(in.Shape[1]), nil
			}
			height, width := in.Shape[1], in.Shape[2]
			return func(d *Draw, x []float32, _ int) {
				for range o.Masks {
					from, to := o.draw(d, height)
					for plane := 0; plane < len(x); plane += height * width {
						clear(x[plane+from*width : plane+to*width])
					}
				}
			}, nil
		},
	})
}

// draw draws a range of n places: its length, then where it begins.
func (o MaskOptions) draw(d *Draw, n int) (from, to int) {
	length := d.Between(0, share(o.Most, n))
	from = d.Between(0, n-length)
	return from, from + length
}

// ranges hides the same ranges in all rows of a number of places.
func (o MaskOptions) ranges(n int) Function {
	return func(d *Draw, x []float32, _ int) {
		for range o.Masks {
			from, to := o.draw(d, n)
			for row := 0; row < len(x); row += n {
				clear(x[row+from : row+to])
			}
		}
	}
}
