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
	// than the prediction. Labels are (b) class indices, or (b, classes) for multi-label models.
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
	// Label writes a sample's label: one class index, or a 0 or 1 per class.
	Label(row int, dst []float32) error
}
