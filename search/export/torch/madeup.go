package torch

import (
	"context"
	"errors"
	"math"

	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/model"
	"mixmas/search/task"
)

// madeUp is a data set of rows that look random, for the self-test of an exported file: python/self_test.py makes the same. Its rows
// are those of the test split.
type madeUp struct {
	m          *model.Model
	modalities []dataset.Modality
	rows       int
}

// logits computes the logits of made-up rows: three, or one if the model has many classes.
func logits(ctx context.Context, d device.Device, m *model.Model) ([][]float32, error) {
	rows := 3
	if len(m.Classes) > 100 {
		rows = 1
	}
	data := newMadeUp(m, rows)
	all, err := m.Predict(ctx, d, data, dataset.Test)
	if err != nil {
		return nil, err
	}
	var list [][]float32
	for row := range rows {
		list = append(list, all[row*len(m.Classes):][:len(m.Classes)])
	}
	return list, nil
}

func newMadeUp(m *model.Model, rows int) *madeUp {
	data := &madeUp{m: m, rows: rows}
	for _, reads := range m.Modalities() {
		data.modalities = append(data.modalities, dataset.Modality{Name: reads.Name, Kind: reads.Kind, Shape: reads.Shape, Masked: reads.Masked,
			Vocabulary: reads.Vocabulary, Vectors: reads.Vectors})
	}
	return data
}

// real is the number of real steps of a row: all, half of them or none.
func (d *madeUp) real(modality, row int) int {
	return d.modalities[modality].Steps() * (2 - (row+modality)%3) / 2
}

// Read implements [dataset.Dataset].
func (d *madeUp) Read(_ dataset.Split, modality, row int, dst []float32) error {
	m := d.modalities[modality]
	s := d.m.Preprocessing[m.Name]
	size := m.Size()
	real := size
	if m.Masked {
		real = d.real(modality, row) * (size / m.Steps())
	}
	for i := range dst {
		x := uint64(row*size+i) + 1_000_003*uint64(modality)
		x = x * 2_654_435_761 & 0xFFFFFFFF
		x = (x ^ x>>15) * 2_246_822_519 & 0xFFFFFFFF
		x ^= x >> 13
		switch {
		case m.Kind == mixer.Text:
			dst[i] = float32(x % uint64(m.Vocabulary))
		case s.Missing && (row*size+i)%7 == 3:
			dst[i] = float32(math.NaN())
		default:
			mean, deviation := 0.0, 1.0
			if s.Per != dataset.None {
				k := 0 // the place of the element's mean
				switch {
				case s.Per == dataset.PerModality:
				case m.Kind == mixer.Map:
					k = i / (size / m.Shape[0])
				default:
					k = i % len(s.Mean)
				}
				mean, deviation = s.Mean[k], s.Deviation[k]
			}
			dst[i] = float32(float64((float64(x)/(1<<30)-2)*deviation) + mean)
		}
	}
	s.Scaling(m).Apply(0, dst)
	for i, x := range dst {
		if i >= real || x != x {
			dst[i] = 0
		}
	}
	return nil
}

// Mask implements [dataset.Dataset].
func (d *madeUp) Mask(split dataset.Split, modality, row int, dst []float32) error {
	if d.modalities[modality].Kind == mixer.Text {
		err := d.Read(split, modality, row, dst)
		for i, id := range dst {
			dst[i] = min(id, 1)
		}
		return err
	}
	for i := range dst {
		dst[i] = 0
		if i < d.real(modality, row) {
			dst[i] = 1
		}
	}
	return nil
}

// Label implements [dataset.Dataset].
func (d *madeUp) Label(dataset.Split, int, []float32) error {
	return errors.New("made-up rows have no labels")
}

// Len implements [dataset.Dataset].
func (d *madeUp) Len(s dataset.Split) int {
	if s == dataset.Test {
		return d.rows
	}
	return 0
}

// Task implements [dataset.Dataset].
func (d *madeUp) Task() task.Task { return task.Task{Kind: d.m.Kind(), Classes: d.m.Classes} }

// Preprocessing implements [dataset.Dataset].
func (d *madeUp) Preprocessing() map[string]dataset.Standardisation { return d.m.Preprocessing }

func (d *madeUp) Name() string                    { return "made up" }
func (d *madeUp) Modalities() []dataset.Modality  { return d.modalities }
func (d *madeUp) Fingerprint() string             { return "" }
func (d *madeUp) Unchanged(context.Context) error { return nil }
func (d *madeUp) Warnings() []string              { return nil }
func (d *madeUp) Close() error                    { return nil }
