package report

import (
	"math"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"
)

// Cost is what a candidate costs. Times are measured on one core of the machine that made the document.
type Cost struct {
	// FLOPs is the number of floating-point operations of predicting one row.
	FLOPs int64 `json:"flops"`
	// Latency1 and Latency64 are the milliseconds of predicting one row, and 64 rows together; 0 if they were not measured.
	Latency1  float64 `json:"latency_1_ms,omitempty"`
	Latency64 float64 `json:"latency_64_ms,omitempty"`
	// Memory is what predicting 64 rows needs at the same time, and TrainingMemory what a training step on 64 rows needs, in bytes.
	Memory         int64 `json:"memory"`
	TrainingMemory int64 `json:"training_memory"`
	// Front means that no other candidate of the stage has a score as good and as few operations, and is better in one of
	// them: the candidate is on the Pareto front.
	Front bool `json:"front"`
}

// costColumns are the columns of what candidates cost; none if no candidate of the stage has a cost.
func costColumns(s Stage) []column {
	if !slices.ContainsFunc(s.Candidates, func(c Candidate) bool { return c.Cost != nil }) {
		return nil
	}
	columns := []column{right("FLOPs"), right("ms per row"), right("ms per 64 rows"), right("memory")}
	for i := range columns[1:] { // FLOPs decide between close candidates
		columns[i+1].optional = true
	}
	return columns
}

// costCells are a candidate's cells of the columns.
func costCells(c Candidate) []string {
	if c.Cost == nil {
		return []string{"–", "–", "–", "–"}
	}
	return []string{Operations(c.Cost.FLOPs), Milliseconds(c.Cost.Latency1), Milliseconds(c.Cost.Latency64), humanize.IBytes(uint64(max(0, c.Cost.Memory)))}
}

// Operations formats a number of operations with a prefix, such as "1.2 M".
func Operations(n int64) string {
	value, prefix := humanize.ComputeSI(float64(n))
	text := strconv.FormatFloat(value, 'f', 1, 64)
	if value >= 100 || prefix == "" {
		text = strconv.FormatFloat(math.Round(value), 'f', 0, 64)
	}
	if prefix == "" {
		return text
	}
	return text + " " + prefix
}
