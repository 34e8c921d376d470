package augment

import (
	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
)

// NoiseOptions are the options of noise.
type NoiseOptions struct {
	Deviation float64 `yaml:"deviation" json:"deviation" jsonschema:"exclusiveMinimum=0,maximum=10" doc:"Standard deviation of the noise, in units of that of the standardised values."`
}

func init() {
	Register(Augmentation{
		Name: "noise", Doc: "Adds a nearly normal random number to every value.",
		Kinds:   []mixer.Kind{mixer.Map, mixer.Sequence, mixer.Table},
		Options: func() any { return &NoiseOptions{Deviation: 0.1} },
		New: func(in mixer.Input, given any) (Function, error) {
			deviation, step := float32(given.(*NoiseOptions).Deviation), dimensions.Product(in.Shape)
			if in.Kind == mixer.Sequence {
				step = in.Shape[1]
			}
			return func(d *Draw, x []float32, steps int) {
				d.addNoise(x[:steps*step], deviation)
			}, nil
		},
	})
}
