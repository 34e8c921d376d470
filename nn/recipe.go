package nn

// Recipe describes how a model is trained. It is part of configurations and of the keys of trials.
type Recipe struct {
	Optimiser    string  `yaml:"optimiser" json:"optimiser" jsonschema:"enum=adam,enum=adamw,enum=sgd" doc:"adam | adamw | sgd"`
	LearningRate float64 `yaml:"learning_rate" json:"learning_rate" jsonschema:"exclusiveMinimum=0" doc:"Learning rate."`
	WeightDecay  float64 `yaml:"weight_decay" json:"weight_decay" jsonschema:"minimum=0" doc:"Weight decay: added to the gradient by adam and sgd, decoupled in adamw."`
	Momentum     float64 `yaml:"momentum" json:"momentum" jsonschema:"minimum=0,exclusiveMaximum=1" doc:"Momentum of sgd; adam and adamw have none."`
	// Batch is the number of samples per step; the last batch of an epoch may be shorter.
	Batch  int `yaml:"batch" json:"batch" jsonschema:"minimum=1" doc:"Samples per step."`
	Epochs int `yaml:"epochs" json:"epochs" jsonschema:"minimum=1" doc:"Passes over the samples."`
}

// update returns the optimiser that the recipe describes.
func (r Recipe) update() Optimiser {
	return Optimiser{Name: r.Optimiser, WeightDecay: r.WeightDecay, Momentum: r.Momentum}
}

// Reduction describes when a learning rate is reduced, and by how much: see [Plateau].
type Reduction struct {
	Factor   float64 `yaml:"factor" json:"factor" jsonschema:"exclusiveMinimum=0,maximum=1" doc:"The learning rate is multiplied by this factor. 1: never reduced."`
	Patience int     `yaml:"patience" json:"patience" jsonschema:"minimum=0" doc:"The learning rate is reduced after more than this many epochs without a better one."`
}
