package nn

// Model is trained by a [Trainer]. It maps inputs to logits.
type Model interface {
	// Parameters returns all parameters of the model.
	Parameters() *Parameters
	// Inputs returns the model's inputs, each with the shape of one sample.
	Inputs() []ModelInput
	// Classes returns the number of logits per sample. MultiLabel reports whether each is a separate label, of which a
	// sample may have any number.
	Classes() int
	MultiLabel() bool
	// Forward records the model on inputs in the order of Inputs, each with the batch as an additional first dimension, and
	// returns the prediction's logits (b, classes). If labels is not nil, it also records the loss, which may include more
	// than the prediction. Labels are (b) class indices, or (b, classes) for multi-label models and for [SoftLabels].
	Forward(g *Graph, inputs []*Value, labels *Value) (logits, loss *Value)
}

// ModelInput is one input of a model.
type ModelInput struct {
	Name  string
	Shape []int
}

// Samples are the data that a model is trained or evaluated on. Implementations are comparable (usually pointers), safe for
// concurrent use, and do not allocate. A trainer may keep a copy on its device for as long as it is open.
type Samples interface {
	// Len returns the number of samples.
	Len() int
	// Read writes one sample of one of the model's inputs to dst.
	Read(row, input int, dst []float32) error
	// Label writes a sample's label: one class index, or a 0 or 1 per class. For a model with soft labels it is a number per
	// class, see [SoftLabels].
	Label(row int, dst []float32) error
}

// EpochSamples are samples that differ from epoch to epoch, such as augmented ones. A trainer reads what varies anew for every step,
// through the memory of the host, and the rest as it reads other samples. Read and Label are what the samples are without the changes.
type EpochSamples interface {
	Samples
	// Varies reports whether an input differs from epoch to epoch, and VariesLabel whether the labels do.
	Varies(input int) bool
	VariesLabel() bool
	// ReadIn and LabelIn are Read and Label in an epoch, counted from 0. The same epoch and row give the same bits.
	ReadIn(epoch, row, input int, dst []float32) error
	LabelIn(epoch, row int, dst []float32) error
}

// SoftLabels returns the model for trainings on soft labels: a number of 0 or more per class instead of a class index, see
// [Graph.CrossEntropy]. A multi-label model stays as it is: its labels may be between 0 and 1 anyway.
func SoftLabels(m Model) Model {
	if m.MultiLabel() {
		return m
	}
	return softLabels{m}
}

type softLabels struct{ Model }

// labelShape is the shape of a batch of labels of a model.
func labelShape(m Model, batch int) []int {
	if _, soft := m.(softLabels); soft || m.MultiLabel() {
		return []int{batch, m.Classes()}
	}
	return []int{batch}
}
