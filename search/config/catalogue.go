package config

import "mixmas/nn/mixer"

// catalogue is what the candidates of a stage are named from.
type catalogue struct {
	kind    string // one of them, in messages
	names   func() []string
	options func(name string) (any, error) // its options, with the defaults
}

// architectures are those of encoders and fusion networks.
var architectures = catalogue{kind: "architecture", names: mixer.Names, options: func(name string) (any, error) {
	a, err := mixer.Lookup(name)
	if err != nil {
		return nil, err
	}
	return a.Options(), nil
}}

// fusions are the fusion functions.
var fusions = catalogue{kind: "fusion function", names: mixer.FusionNames, options: func(name string) (any, error) {
	f, err := mixer.LookupFusion(name)
	if err != nil {
		return nil, err
	}
	return f.Options(), nil
}}

// isEncoder tells whether an architecture reads the input of a modality.
func isEncoder(a mixer.Architecture) bool {
	return a.Takes(mixer.Map) || a.Takes(mixer.Sequence) || a.Takes(mixer.Table)
}
