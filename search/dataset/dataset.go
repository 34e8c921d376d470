// Package dataset opens multimodal, labelled, split data sets with random access.
//
// A [Dataset] reads one standardised sample of one modality at a time, so a training on N' of N samples reads only those. A
// format provides [Column]s, whatever files they come from, and says which rows belong to which split. [Assemble] builds the
// data set from them, with labels, statistics, masks and the fingerprint. Formats are registered by name with an options
// struct, like drivers of database/sql. The built-in formats are packages below this one (builtin, avmnist and arrays), and
// package formats imports them all. To add a format, call [Register] in an init function.
package dataset

import (
	"context"
	"fmt"

	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/task"
)

// Modality describes one modality of a data set.
type Modality struct {
	Name  string
	Kind  mixer.Kind // a map, a sequence, a text or a table
	Shape []int      // shape of one sample: channels, height, width; steps, features; tokens; or features
	// Masked means that the rows have different numbers of steps, up to Steps(). The steps after them are zeros, and a mask
	// says which steps are real. A map or table has one step: a row has it or not. A text is always masked: its real tokens are
	// those that are not padding. Models read the mask as a second input, NAME.mask.
	Masked bool `json:",omitempty"`
	// Vocabulary is the number of different tokens of a text, 0 for other kinds. Its samples are the numbers of tokens from 0
	// to Vocabulary-1: 0 is padding, 1 an unknown word.
	Vocabulary int `json:",omitempty"`
	// Vectors is the width of the word vectors that a text's table of words starts from, see [Vectors]; 0 if it has none.
	Vectors int `json:",omitempty"`
}

// Input returns what an encoder of the modality reads.
func (m Modality) Input() mixer.Input {
	return mixer.Input{Kind: m.Kind, Shape: m.Shape, Vocabulary: m.Vocabulary, Vectors: m.Vectors}
}

// WordVectors is implemented by data sets that have word vectors for their texts.
type WordVectors interface {
	// Vectors returns the vectors of all tokens of a modality's vocabulary, row by row (Vocabulary×Vectors). Zeros stand for
	// tokens that have none.
	Vectors(modality int) ([]float32, error)
}

// Steps is the number of elements of a sample's mask: Shape[0] of a sequence or text, 1 of a map or table.
func (m Modality) Steps() int { return m.Kind.Steps(m.Shape) }

// Size is the number of elements of one sample: the product of Shape.
func (m Modality) Size() int { return dimensions.Product(m.Shape) }

// features is the number of features of a table or of a step of a sequence, or the number of channels of a map. A text has
// one: the number of a token.
func (m Modality) features() int {
	switch m.Kind {
	case mixer.Sequence:
		return m.Shape[1]
	case mixer.Text:
		return 1
	}
	return m.Shape[0]
}

// run is the number of consecutive elements of a sample that belong to one feature.
func (m Modality) run() int {
	if m.Kind == mixer.Sequence || m.Kind == mixer.Text {
		return 1
	}
	return m.Size() / m.features()
}

// Split names a part of a data set.
type Split int

// Candidates are trained on the training split and scored on the validation split. The test split is used once, at the end.
const (
	Train Split = iota
	Validation
	Test
)

// Splits lists every split, in order.
var Splits = [...]Split{Train, Validation, Test}

// String is "train", "validation" or "test".
func (s Split) String() string {
	switch s {
	case Train:
		return "train"
	case Validation:
		return "validation"
	case Test:
		return "test"
	}
	return fmt.Sprintf("split(%d)", int(s))
}

// TotalRows is the number of rows of all splits together.
func TotalRows(data Dataset) (rows int) {
	for _, split := range Splits {
		rows += data.Len(split)
	}
	return rows
}

// Dataset is a multimodal, labelled, split data set with random access. [Assemble] builds one. All methods except Close may be
// called from several goroutines at once; Close must not run at the same time as another method.
type Dataset interface {
	// Name is the name of the format or the folder, for tables and reports.
	Name() string
	// Modalities lists the modalities; Read takes an index into this list. The list must not be changed.
	Modalities() []Modality
	// Task says what is predicted for a row, and names the classes.
	Task() task.Task
	// Len is the number of rows of a split; 0 if the data set lacks the split.
	Len(split Split) int
	// Read writes the standardised sample into dst, which has Modality.Size() elements. It allocates nothing.
	// An error names the split, row or modality that does not exist, or the file and row that cannot be read.
	Read(split Split, modality, row int, dst []float32) error
	// Mask writes 1 for each real step of the sample and 0 for the others into dst, which has Modality.Steps() elements. It is
	// an error for a modality that is not masked.
	Mask(split Split, modality, row int, dst []float32) error
	// Label writes the row's label into dst, which has Task.Width() elements: the number of the class, or for multi-label data
	// one 0/1 element per class.
	Label(split Split, row int, dst []float32) error
	// Fingerprint is the SHA-256 (64 hexadecimal digits) of content, split and preprocessing. It does not depend on the paths
	// of the files.
	Fingerprint() string
	// Unchanged returns an error that names the file if one was written to since the data set was opened: samples that were
	// read since then may not match Fingerprint. It may have to read the file again.
	Unchanged(ctx context.Context) error
	// Warnings are sentences about what is odd in the data, for people.
	Warnings() []string
	// Preprocessing returns, by modality name, what a model file needs to standardise raw input as Read does.
	Preprocessing() map[string]Standardisation
	// Close releases files and memory.
	Close() error
}
