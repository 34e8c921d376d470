package trial

// Recipe is how a trial trains. Dropout is part of the model.
type Recipe struct {
	Optimiser    string  `json:"optimiser"`
	LearningRate float64 `json:"learning_rate"`
	WeightDecay  float64 `json:"weight_decay"`
	Momentum     float64 `json:"momentum"`
	Batch        int     `json:"batch"`
	Epochs       int     `json:"epochs"`
	// Plateau reduces the learning rate, and EarlyStopping ends the training and keeps the best weights, by the loss on
	// the validation rows. Without either a trial keeps the weights of its last epoch.
	Plateau       *Plateau `json:"plateau,omitempty"`
	EarlyStopping int      `json:"early_stopping,omitempty"`
}

// Plateau is the reduction of the learning rate after more than Patience epochs without improvement of the validation loss.
type Plateau struct {
	Factor   float64 `json:"factor"`
	Patience int     `json:"patience"`
}

// watches reports whether the recipe looks at the validation loss after every epoch.
func (r Recipe) watches() bool { return r.Plateau != nil || r.EarlyStopping > 0 }
