package torch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

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

// imported are the modules that files import, and those that PyTorch imports by their plain names most often.
var imported = []string{"torch", "numpy", "json", "math", "sys", "dataclasses", "pathlib", "os", "types", "typing", "random", "copy", "inspect"}

// importable is the form of names that Python imports, except its keywords.
var (
	importable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	keywords   = strings.Fields("False None True and as assert async await break class continue def del elif else except finally for from global if import " +
		"in is lambda nonlocal not or pass raise return try while with yield")
)

// checkName returns an error for the name of a file that Python cannot import, or should not.
func checkName(file string) error {
	name := strings.TrimSuffix(file, ".py")
	switch {
	case slices.Contains(imported, name):
		return fmt.Errorf("a file of this name would hide Python's module %s, which it needs: choose another name", name)
	case !importable.MatchString(name) || slices.Contains(keywords, name):
		return errors.New("a file of this name cannot be imported by Python: choose letters, digits and _, as in model.py")
	}
	return nil
}

func write(ctx context.Context, m *model.Model, o Options) (string, error) {
	if err := checkName(o.File); err != nil {
		return "", err
	}
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
