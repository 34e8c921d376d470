package dataset

// These are what a [Dataset] may do besides, for people who look at its samples.
type (
	// Texts gives the text that a sample was made of.
	Texts interface {
		// Text returns the text of a sample; ok is false if the modality has none.
		Text(split Split, modality, row int) (text string, ok bool, err error)
	}
	// Named names features.
	Named interface {
		// FeatureNames returns the names of the features of a table or of a step of a sequence, or of the channels of a map. It
		// returns nil if they have none.
		FeatureNames(modality int) []string
	}
	// WithMissing tells missing elements from those that are the mean.
	WithMissing interface {
		// ReadMissing is Read, but missing elements are NaN.
		ReadMissing(split Split, modality, row int, dst []float32) error
	}
)
