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
	// bestEpoch is the best epoch so far, counted from 1, and best are the weights after it; 0 if the recipe watches nothing.
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

// add adds an epoch, and reports whether it is the best so far.
func (p *progress) add(recipe Recipe, e store.Epoch) (best bool) {
	p.Curve = append(p.Curve, e)
	if !recipe.Watches() {
		return false
	}
	best = p.bestEpoch == 0 || recipe.better(e, p.Curve[p.bestEpoch-1])
	switch {
	case p.plateau == nil:
	case recipe.Select == "":
		p.plateau.Observe(e.ValidationLoss)
	default:
		p.plateau.Count(best)
	}
	if best {
		p.bestEpoch = len(p.Curve)
	}
	return best
}

// ended reports whether the training is over: all epochs are done, or the recipe's early stopping has seen its number of
// epochs without a better one.
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
		case recipe.Select == "" && e.ValidationMetric != nil:
			return q, fmt.Errorf("epoch %d has the validation metric %v, but the loss selects the best epoch", i+1, *e.ValidationMetric)
		case e.Seconds < 0 || !recipe.Watches() && e.ValidationLoss != 0:
			return q, fmt.Errorf("epoch %d took %v seconds and has the validation loss %v, which is impossible", i+1, e.Seconds, e.ValidationLoss)
		}
		q.add(recipe, e)
	}
	return q, nil
}
