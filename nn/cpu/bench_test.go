package cpu

import (
	"fmt"
	"runtime"
	"testing"

	"mixmas/nn/devicetest"
)

// BenchmarkOperations times every kind of operation on one core and on all.
func BenchmarkOperations(b *testing.B) {
	tests := worthwhile
	worthwhile = 1 << 15
	defer func() { worthwhile = tests }()
	for _, workers := range []int{1, runtime.GOMAXPROCS(0)} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			devicetest.BenchmarkOperations(b, New(Options{Workers: workers}))
		})
		if runtime.GOMAXPROCS(0) == 1 {
			break
		}
	}
}
