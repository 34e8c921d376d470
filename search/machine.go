package search

import (
	"fmt"
	"runtime"

	"github.com/klauspost/cpuid/v2"
)

// machine names the processor and the platform, as scores record them.
func machine() string {
	name := cpuid.CPU.BrandName
	if name == "" {
		name = "unknown processor"
	}
	return fmt.Sprintf("%s, %d cores, %s/%s", name, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}
