package config

import "mixmas/nn/mixer"

// isEncoder tells whether an architecture reads the input of a modality.
func isEncoder(a mixer.Architecture) bool {
	return a.Takes(mixer.Map) || a.Takes(mixer.Sequence) || a.Takes(mixer.Table)
}

// FusionNames lists the fusion functions that a configuration may name.
func FusionNames() []string {
	var names []string
	for _, f := range mixer.Fusions() {
		names = append(names, f.Name)
	}
	return names
}
