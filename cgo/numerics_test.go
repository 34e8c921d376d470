//go:build cuda && cudaemu && cgo && linux && amd64

package cuda

import (
	"testing"

	"mixmas/nn/devicetest"
	"mixmas/search/trial"
)

// digest is what package trial's test of the same name pins for the CPU: where a change of the kernels or of what composites
// become moves it, raise trial.NumericsRevision and set it anew. It is the same in any order of threads. Scores of GPUs
// are kept under keys with that revision, and the emulator has their order of sums.
const (
	digestRevision = 4
	digest         = "b57833eadf68910ba8318ecbf9fcd38f4f0f361fea473a35940b9f4c3007951b"
)

func TestTrainedBitsMoveOnlyWithTheRevision(t *testing.T) {
	if digestRevision != trial.NumericsRevision {
		t.Fatalf("the digest is that of revision %d, the program has %d", digestRevision, trial.NumericsRevision)
	}
	if got := devicetest.TrainedDigest(t, anyDevice(t, Options{Numerics: FP32})); got != digest {
		t.Errorf("the trained weights have digest %s, pinned is %s (with the erff, expf, logf and log1pf of glibc 2.36)", got, digest)
	}
}
