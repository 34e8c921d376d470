package metric

// Unregister undoes a test's Register.
func Unregister(name string) { metrics.Unregister(name) }

// Drawn are the rows of a bootstrap's draw.
func Drawn(rows int, groups []uint64, seed uint64, draw int) []uint32 {
	b := &bootstrap{Scorer: &Scorer{rows: rows}, seed: seed, groups: newGrouping(groups)}
	return b.sample(draw, nil)
}
