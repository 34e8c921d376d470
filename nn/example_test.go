package nn_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/device"
)

// corner is a model of two numbers: which of four quadrants do they lie in?
type corner struct {
	parameters   *nn.Parameters
	hidden, head *nn.Linear
}

func newCorner() *corner {
	s := nn.NewScope()
	return &corner{s.Parameters(), nn.NewLinear(s.In("hidden"), 2, 16), nn.NewLinear(s.In("head"), 16, 4)}
}

func (c *corner) Parameters() *nn.Parameters { return c.parameters }
func (c *corner) Inputs() []nn.ModelInput    { return []nn.ModelInput{{Name: "point", Shape: []int{2}}} }
func (c *corner) Classes() int               { return 4 }
func (c *corner) MultiLabel() bool           { return false }
func (c *corner) Forward(g *nn.Graph, inputs []*nn.Value, labels *nn.Value) (logits, loss *nn.Value) {
	logits = c.head.Forward(g, c.hidden.ForwardWith(g, inputs[0], device.GELU, nil))
	if labels != nil {
		loss = g.CrossEntropy(logits, labels)
	}
	return logits, loss
}

// points are the middles of an even grid of cells.
type points struct{}

func (points) Len() int { return 64 }
func (points) Read(row, _ int, dst []float32) error {
	dst[0], dst[1] = float32(row%8)-3.5, float32(row/8)-3.5
	return nil
}
func (points) Label(row int, dst []float32) error {
	dst[0] = float32(row%8/4 + 2*(row/8/4))
	return nil
}

// A model records itself once; training replays the record.
func Example() {
	model := newCorner()
	trainer, err := nn.NewTrainer(cpu.New(cpu.Options{}), model, nn.Recipe{Batch: 16, Optimiser: "adam"}, 1)
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Load(model.Parameters().Initialise(1)); err != nil {
		log.Fatal(err)
	}
	for epoch := range 40 {
		if _, err := trainer.Epoch(context.Background(), points{}, epoch, 0.02, nil); err != nil {
			log.Fatal(err)
		}
	}
	logits, err := trainer.Predict(context.Background(), points{})
	if err != nil {
		log.Fatal(err)
	}
	right := 0
	for row := range 64 {
		var label [1]float32
		_ = points{}.Label(row, label[:])
		if z := logits[4*row:][:4]; slices.Index(z, slices.Max(z)) == int(label[0]) {
			right++
		}
	}
	fmt.Printf("%d parameters, %d of 64 points right\n", model.Parameters().Count(), right)
	// Output: 116 parameters, 64 of 64 points right
}
