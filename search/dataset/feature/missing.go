package feature

import "strings"

// missingWords are the cells that stand for a missing value, in lower case. Cells are compared in any case, without the spaces
// around them.
var missingWords = map[string]bool{
	"": true, "na": true, "n/a": true, "n.a.": true, "#na": true, "#n/a": true, "<na>": true, "nan": true, "-nan": true,
	"null": true, "nil": true, "none": true, "?": true, "-": true, "--": true, ".": true, "#null!": true, "#div/0!": true,
	"#value!": true, "#ref!": true, "#num!": true, "#name?": true, "nat": true,
}

// longestMissing is the length of the longest of them.
const longestMissing = len("#div/0!")

// IsMissing reports whether a cell stands for a missing value: an empty cell, NA, N/A, n.a., #NA, #N/A, <NA>, NaN, NaT, null,
// nil, None, ?, -, --, a lone point, and the errors of spreadsheets (#DIV/0!, #NAME?, #NULL!, #NUM!, #REF!, #VALUE!), in any
// case.
func IsMissing(cell string) bool {
	if cell = trim(cell); cell == "" {
		return true
	}
	switch cell[0] {
	case 'n', 'N', '#', '<', '?', '-', '.':
	default:
		return false // as most cells
	}
	if len(cell) > longestMissing {
		return false
	}
	return missingWords[strings.ToLower(cell)]
}

// IsUnlabelled reports whether a cell of a label column has no label. Words such as none and signs such as - are the names of
// classes there: only an empty cell, NA, N/A, <NA>, NaN, null and ? are not.
func IsUnlabelled(cell string) bool {
	switch strings.ToLower(strings.TrimSpace(cell)) {
	case "", "na", "n/a", "<na>", "nan", "null", "?":
		return true
	}
	return false
}
