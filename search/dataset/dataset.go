// Package dataset opens multimodal, labelled, split data sets with random access.
//
// A [Dataset] gives one standardised sample of one modality at a time, so that a search that draws N' of N samples touches N'
// samples. A format gives [Column]s, in whatever files they lie, and says which rows belong to which split; [Assemble] makes
// the data set of them: labels, statistics, masks and the fingerprint. Formats are registered by name with an options struct,
// as database/sql drivers are. The program's own are packages below this one: builtin, avmnist and arrays; package formats
// imports them all. A format of one's own is a package with an init function that calls [Register].
package dataset

import (
	"context"
	"fmt"

	"mixmas/nn/mixer"
	"mixmas/search/task"
)

// Modality describes one modality of a data set.
type Modality struct {
	Name  string
	Kind  mixer.Kind // a map, a sequence or a table
	Shape []int      // shape of one sample: channels, height, width; steps, features; or features
	// Masked says that the rows of a sequence have steps of their own number, up to Shape[0]: what follows them is zeros, and
	// a mask tells. Models read the mask as a second input, NAME.mask.
	Masked bool `json:",omitempty"`
}

// Size is the number of elements of one sample: the product of Shape.
func (m Modality) Size() int {
	size := 1
	for _, n := range m.Shape {
		size *= n
	}
	return size
}

// features is the number of features: of a table, of each step of a sequence, and the channels of a map.
func (m Modality) features() int {
	if m.Kind == mixer.Sequence {
		return m.Shape[1]
	}
	return m.Shape[0]
}

// Split names a part of a data set.
type Split int

// The three parts: candidates are trained on the first, scored on the second; the third is used once, at the end.
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

// Dataset is a multimodal, labelled, split data set with random access. [Assemble] makes one. All methods but Close may be
// called from several goroutines at once; Close must not run beside another method.
type Dataset interface {
	// Name is the name of the format or the folder, for tables and reports.
	Name() string
	// Modalities lists the modalities, in the order that Read counts them. The list must not be changed.
	Modalities() []Modality
	// Task is what is to be predicted of a row, with the names of the classes.
	Task() task.Task
	// Len is the number of rows of a split; 0 for a split that the data set lacks.
	Len(split Split) int
	// Read writes the standardised sample into dst, which has Modality.Size() elements. It allocates nothing.
	// An error names the split, row or modality that does not exist, or the file and row that cannot be read.
	Read(split Split, modality, row int, dst []float32) error
	// Mask writes 1 for each real step of the sample and 0 for the others into dst, which has Modality.Shape[0] elements. It is
	// an error for a modality that is not masked.
	Mask(split Split, modality, row int, dst []float32) error
	// Label writes the row's label into dst, which has Task.Width() elements: the number of the class, or for multi-label data
	// one 0/1 element per class.
	Label(split Split, row int, dst []float32) error
	// Fingerprint is the SHA-256 (64 hexadecimal digits) of content, split and preprocessing. It does not depend on
	// where the files lie.
	Fingerprint() string
	// Unchanged is an error that names the file where one was written to since the data set was opened: what was read since
	// may not be what Fingerprint stands for. It may have to read the file again.
	Unchanged(ctx context.Context) error
	// Preprocessing gives, by modality name, what a model file needs to treat raw input as Read did.
	Preprocessing() map[string]Standardisation
	// Close releases files and memory.
	Close() error
}
