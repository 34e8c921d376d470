package study

import (
	"archive/zip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"mixmas/search/dataset/npy"
)

// Record is a training that is to be recorded.
type Record struct {
	Details
	// Validation are the predicted classes of the validation rows after each epoch, and Test those of the test rows after the last.
	Validation [][]uint16
	Test       []uint16
}

// Details are what a file says of a training.
type Details struct {
	Description
	Parameters int     `json:"params"`
	Seconds    float64 `json:"seconds"`
	// Recipe is the training recipe, for people.
	Recipe any `json:"recipe"`
	// TrainLoss and ValidationLoss are by epoch.
	TrainLoss      []float64 `json:"train_loss"`
	ValidationLoss []float64 `json:"val_loss,omitempty"`
}

// Write writes recorded trainings as an npz file, with the labels of the validation and test rows. The same records give the same
// bytes.
func Write(w io.Writer, records []Record, validation, test []uint16) error {
	epochs, most := 0, uint16(0)
	for i, r := range records {
		for _, rows := range append(slices.Clone(r.Validation), r.Test) {
			most = max(most, slices.Max(append(slices.Clone(rows), 0)))
		}
		epochs = max(epochs, len(r.Validation))
		if len(r.Validation) == 0 || len(r.Test) != len(test) || slices.ContainsFunc(r.Validation, func(rows []uint16) bool { return len(rows) != len(validation) }) {
			return fmt.Errorf("record %d, %s: its predictions are not for %d validation and %d test rows", i, r.Candidate, len(validation), len(test))
		}
	}
	kind, padding := npy.Uint8, uint16(math.MaxUint8)
	if most >= padding {
		kind, padding = npy.Uint16, math.MaxUint16
	}
	if most == math.MaxUint16 {
		return fmt.Errorf("more than %d classes cannot be recorded", math.MaxUint16)
	}
	z := &writer{zip.NewWriter(w)}
	empty := slices.Repeat([]uint16{padding}, len(validation))
	steps := []func() error{
		func() error {
			return z.array(validationPredictions, kind, []int{len(records), epochs, len(validation)}, func(add func([]uint16) error) error {
				for _, r := range records {
					for epoch := range epochs {
						rows := empty
						if epoch < len(r.Validation) {
							rows = r.Validation[epoch]
						}
						if err := add(rows); err != nil {
							return err
						}
					}
				}
				return nil
			})
		},
		func() error {
			return z.array(testPredictions, kind, []int{len(records), len(test)}, func(add func([]uint16) error) error {
				for _, r := range records {
					if err := add(r.Test); err != nil {
						return err
					}
				}
				return nil
			})
		},
		func() error { return z.list(validationLabels, validation) },
		func() error { return z.list(testLabels, test) },
		func() error { return z.details(records) },
		z.Close,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// writer writes the arrays of an npz file.
type writer struct{ *zip.Writer }

// array writes an array of u1 or u2, of what fill adds.
func (z *writer) array(name string, kind npy.Type, shape []int, fill func(add func([]uint16) error) error) error {
	w, err := z.create(name, npy.Header{Type: kind, Shape: shape})
	if err != nil {
		return err
	}
	var raw []byte
	return fill(func(values []uint16) error {
		raw = raw[:0]
		for _, v := range values {
			if kind.Size == 1 {
				raw = append(raw, byte(v))
			} else {
				raw = binary.LittleEndian.AppendUint16(raw, v)
			}
		}
		_, err := w.Write(raw)
		return err
	})
}

func (z *writer) list(name string, values []uint16) error {
	return z.array(name, npy.Uint16, []int{len(values)}, func(add func([]uint16) error) error { return add(values) })
}

// details writes what was trained, as one text.
func (z *writer) details(records []Record) error {
	list := make([]Details, len(records))
	for i, r := range records {
		list[i] = r.Details
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	w, err := z.create(descriptions, npy.Header{Type: npy.Type{Kind: 'U', Size: 4 * utf8.RuneCount(text)}})
	if err != nil {
		return err
	}
	raw := make([]byte, 0, 4*len(text))
	for _, r := range string(text) {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(r))
	}
	_, err = w.Write(raw)
	return err
}

func (z *writer) create(name string, h npy.Header) (io.Writer, error) {
	header, err := npy.AppendHeader(nil, h)
	if err != nil {
		return nil, err
	}
	w, err := z.Create(name + ".npy")
	if err != nil {
		return nil, err
	}
	_, err = w.Write(header)
	return w, err
}
