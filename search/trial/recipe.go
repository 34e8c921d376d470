package trial

import "mixmas/nn"

// Recipe describes how a trial trains. Dropout is part of the model.
type Recipe struct {
	nn.Recipe
	// Plateau reduces the learning rate, and EarlyStopping ends the training and keeps the best weights, both by the loss on
	// the validation rows. Without either, a trial keeps the weights of its last epoch.
	Plateau       *nn.Reduction `json:"plateau,omitempty"`
	EarlyStopping int           `json:"early_stopping,omitempty"`
}

// watches reports whether the recipe needs the validation loss after every epoch.
func (r Recipe) watches() bool { return r.Plateau != nil || r.EarlyStopping > 0 }
