package card

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"mixmas/search/escape"
	"mixmas/search/report"
)

// quoted returns a text as a string of YAML on one line: in double quotes, with everything that is not printable as an escape.
func quoted(text string) string {
	var b strings.Builder
	for _, r := range escape.Terminal(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)) {
		if r&0xfffe == 0xfffe { // no characters: YAML does not allow them
			fmt.Fprintf(&b, `\U%08x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return `"` + b.String() + `"`
}

// decimal is a number for YAML; defined is false if it has none.
func decimal(n report.Number) (text string, defined bool) {
	if x := float64(n); math.IsNaN(x) || math.IsInf(x, 0) {
		return "", false
	}
	return strconv.FormatFloat(float64(n), 'g', 6, 64), true
}
