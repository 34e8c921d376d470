package devicetest

import (
	"fmt"

	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/nn/device"
	"mixmas/nn/device/devicetest/reference"
)

// TestBenchmarkedOperations checks that every kind of operation is timed, and that sizes are known for it.
func TestBenchmarkedOperations(t *testing.T) {
	kinds := map[string]bool{}
	for _, o := range benchmarkOperations(t) {
		op := o.program.Operations[o.index]
		if kinds[fmt.Sprintf("%T", op)] = true; device.Sizes(op) == "" {
			t.Errorf("the sizes of a %T are unknown", op)
		}
	}
	want := []string{"*device.Adam", "*device.Assemble", "*device.BCEWithLogits", "*device.BatchNorm",
		"*device.BatchNormGrad", "*device.Binary", "*device.ChannelMixing", "*device.ChannelMixingGrad", "*device.Col2Im",
		"*device.CrossEntropy", "*device.DepthwiseConv", "*device.DepthwiseConvGrad", "*device.Dropout",
		"*device.HyperMixing", "*device.HyperMixingGrad", "*device.Im2Col", "*device.LayerNorm", "*device.LayerNormGrad",
		"*device.Map", "*device.MapGrad", "*device.MatMul", "*device.MaxGrad", "*device.Monarch", "*device.MonarchGrad",
		"*device.Reduce", "*device.SGD", "*device.TokenMixing", "*device.TokenMixingGrad"}
	if diff := cmp.Diff(sorted(kinds), want); diff != "" {
		t.Error(diff)
	}
}

// TestLoadAlone runs operations that read labels, indices, state and constants on the reference.
func TestLoadAlone(t *testing.T) {
	for _, s := range []subject{losses(3, 4), rows(2, 3, 5)} {
		p, err := s.recorded(t, nil).Compile(s.name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Operations {
			l := loadAlone(t, reference.Device{}, p, i)
			l.run(t, 2)
			l.close(t)
		}
	}
}

func sorted(set map[string]bool) []string {
	var list []string
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
