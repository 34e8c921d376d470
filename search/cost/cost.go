// Package cost says what a model costs: parameters, floating-point operations, memory, and the time of a prediction. All but
// the time follow from the model's programs, which need no device.
package cost

import (
	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// Batch is the number of rows that are predicted, or trained on, together where memory and time are given for several rows.
const Batch = 64

// Static is what a model costs on any machine.
type Static struct {
	// Parameters is the number of trained parameters.
	Parameters int
	// FLOPs is the number of floating-point operations of predicting one row.
	FLOPs int64
	// Memory is what predicting [Batch] rows needs, and TrainingMemory what a training step on as many rows needs, in bytes:
	// weights, constants and the values between operations; for a training step also gradients and the optimiser's moments.
	Memory, TrainingMemory int64
}

// Of returns the cost of a model. It compiles the model's programs and runs nothing.
func Of(spec mixer.Specification) (Static, error) {
	m, err := mixer.Build(spec)
	if err != nil {
		return Static{}, err
	}
	s := Static{Parameters: m.Parameters().Count()}
	recipe := nn.Recipe{Optimiser: "adam", Batch: Batch}
	one, err := nn.Program(m, recipe, nn.Evaluation, 1)
	if err != nil {
		return Static{}, err
	}
	s.FLOPs = one.Cost().FLOPs
	prediction, err := nn.Program(m, recipe, nn.Evaluation, Batch)
	if err != nil {
		return Static{}, err
	}
	for _, p := range m.Parameters().All() {
		s.Memory += bytes(p.Size())
	}
	s.Memory += working(prediction)
	step, err := nn.Program(m, recipe, nn.Training, Batch)
	if err != nil {
		return Static{}, err
	}
	s.TrainingMemory = bytes(m.Parameters().StateSize()) + working(step)
	return s, nil
}

// working returns the bytes of a program's constants and of the values between its operations.
func working(p *device.Program) int64 {
	n := bytes(p.ArenaSize)
	for _, b := range p.Buffers {
		n += bytes(len(b.Data))
	}
	return n
}

// bytes returns the bytes of a number of float32 elements.
func bytes(elements int) int64 { return 4 * int64(elements) }
