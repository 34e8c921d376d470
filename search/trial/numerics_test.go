package trial_test

import (
	"testing"

	"mixmas/nn/cpu"
	"mixmas/nn/cpu/simd"
	"mixmas/nn/devicetest"
	"mixmas/search/trial"
)

// digests of the weights after a few steps of a model that has every kind of operation, by numerics, at the current
// NumericsRevision. When a change of the kernels or of the recorder moves them, raise the revision and set them anew:
// otherwise kept scores would pass for what this program would compute. Those of CUDA kernels are pinned in mixmas/cgo.
var digests = struct {
	revision int
	weights  map[string]string
}{4, map[string]string{
	"cpu/amd64/avx2":     "9e8c0c8e982a9779e461ec06ccb9608f2f503f1f41da8a4f90ae8ab97a0df067",
	"cpu/amd64/portable": "85fb55f9b4167f2132b4bb65378260f44a06d40263a2c14a70086631701911fd",
}}

func TestTrainedBitsMoveOnlyWithTheRevision(t *testing.T) {
	if digests.revision != trial.NumericsRevision {
		t.Fatalf("the digests are those of revision %d, the program has %d", digests.revision, trial.NumericsRevision)
	}
	for _, kernels := range simd.Sets() {
		d := cpu.New(cpu.Options{Workers: 2, Kernels: kernels})
		t.Run(kernels.Name, func(t *testing.T) {
			want, pinned := digests.weights[d.Numerics()]
			if got := devicetest.TrainedDigest(t, d); pinned && got != want {
				t.Errorf("the trained weights have digest %s, pinned is %s", got, want)
			}
		})
	}
}
