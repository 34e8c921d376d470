package defaults

import (
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/sample"
	"mixmas/search/task"
)

// manyRows is the number of validation rows from which as many as the formula gives score candidates.
const manyRows = 10_000

// training sets the recipes of the short and the full training, and the validation rows.
func (set *setter) training(data dataset.Dataset) error {
	c := set.config
	rows := data.Len(dataset.Train)
	if data.Len(dataset.Validation) > manyRows {
		set.word("sample.validation", &c.Sample.Validation, "formula")
	}
	sampled := rows
	if rows > 0 {
		size, err := sample.Size(c.Sample.Of(rows, dataset.TotalRows(data)), c.Sample.Options)
		if err != nil {
			return err
		}
		sampled = min(size, rows)
	}
	short, full := &c.Search.Training, &c.Train.Training
	set.whole("search.training.batch", &short.Batch, batch(sampled))
	shortEpochs := epochs(config.EnoughUpdates, sampled, short.Batch)
	if updates := c.Search.Updates; updates > 0 {
		shortEpochs = config.EpochsFor(updates, sampled, short.Batch)
	}
	set.whole("search.training.epochs", &short.Epochs, shortEpochs)
	set.recipe("search.training", short, rate, 0, 0)

	set.whole("train.training.batch", &full.Batch, batch(rows))
	set.whole("train.training.epochs", &full.Epochs, min(max(epochs(fullUpdates, rows, full.Batch), fewestEpochs), mostEpochs))
	dropout := fullDropout
	if data.Task().Kind == task.MultiLabel {
		dropout = 0
	}
	set.recipe("train.training", full, rate, fullDecay, dropout)
	set.word("train.select", &c.Train.Select, "metric") // by the loss, a full training ends below the search's where labels are rare
	patience := max(leastPatience, epochs(patienceUpdates, rows, full.Batch))
	set.whole("train.plateau.patience", &c.Train.Plateau.Patience, patience)
	set.number("train.plateau.factor", &c.Train.Plateau.Factor, reduction)
	set.whole("train.early_stopping", &c.Train.EarlyStopping, stopAfter*patience)
	return nil
}

// rate is the learning rate, of adam in short trainings and of adamw in full ones.
const rate = 0.003

// Updates of the full training, at most, within limits of its epochs, and those without improvement after which its learning
// rate is reduced, in epochs of at least leastPatience. It stops after a multiple of them.
const (
	fullUpdates, fewestEpochs, mostEpochs     = 10_000, 20, 500
	patienceUpdates, leastPatience, stopAfter = 150, 3, 3
	reduction                                 = 0.3
)

// Regularisation of the full training. A short one has none. Dropout lowers the outputs for rare labels, which costs F1 where a
// row may have several labels.
const fullDecay, fullDropout = 0.01, 0.2

// batch returns the rows per step for a number of training rows.
func batch(rows int) int {
	switch {
	case rows < 500:
		return 16
	case rows < 5_000:
		return 32
	}
	return 64
}

// epochs returns the epochs that make a number of updates.
func epochs(updates, rows, batch int) int {
	steps := max((rows+batch-1)/batch, 1)
	return (updates + steps - 1) / steps
}

// setter sets fields that the file does not, and notes them.
type setter struct {
	config *config.Config
	filled []string
}

func (s *setter) word(field string, to *string, value string)     { fill(s, field, to, value) }
func (s *setter) whole(field string, to *int, value int)          { fill(s, field, to, value) }
func (s *setter) number(field string, to *float64, value float64) { fill(s, field, to, value) }

func fill[T any](s *setter, field string, to *T, value T) {
	if !s.config.Sets(field) {
		*to = value
		s.filled = append(s.filled, field)
	}
}

// recipe sets the optimiser with its learning rate and weight decay, and the dropout. If the file names the optimiser, the two
// keep their usual defaults: they belong to another.
func (s *setter) recipe(field string, t *config.Training, rate, decay, dropout float64) {
	s.number(field+".dropout", &t.Dropout, dropout)
	if s.config.Sets(field + ".optimiser") {
		return
	}
	s.number(field+".learning_rate", &t.LearningRate, rate)
	if t.Momentum == 0 && decay > 0 && !s.config.Sets(field+".weight_decay") {
		s.word(field+".optimiser", &t.Optimiser, "adamw")
		s.number(field+".weight_decay", &t.WeightDecay, decay)
	}
}
