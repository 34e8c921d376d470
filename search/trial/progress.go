package trial

import (
	"fmt"

	"mixmas/nn"
	"mixmas/search/store"
)

// progress is the progress of a training; checkpoints hold its JSON form. The other fields follow from the curve.
type progress struct {
	Key   string        `json:"key"`
	Curve []store.Epoch `json:"curve"` // one entry for each epoch done
	// Seconds is the duration of the training up to its last interruption.
	Seconds float64 `json:"seconds"`

	plateau *nn.Plateau
	// bestLoss is the lowest validation loss so far, reached after bestEpoch epochs with the weights best.
	bestLoss  float64
	bestEpoch int
	best      nn.Weights
}

// newProgress returns the progress of a training before its first epoch.
func newProgress(recipe Recipe) progress {
	var p progress
	if recipe.Plateau != nil {
		p.plateau = nn.NewPlateau(recipe.LearningRate, *recipe.Plateau)
	}
	return p
}

// rate returns the learning rate of the next epoch.
func (p *progress) rate(recipe Recipe) float64 {
	if p.plateau != nil {
		return p.plateau.Rate
	}
	return recipe.LearningRate
}

// add adds an epoch, and reports whether its validation loss is the best so far.
func (p *progress) add(recipe Recipe, e store.Epoch) (best bool) {
	p.Curve = append(p.Curve, e)
	if !recipe.watches() {
		return false
	}
	if p.plateau != nil {
		p.plateau.Observe(e.ValidationLoss)
	}
	if p.bestEpoch == 0 || e.ValidationLoss < p.bestLoss {
		p.bestLoss, p.bestEpoch = e.ValidationLoss, len(p.Curve)
		return true
	}
	return false
}

// ended reports whether the training is over: all epochs are done, or the recipe's early stopping has seen its number of
// epochs without improvement of the validation loss.
func (p *progress) ended(recipe Recipe) bool {
	patience := recipe.EarlyStopping
	return len(p.Curve) >= recipe.Epochs || patience > 0 && p.bestEpoch > 0 && len(p.Curve)-p.bestEpoch >= patience
}

// replay repeats the epochs of a progress that was read from a file. It returns an error if the recipe cannot lead to them.
func (p *progress) replay(recipe Recipe) (progress, error) {
	q := newProgress(recipe)
	q.Key, q.Seconds = p.Key, p.Seconds
	if len(p.Curve) == 0 || p.Seconds < 0 {
		return q, fmt.Errorf("it has %d epochs in %v seconds, which is impossible", len(p.Curve), p.Seconds)
	}
	for i, e := range p.Curve {
		switch rate := q.rate(recipe); {
		case q.ended(recipe):
			return q, fmt.Errorf("it has %d epochs, but the training ends after %d", len(p.Curve), i)
		case e.LearningRate != rate:
			return q, fmt.Errorf("epoch %d has the learning rate %v, want %v", i+1, e.LearningRate, rate)
		case e.Seconds < 0 || !recipe.watches() && e.ValidationLoss != 0:
			return q, fmt.Errorf("epoch %d took %v seconds and has the validation loss %v, which is impossible", i+1, e.Seconds, e.ValidationLoss)
		}
		q.add(recipe, e)
	}
	return q, nil
}
