package trial

import (
	"errors"
	"fmt"
	"math"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

// Balanced is the value of [Recipe.ClassWeights] for classes that all count the same.
const Balanced = "balanced"

// heaviest is the largest weight of a class, so that a class of a few rows does not make a training diverge; the least is its
// inverse.
const heaviest = 100

// targets are training samples with what the model learns instead of their labels: soft labels, see [nn.SoftLabels].
type targets struct {
	nn.Samples
	labels *dataset.Samples
	kind   task.Kind
	// weights multiply the targets of the rows of a class; nil for none. Those of several labels per row are the model's
	// PosWeight instead.
	weights   []float32
	smoothing float32
	// soft holds another model's probabilities of all rows of the training split (rows × classes); nil for none. share is
	// their part of the target.
	soft  []float32
	share float32
}

// learns returns whether a job learns from anything but the labels as they are: mixup needs a number per class.
func (j Job) learns() bool {
	r := j.Specification.Recipe
	return r.ClassWeights != "" || r.LabelSmoothing > 0 || r.Mixup > 0 || j.Soft != nil
}

// targets returns the targets of a job's training samples, and the model that learns from them.
func (l *Local) targets(job Job, samples nn.Samples) (nn.Samples, mixer.Specification, error) {
	labels, err := dataset.Select(l.Data, dataset.Train, job.Train, nil)
	if err != nil {
		return nil, job.Specification.Model, err
	}
	return newTargets(l.Data, job, samples, labels, l.Files)
}

// newTargets returns the targets of a job whose samples have the given labels, and the model that learns from them: that of the
// specification, with other weights of positive labels if the recipe balances several labels per row.
func newTargets(data dataset.Dataset, job Job, samples nn.Samples, labels *dataset.Samples, files Source) (*targets, mixer.Specification, error) {
	spec, kind, classes := job.Specification, data.Task().Kind, len(data.Task().Classes)
	t := &targets{Samples: samples, labels: labels, kind: kind, smoothing: float32(spec.Recipe.LabelSmoothing)}
	model := spec.Model
	if spec.Recipe.ClassWeights == Balanced {
		counts, err := countClasses(labels, kind, classes)
		if err != nil {
			return nil, model, err
		}
		switch kind {
		case task.OneLabel:
			t.weights = rowWeights(counts, labels.Len())
		case task.MultiLabel:
			model.PosWeight = positiveWeights(counts, labels.Len())
		default:
			return nil, model, kind.Unknown()
		}
	}
	if job.Soft != nil {
		file, err := files.Outputs(*job.Soft)
		if err == nil {
			t.soft, err = probabilities(file, data)
		}
		if err != nil {
			return nil, model, fmt.Errorf("soft labels of %s: %w", job.Soft.Name, err)
		}
		t.share = float32(spec.Soft.Weight)
	}
	return t, model, nil
}

// countClasses returns the number of rows that have each class.
func countClasses(labels *dataset.Samples, kind task.Kind, classes int) ([]int, error) {
	counts, label := make([]int, classes), make([]float32, task.Width(kind, classes))
	for row := range labels.Len() {
		if err := labels.Label(row, label); err != nil {
			return nil, fmt.Errorf("%w: %w", nn.ErrSamples, err)
		}
		task.Count(kind, counts, label)
	}
	return counts, nil
}

// rowWeights returns the weight of the rows of each class: N/(K·n) for n of N rows and K classes that have rows, so that it is 1
// in the mean over the rows.
func rowWeights(counts []int, rows int) []float32 {
	present := 0
	for _, n := range counts {
		if n > 0 {
			present++
		}
	}
	weights := make([]float32, len(counts))
	for class, n := range counts {
		weights[class] = bounded(float64(rows), float64(present)*float64(n))
	}
	return weights
}

// positiveWeights returns (N-n)/n for each class that n of N rows have.
func positiveWeights(counts []int, rows int) []float32 {
	weights := make([]float32, len(counts))
	for class, n := range counts {
		weights[class] = bounded(float64(rows-n), float64(n))
	}
	return weights
}

// bounded is a/b, neither above the heaviest weight nor below its inverse; 1 if there is nothing to weigh.
func bounded(a, b float64) float32 {
	if a == 0 || b == 0 {
		return 1
	}
	return float32(min(max(a/b, 1.0/heaviest), heaviest))
}

// probabilities reads a file of outputs of all rows of the training split.
func probabilities(file []byte, data dataset.Dataset) ([]float32, error) {
	tensors, metadata, err := safetensors.Parse(file)
	if err != nil {
		return nil, err
	}
	rows, classes := data.Len(dataset.Train), len(data.Task().Classes)
	logits, ok := tensors["logits"]
	switch {
	case !ok:
		return nil, errors.New("the file has no logits")
	case len(logits.Shape) != 2 || logits.Shape[0] != rows || logits.Shape[1] != classes:
		return nil, fmt.Errorf("the file has logits of shape %v, want %d rows of the training split × %d classes", logits.Shape, rows, classes)
	case metadata["data"] != data.Fingerprint():
		return nil, fmt.Errorf("they are of data with fingerprint %.12s, but these data have %.12s", metadata["data"], data.Fingerprint())
	}
	for row := range rows {
		z := logits.Data[row*classes:][:classes]
		for _, v := range z {
			if v-v != 0 { // infinite or NaN
				return nil, fmt.Errorf("row %d has the logit %v", row, v)
			}
		}
		switch kind := data.Task().Kind; kind {
		case task.OneLabel:
			softmax(z)
		case task.MultiLabel:
			for i, v := range z {
				z[i] = float32(1 / (1 + math.Exp(-float64(v))))
			}
		default:
			return nil, kind.Unknown()
		}
	}
	return logits.Data, nil
}

// softmax replaces a row of logits with its probabilities.
func softmax(z []float32) {
	largest, sum := math.Inf(-1), 0.0
	for _, v := range z {
		largest = max(largest, float64(v))
	}
	for _, v := range z {
		sum += math.Exp(float64(v) - largest)
	}
	for i, v := range z {
		z[i] = float32(math.Exp(float64(v)-largest) / sum)
	}
}

// Label implements [nn.Samples]: a number per class.
func (t *targets) Label(row int, dst []float32) error {
	width := task.Width(t.kind, len(dst))
	if err := t.labels.Label(row, dst[:width]); err != nil {
		return err
	}
	spread := (1 - t.share) * t.smoothing // the part that all classes share, and that of the label
	hard, weight, sharers := 1-t.share-spread, float32(1), len(dst)
	switch t.kind {
	case task.OneLabel:
		class := int(dst[0])
		if t.weights != nil {
			weight = t.weights[class]
		}
		clear(dst)
		dst[class] = 1
	case task.MultiLabel:
		sharers = 2 // having the label, and not
	default:
		return t.kind.Unknown()
	}
	for i := range dst {
		dst[i] = weight * (hard*dst[i] + spread/float32(sharers))
	}
	if t.soft != nil {
		_, at := t.labels.Row(row)
		for i, p := range t.soft[at*len(dst):][:len(dst)] {
			dst[i] += weight * t.share * p
		}
	}
	return nil
}
