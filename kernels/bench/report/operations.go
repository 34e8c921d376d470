package main

import (
	"regexp"
	"strconv"
	"strings"
)

// operation is one line of BenchmarkOperations.
type operation struct {
	numerics, name string
	nanoseconds    float64
	metrics        map[string]float64 // by unit
}

var benchmarkLine = regexp.MustCompile(`^BenchmarkOperations/(\w+)/(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// parseOperations finds the lines of BenchmarkOperations in the output of go test. Names have spaces again.
func parseOperations(text string) []operation {
	var list []operation
	for line := range strings.Lines(text) {
		m := benchmarkLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		o := operation{numerics: m[1], name: strings.NewReplacer("_", " ", "/", " ").Replace(m[2]), metrics: map[string]float64{}}
		words := strings.Fields(m[3])
		for i := 0; i+1 < len(words); i += 2 {
			if value, err := strconv.ParseFloat(words[i], 64); err == nil {
				o.metrics[words[i+1]] = value
			}
		}
		o.nanoseconds = o.metrics["ns/op"]
		list = append(list, o)
	}
	return list
}
