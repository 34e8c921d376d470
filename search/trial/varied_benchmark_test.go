package trial

import (
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/augment"
	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
	"mixmas/search/task"
)

// constants are data of one modality without work to read it.
type constants struct {
	datasettest.Numbers
	modality dataset.Modality
}

func (c constants) Modalities() []dataset.Modality { return []dataset.Modality{c.modality} }
func (constants) Task() task.Task                  { return task.Task{Classes: []string{"a", "b"}} }
func (constants) Len(s dataset.Split) int          { return [...]int{256, 2, 0}[s] }

func (constants) Read(_ dataset.Split, _, row int, dst []float32) error {
	for i := range dst {
		dst[i] = float32((i+row)%7) - 3
	}
	return nil
}

func (constants) Label(_ dataset.Split, row int, dst []float32) error {
	dst[0] = float32(row % 2)
	return nil
}

// An epoch of 256 rows with a small convolutional network, with and without augmentation.
func BenchmarkVariedEpoch(b *testing.B) {
	for _, c := range []struct {
		name     string
		modality dataset.Modality
		encoder  string
		list     []augment.Choice
	}{
		{"picture", dataset.Modality{Name: "x", Kind: mixer.Map, Shape: []int{3, 32, 32}}, `{"architecture": "residual_cnn", "options": {"width": 16, "stages": 2, "blocks": 1, "kernel": 3}}`,
			[]augment.Choice{{Augmentation: "shift"}, {Augmentation: "flip"}, {Augmentation: "crop"}, {Augmentation: "cutout"}}},
		{"series", dataset.Modality{Name: "x", Kind: mixer.Sequence, Shape: []int{128, 6}}, `{"architecture": "dilated_cnn", "options": {"width": 16, "depth": 3, "kernel": 3}}`,
			[]augment.Choice{{Augmentation: "shift"}, {Augmentation: "noise"}, {Augmentation: "time_mask"}, {Augmentation: "frequency_mask"}}},
	} {
		for name, list := range map[string][]augment.Choice{"still": nil, "augmented": c.list} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				l := &Local{Device: cpu.New(cpu.Options{Workers: 1}), Data: constants{modality: c.modality}}
				spec := On(l.Data, nil, nil)
				spec.Numerics, spec.Seed = l.Device.Numerics(), 1
				spec.Recipe = Recipe{Recipe: nn.Recipe{Optimiser: "adam", LearningRate: 0.001, Batch: 32, Epochs: b.N}, Augment: map[string][]augment.Choice{"x": list}}
				spec.Model = mixer.Specification{Classes: 2, Modalities: []mixer.Modality{{Name: "x", Kind: c.modality.Kind, Shape: c.modality.Shape, Encoder: choice(b, c.encoder)}}}
				job := Job{Name: "test/constants", Label: "constants", Specification: spec}
				job.Settle()
				if _, err := l.Run(b.Context(), job, &steps{}); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
