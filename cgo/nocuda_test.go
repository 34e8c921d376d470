//go:build !(cuda && cgo && linux && (amd64 || arm64))

package cuda

import (
	"strings"
	"testing"
)

func TestNotBuilt(t *testing.T) {
	if n, err := Probe(); n != 0 || err == nil || !strings.Contains(err.Error(), "make kernels") {
		t.Errorf("found %d GPUs, %v", n, err)
	}
	if d, err := New(Options{}); d != nil || err == nil {
		t.Errorf("a device was made: %v, %v", d, err)
	}
	if _, err := New(Options{Numerics: "fp8"}); err == nil || !strings.Contains(err.Error(), "fp8") {
		t.Errorf("got error %v", err)
	}
}
