package survey

import (
	"fmt"
	"math"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
)

// Features is the number of features of a table or of a step of a sequence, or the number of channels of a map. A text has none.
func Features(m dataset.Modality) int {
	switch m.Kind {
	case mixer.Sequence:
		return m.Shape[1]
	case mixer.Text:
		return 0
	}
	return m.Shape[0]
}

// FeatureName is the name of a feature: the data set's own, or its number.
func FeatureName(data dataset.Dataset, modality, feature int) string {
	if named, ok := data.(dataset.Named); ok {
		if names := named.FeatureNames(modality); feature < len(names) {
			return names[feature]
		}
	}
	if data.Modalities()[modality].Kind == mixer.Map {
		return fmt.Sprintf("channel %d", feature)
	}
	return fmt.Sprintf("feature %d", feature)
}

// feature is the feature of an element of a sample.
func feature(m dataset.Modality, element int) int {
	switch m.Kind {
	case mixer.Sequence:
		return element % m.Shape[1]
	case mixer.Map:
		return element / (m.Shape[1] * m.Shape[2])
	case mixer.Table:
		return element
	}
	return 0
}

// Original undoes the standardisation of a sample, up to rounding.
func Original(m dataset.Modality, s dataset.Standardisation, sample []float32) {
	for i, v := range sample {
		sample[i] = float32(original(s, feature(m, i), float64(v)))
	}
}

// original undoes the standardisation of a value. The result is rounded to the digits that the standardised value has, so that
// 0 is 0 again.
func original(s dataset.Standardisation, feature int, v float64) float64 {
	switch s.Per {
	case dataset.PerModality:
		feature = 0
	case dataset.PerFeature:
	default:
		return v
	}
	mean, deviation := s.Mean[feature], s.Deviation[feature]
	x := float64(v*deviation) + mean
	precision := max(1, math.Abs(v)) * deviation * 0x1p-22
	digits := -math.Ceil(math.Log10(precision))
	if !(math.Abs(digits) < 300) {
		return x
	}
	if digits < 0 {
		unit := math.Pow(10, -digits)
		return math.Round(x/unit)*unit + 0 // not -0
	}
	units := math.Pow(10, digits)
	return math.Round(x*units)/units + 0
}
