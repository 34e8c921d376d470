package torch

import (
	"context"
	"fmt"
	"io"

	"mixmas/nn/device"
	"mixmas/search/model"
)

// Options choose what is written beside the model.
type Options struct {
	// File is the name of the Python file, for its first lines.
	File string
	// Weights is the path of the model file with slashes, absolute or from the folder of the Python file.
	Weights string
	// Device computes the logits of made-up rows, with which the file tests itself.
	Device device.Device
	// Producer is the program and its version, for the file's first lines.
	Producer string
}

// Write writes a model as a Python file: a PyTorch module that loads the model's own file and gives the same logits. The same model
// gives the same bytes, but for the last digits of these logits on another device. The error names an architecture or fusion
// function that has no PyTorch form, see [Register].
func Write(ctx context.Context, w io.Writer, m *model.Model, o Options) error {
	text, err := write(ctx, m, o)
	if err != nil {
		return fmt.Errorf("export to PyTorch: %w", err)
	}
	_, err = io.WriteString(w, text)
	return err
}

func write(ctx context.Context, m *model.Model, o Options) (string, error) {
	f := file{Model: m, Options: o}
	for _, spec := range specifications(m) {
		member, err := newMember(spec)
		if err != nil {
			return "", err
		}
		f.members = append(f.members, member)
	}
	f.holds = f.conditions()
	network, err := f.network()
	if err != nil {
		return "", err
	}
	expected, err := logits(ctx, o.Device, m)
	if err != nil {
		return "", err
	}
	return f.text(network, expected), nil
}
