package torch

import (
	"context"
	"errors"
	"io"

	"mixmas/nn/device"
	"mixmas/search/model"
)

// Options choose what is written beside the model.
type Options struct {
	// Weights is the path of the model file, as the Python file names it: beside itself if it is only a name.
	Weights string
	// Device computes the logits of made-up rows, with which the file tests itself.
	Device device.Device
	// Producer is the program and its version, for the file's first lines.
	Producer string
}

// Write writes a model as a Python file: a PyTorch module that loads the model's own file and gives the same logits. The same model
// gives the same bytes, but for the last digits of the logits on another device. The error names an architecture or fusion function
// that has no PyTorch form, see [Register].
func Write(ctx context.Context, w io.Writer, m *model.Model, o Options) error {
	return errors.New("not written yet")
}
