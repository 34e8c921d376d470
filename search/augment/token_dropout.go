package augment

import "mixmas/nn/mixer"

// TokenDropoutOptions are the options of token_dropout.
type TokenDropoutOptions struct {
	Rate float64 `yaml:"rate" json:"rate" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1" doc:"Share of the words that become unknown."`
}

// unknown is the number of the unknown word, see [mixer.Text].
const unknown = 1

func init() {
	Register(Augmentation{
		Name: "token_dropout", Doc: "Makes words of a text unknown.",
		Kinds:   []mixer.Kind{mixer.Text},
		Options: func() any { return &TokenDropoutOptions{Rate: 0.1} },
		New: func(_ mixer.Input, given any) (Function, error) {
			rate := given.(*TokenDropoutOptions).Rate
			return func(d *Draw, x []float32, steps int) {
				for i := range x[:steps] {
					if d.Uniform() < rate {
						x[i] = unknown
					}
				}
			}, nil
		},
	})
}
