package augment

import "mixmas/nn/mixer"

// CutoutOptions are the options of cutout.
type CutoutOptions struct {
	Size float64 `yaml:"size" json:"size" jsonschema:"exclusiveMinimum=0,maximum=1" doc:"The height and width of the rectangle, as a share of those of the picture."`
}

func init() {
	Register(Augmentation{
		Name: "cutout", Doc: "Hides a rectangle of a picture, anywhere and partly outside (DeVries and Taylor 2017).",
		Kinds:   []mixer.Kind{mixer.Map},
		Options: func() any { return &CutoutOptions{Size: 0.25} },
		New: func(in mixer.Input, given any) (Function, error) {
			size, channels, height, width := given.(*CutoutOptions).Size, in.Shape[0], in.Shape[1], in.Shape[2]
			high, wide := max(share(size, height), 1), max(share(size, width), 1)
			return func(d *Draw, x []float32, _ int) {
				top, left := d.Below(height)-high/2, d.Below(width)-wide/2
				from, to := max(left, 0), min(left+wide, width)
				for c := range channels {
					for y := max(top, 0); y < min(top+high, height); y++ {
						clear(x[(c*height+y)*width:][from:to])
					}
				}
			}, nil
		},
	})
}
