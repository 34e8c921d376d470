package simd

import (
	"fmt"
	"os"
	"sync"
)

// Variable is the environment variable that forces a set by its name.
const Variable = "MIXMAS_KERNELS"

// nativeName is the name of the native set of amd64.
const nativeName = "avx2"

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
	native, why := native()
	set := native
	if set == nil {
		set = Portable()
	}
	reason := fmt.Sprintf("%s: %s", set.Name, why)
	switch {
	case forced == "":
		return set, reason
	case forced == Portable().Name:
		return Portable(), fmt.Sprintf("%s: forced by %s", forced, Variable)
	case native != nil && forced == native.Name:
		return native, fmt.Sprintf("%s: forced by %s", forced, Variable)
	case forced == nativeName:
		return set, fmt.Sprintf("%s (%s=%s is not possible here)", reason, Variable, forced)
	}
	return set, fmt.Sprintf("%s (%s=%q is not known: use %s or %s)", reason, Variable, forced, Portable().Name, nativeName)
}
