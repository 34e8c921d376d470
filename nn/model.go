package nn

// Model is what a [Trainer] trains: inputs to logits.
type Model interface {
	// Parameters are all parameters of the model.
	Parameters() *Parameters
	// Inputs are the model's inputs, with the shape of one sample.
	Inputs() []ModelInput
	// Classes is the number of logits per sample. MultiLabel says that each is a label of its own,
	// any number of which a sample may have.
	Classes() int
	MultiLabel() bool
	// Forward records the model on inputs in the order of Inputs, each with the batch as an additional first dimension,
	// and returns the prediction's logits (b, classes). Its loss, which may count more than the prediction, is recorded
	// where labels is not nil: (b) class indices, or (b, classes) for multi-label.
	Forward(g *Graph, inputs []*Value, labels *Value) (logits, loss *Value)
}

// ModelInput is one input of a model.
type ModelInput struct {
	Name  string
	Shape []int
}

// Samples are what a model is trained or evaluated on. Implementations are comparable (pointers, as a rule), safe for
// concurrent use, and do not allocate. A trainer may keep a copy on its device for as long as it lives.
type Samples interface {
	// Len is the number of samples.
	Len() int
	// Read writes one sample of one of the model's inputs to dst.
	Read(row, input int, dst []float32) error
	// Label writes a sample's label: one class index, or a 0 or 1 per class.
	Label(row int, dst []float32) error
}
