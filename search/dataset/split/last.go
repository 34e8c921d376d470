package split

import "mixmas/nn/options"

// Last makes the last rows the test rows, the ones before them the validation rows, and all others training rows. counts are
// the numbers of validation and test rows.
func Last(rows int, counts [2]int) (split [3][]int, err error) {
	if counts[0] < 0 || counts[1] < 0 || counts[0] > rows || counts[1] > rows-counts[0] || counts[0]+counts[1] == rows {
		return split, options.Errorf("last", "%d validation and %d test rows leave no training row: there are %d rows", counts[0], counts[1], rows)
	}
	ends := [3]int{rows - counts[0] - counts[1], rows - counts[1], rows}
	row := 0
	for s, end := range ends {
		for ; row < end; row++ {
			split[s] = append(split[s], row)
		}
	}
	return split, nil
}
