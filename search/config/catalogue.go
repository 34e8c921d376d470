package config

import "mixmas/nn/mixer"

// catalogue holds the names from which the candidates of a stage are chosen.
type catalogue struct {
	kind    string // what messages call one of them
	names   func() []string
	options func(name string) (any, error) // its options, with the defaults
}

// architectures is the catalogue of encoders and fusion networks.
var architectures = catalogue{kind: "architecture", names: mixer.Names, options: func(name string) (any, error) {
	a, err := mixer.Lookup(name)
	if err != nil {
		return nil, err
	}
	return a.Options(), nil
}}

// The values of [Search.Architectures].
const (
	Usual = "usual"
	All   = "all"
)

// AllFusions returns all registered fusion functions, with their registered options.
func AllFusions() Fusions { return functions(fusions.names()...) }

// fusions is the catalogue of fusion functions.
var fusions = catalogue{kind: "fusion function", names: mixer.FusionNames, options: func(name string) (any, error) {
	f, err := mixer.LookupFusion(name)
	if err != nil {
		return nil, err
	}
	return f.Options(), nil
}}

// isEncoder reports whether an architecture reads the input of a modality.
func isEncoder(a mixer.Architecture) bool {
	return a.Takes(mixer.Map) || a.Takes(mixer.Sequence) || a.Takes(mixer.Text) || a.Takes(mixer.Table)
}
