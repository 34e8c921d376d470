package dataset

import "fmt"

// Grouped is implemented by data sets whose rows belong together in groups, such as those of one person: what holds for the rows
// of one group need not hold for those of another.
type Grouped interface {
	// Groups returns the group of each row of a split, equal numbers for rows of one group; rows nil means all rows. It returns
	// nil if the rows have no groups.
	Groups(split Split, rows []int) []uint64
}

// Groups returns the group of each row of a split, or nil if the data set has no groups; rows nil means all rows.
func Groups(data Dataset, split Split, rows []int) []uint64 {
	if g, ok := data.(Grouped); ok {
		return g.Groups(split, rows)
	}
	return nil
}

// CountGroups returns the number of groups of a split, or most if there are more; 0 without groups.
func CountGroups(data Dataset, split Split, most int) int {
	different := map[uint64]bool{}
	rows := make([]int, 0, 1<<12)
	for row := range data.Len(split) {
		if rows = append(rows, row); len(rows) < cap(rows) && row < data.Len(split)-1 {
			continue
		}
		found := Groups(data, split, rows)
		if found == nil {
			return 0
		}
		for _, group := range found {
			if different[group] = true; len(different) >= most {
				return most
			}
		}
		rows = rows[:0]
	}
	return len(different)
}

// EnoughGroups is the number of validation groups from which scores are expected to say something about other groups.
const EnoughGroups = 10

// fewGroups warns of validation rows of few groups.
func fewGroups(d Dataset) string {
	switch n := CountGroups(d, Validation, EnoughGroups); n {
	case 0, EnoughGroups:
		return ""
	case 1:
		return "the validation rows are all of one group: what is best for it need not be best for others, and no interval tells how far others differ"
	default:
		return fmt.Sprintf("the validation rows are of only %d groups: what is best for them need not be best for others, and more search may even make the choice worse", n)
	}
}
