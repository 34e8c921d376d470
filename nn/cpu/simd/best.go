package simd

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// Variable is the environment variable that forces a set by its name.
const Variable = "MIXMAS_KERNELS"

// nativeNames are the native sets of amd64.
var nativeNames = []string{"avx2", "avx512"}

// Sets lists the sets that this processor can run, the best one last.
func Sets() []*Set {
	sets, _ := native()
	return append([]*Set{Portable()}, sets...)
}

var choice = sync.OnceValues(func() (*Set, string) { return choose(os.Getenv(Variable)) })

// Best returns the set for this processor: the native one where it is compiled in and the processor has the
// instructions, else the portable one. The environment variable [Variable] forces either by its name.
func Best() *Set {
	set, _ := choice()
	return set
}

// Reason says in one line which set [Best] is and why.
func Reason() string {
	_, reason := choice()
	return reason
}

// choose returns the set that the value of [Variable] names, or for "" the best one, and why. A name that is unknown or
// not supported is reported in the reason.
func choose(forced string) (*Set, string) {
	sets := Sets()
	best := sets[len(sets)-1]
	_, why := native()
	reason := fmt.Sprintf("%s: %s", best.Name, why)
	if forced == "" {
		return best, reason
	}
	for _, set := range sets {
		if set.Name == forced {
			return set, fmt.Sprintf("%s: forced by %s", forced, Variable)
		}
	}
	if slices.Contains(nativeNames, forced) {
		return best, fmt.Sprintf("%s (%s=%s is not possible here)", reason, Variable, forced)
	}
	return best, fmt.Sprintf("%s (%s=%q is not known: use %s or %s)", reason, Variable, forced, Portable().Name,
		strings.Join(nativeNames, " or "))
}
