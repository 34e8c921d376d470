// Package dataset opens multimodal, labelled, split data sets with random access.
//
// A [Dataset] gives one standardised sample of one modality at a time, so that a search that draws N' of N samples
// touches N' samples. Formats are registered by name with an options struct, as database/sql drivers are: "builtin"
// generates audio-visual digits, "avmnist" reads the published AV-MNIST folder, "npy" reads any set of npy files.
// A format of one's own is a file with an init function that calls [Register].
package dataset

import (
	"context"
	"fmt"
	"math"
)

// Kind says how a modality's samples are laid out.
type Kind string

// The layouts of a sample.
const (
	Map      Kind = "map"      // channels, height, width
	Sequence Kind = "sequence" // steps, features
	Table    Kind = "table"    // features
)

// dimensions is the length of the shape of one sample of the kind, 0 for an unknown kind.
func (k Kind) dimensions() int {
	switch k {
	case Map:
		return 3
	case Sequence:
		return 2
	case Table:
		return 1
	}
	return 0
}

// Modality describes one modality of a data set.
type Modality struct {
	Name  string
	Kind  Kind
	Shape []int // shape of one sample, as Kind says
}

// Size is the number of elements of one sample: the product of Shape.
func (m Modality) Size() int {
	size := 1
	for _, n := range m.Shape {
		size *= n
	}
	return size
}

// Split names a part of a data set.
type Split int

// The three parts: candidates are trained on the first, scored on the second; the third is used once, at the end.
const (
	Train Split = iota
	Validation
	Test
)

// splits lists every split, in order.
var splits = [...]Split{Train, Validation, Test}

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

// Dataset is a multimodal, labelled, split data set with random access. All methods but Close may be called from
// several goroutines at once; Close must not run beside another method.
type Dataset interface {
	// Name is the name of the format or the folder, for tables and reports.
	Name() string
	// Modalities lists the modalities, in the order that Read counts them. The list must not be changed.
	Modalities() []Modality
	// Classes lists the names of the classes; their number is the number of logits.
	Classes() []string
	// MultiLabel tells whether a row may have any number of classes rather than exactly one.
	MultiLabel() bool
	// Len is the number of rows of a split; 0 for a split that the data set lacks.
	Len(split Split) int
	// Read writes the standardised sample into dst, which has Modality.Size() elements. It allocates nothing.
	// An error names the split, row or modality that does not exist, or the file and row that cannot be read.
	Read(split Split, modality, row int, dst []float32) error
	// Label writes the row's label: one element with the index of the class, or with MultiLabel one 0/1 element a class.
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

// Standardisation is x → (x − Mean) / Deviation, with the mean and the (population) standard deviation of all elements of
// a modality over the training split. Deviation is 1 where the data are constant.
type Standardisation struct {
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
}

// Check refuses what does not standardise.
func (s Standardisation) Check() error {
	if !(s.Deviation > 0) || math.IsInf(s.Deviation, 0) || math.IsInf(s.Mean, 0) || math.IsNaN(s.Mean) {
		return fmt.Errorf("mean %v and deviation %v do not standardise", s.Mean, s.Deviation)
	}
	return nil
}

// checkRead reports a split, modality, row or destination that does not fit the data set.
func checkRead(d Dataset, split Split, modality, row int, dst []float32) error {
	modalities := d.Modalities()
	if modality < 0 || modality >= len(modalities) {
		return fmt.Errorf("data set %s: modality %d does not exist, there are %d", d.Name(), modality, len(modalities))
	}
	if err := checkRow(d, split, row); err != nil {
		return err
	}
	if m := modalities[modality]; len(dst) != m.Size() {
		return fmt.Errorf("data set %s: modality %s has %d elements a sample, the destination %d", d.Name(), m.Name, m.Size(), len(dst))
	}
	return nil
}

// checkLabel reports a split, row or destination that does not fit the labels of the data set.
func checkLabel(d Dataset, split Split, row, width int, dst []float32) error {
	if err := checkRow(d, split, row); err != nil {
		return err
	}
	if len(dst) != width {
		return fmt.Errorf("data set %s: a label has %d elements, the destination %d", d.Name(), width, len(dst))
	}
	return nil
}

// checkRow reports a split or row that does not exist.
func checkRow(d Dataset, split Split, row int) error {
	if split < Train || split > Test {
		return fmt.Errorf("data set %s: %s does not exist", d.Name(), split)
	}
	if row < 0 || row >= d.Len(split) {
		return fmt.Errorf("data set %s: row %d of the %s split does not exist, it has %d", d.Name(), row, split, d.Len(split))
	}
	return nil
}
