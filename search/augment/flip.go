package augment

import (
	"slices"

	"mixmas/nn/mixer"
)

// FlipOptions are the options of flip.
type FlipOptions struct {
	Axes string `yaml:"axes" json:"axes" jsonschema:"enum=horizontal,enum=vertical,enum=both" doc:"What is exchanged: left and right, top and bottom, or both independently (horizontal | vertical | both)."`
}

func init() {
	Register(Augmentation{
		Name: "flip", Doc: "Mirrors half of the pictures.",
		Kinds:   []mixer.Kind{mixer.Map},
		Options: func() any { return &FlipOptions{Axes: "horizontal"} },
		New: func(in mixer.Input, given any) (Function, error) {
			axes, height, width := given.(*FlipOptions).Axes, in.Shape[1], in.Shape[2]
			return func(d *Draw, x []float32, _ int) {
				if axes != "vertical" && d.Below(2) == 1 {
					for row := range slices.Chunk(x, width) {
						slices.Reverse(row)
					}
				}
				if axes != "horizontal" && d.Below(2) == 1 {
					for plane := range slices.Chunk(x, height*width) {
						for y := range height / 2 {
							upper, lower := plane[y*width:][:width], plane[(height-1-y)*width:][:width]
							for i := range upper {
								upper[i], lower[i] = lower[i], upper[i]
							}
						}
					}
				}
			}, nil
		},
	})
}
