package trial

import (
	"fmt"
	"runtime"

	"github.com/klauspost/cpuid/v2"
)

// Machine describes the processor and the platform, as stored in scores.
func Machine() string {
	name := cpuid.CPU.BrandName
	if name == "" {
		name = "unknown processor"
	}
	return fmt.Sprintf("%s, %d cores, %s/%s", name, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}
