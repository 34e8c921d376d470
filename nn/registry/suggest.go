package registry

import (
	"fmt"
	"strings"
)

// longestSuggested bounds the length of names that are compared, since the time grows with the product of two lengths.
const longestSuggested = 64

// Suggestion returns " (did you mean X?)" for the known name that is nearest to a wrong one, or "" if none is near: see [Nearest].
func Suggestion(name string, known []string) string {
	nearest := Nearest(name, known)
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", nearest)
}

// Nearest returns the known name that is most similar to a wrong one. It is empty if no name is similar, that is, if more than a third
// of the letters of the longer name would have to change. Capitals count as small letters.
func Nearest(name string, known []string) string {
	nearest, least := "", len(name)+1
	for _, k := range known {
		if len(name) > longestSuggested || len(k) > longestSuggested {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least && 3*d <= max(len(name), len(k)) {
			nearest, least = k, d
		}
	}
	return nearest
}

// distance returns how many bytes must be inserted, deleted, changed or swapped with the next to turn one text into the
// other (the optimal string alignment distance).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
