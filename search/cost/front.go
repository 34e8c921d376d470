package cost

// Point is a model on the plane of value and cost.
type Point struct {
	// Value is better when higher.
	Value float64
	// Cost is better when lower.
	Cost float64
}

// Front reports which points are on the Pareto front: no other point is at least as good in both and better in one. A point
// whose value or cost is NaN is not on it.
func Front(points ...Point) []bool {
	front := make([]bool, len(points))
	for i, p := range points {
		front[i] = p.Value == p.Value && p.Cost == p.Cost
		for _, q := range points {
			if q.Value >= p.Value && q.Cost <= p.Cost && q != p {
				front[i] = false
			}
		}
	}
	return front
}
