package onnx

import (
	"errors"
	"io"

	"mixmas/search/model"
)

// Options choose what is written beside the model.
type Options struct {
	// Producer is the version of the program, for the file's producer_version.
	Producer string
}

// Write writes a model as an ONNX file (opset 17, IR version 8): from raw inputs to logits, probabilities and labels, with a
// batch of any size. docs/export.md describes its inputs, outputs and metadata. The same model gives the same bytes. The error
// names an operation that has no translation, or what is too large for a file of this kind.
func Write(w io.Writer, m *model.Model, o Options) error {
	return errors.New("not written yet")
}
