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

// Sets lists the sets that this CPU can run, the best one last.
func Sets() []*Set {
	sets, _ := native()
	return append([]*Set{Portable()}, sets...)
}

var choice = sync.OnceValue(func() chosen { return choose(os.Getenv(Variable)) })

// chosen is a set, one line with the reason for the choice, and the error of the value of [Variable].
type chosen struct {
	set    *Set
	reason string
	err    error
}

// Best returns the set for this CPU: the best native one if it is compiled in and the CPU has the instructions, otherwise
// the portable one. The environment variable [Variable] forces a set by its name. Values that [Check] rejects are ignored.
func Best() *Set { return choice().set }

// Reason returns one line that says which set [Best] returns and why.
func Reason() string { return choice().reason }

// Check returns an error if [Variable] names a set that is unknown or that this CPU cannot run. Programs call it first, so
// that they do not compute with another set than the user wants.
func Check() error { return choice().err }

// choose returns the set that the value of [Variable] names, or the best one for "".
func choose(forced string) chosen {
	sets := Sets()
	best := sets[len(sets)-1]
	_, why := native()
	c := chosen{set: best, reason: fmt.Sprintf("%s: %s", best.Name, why)}
	if forced == "" {
		return c
	}
	var names []string
	for _, set := range sets {
		if set.Name == forced {
			return chosen{set: set, reason: fmt.Sprintf("%s: forced by %s", forced, Variable)}
		}
		names = append(names, set.Name)
	}
	known := strings.Join(names, ", ")
	if slices.Contains(nativeNames, forced) {
		c.err = fmt.Errorf("%s=%s: these kernels cannot run here (%s); the ones that can are %s", Variable, forced, why, known)
	} else {
		c.err = fmt.Errorf("%s=%q is unknown: the kernels that can run here are %s", Variable, forced, known)
	}
	return c
}
