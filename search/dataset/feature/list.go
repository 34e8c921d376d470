package feature

import (
	"fmt"
	"math"
	"strings"
)

// AppendList appends the numbers of a list in a cell: in brackets or not, with commas, semicolons or spaces between the numbers,
// such as "[1, 2.5]", "1 2 3" or "1;2;3". An entry that stands for a missing value, such as NaN, and an infinite one are NaN. A
// missing cell and empty brackets append nothing. The error names the first entry that is not a number.
func AppendList(dst []float32, cell string) ([]float32, error) {
	if IsMissing(cell) {
		return dst, nil
	}
	err := eachEntry(cell, func(i int, entry string) error {
		x := parseNumber(entry)
		switch {
		case IsMissing(entry) || x.forms&point != 0 && infinite(x.point):
			dst = append(dst, float32(math.NaN()))
		case x.forms&point == 0 || x.unit != 0:
			return fmt.Errorf("entry %d of the list, %s, is not a number", i+1, quoted(entry))
		default:
			dst = append(dst, float32(x.point))
		}
		return nil
	})
	return dst, err
}

// listLength is the number of entries of a cell that is a list of numbers, otherwise -1. Without brackets it needs at least two.
func listLength(cell string) int {
	n, numbers := 0, 0
	bare := cell != "" && cell[0] != '[' && cell[0] != '('
	if bare && !isDigit(cell[0]) && !strings.ContainsRune("+-.−nN?", rune(cell[0])) {
		return -1
	}
	err := eachEntry(cell, func(_ int, entry string) error {
		n++
		if IsMissing(entry) {
			return nil
		}
		x := parseNumber(entry)
		if numbers++; x.forms&point == 0 || x.unit != 0 || bare && x.zeros {
			return errNotAList
		}
		return nil
	})
	if err != nil || bare && (n < 2 || numbers == 0) {
		return -1
	}
	return n
}

var errNotAList = fmt.Errorf("not a list")

// eachEntry calls use with the entries of a list, without spaces around them.
func eachEntry(cell string, use func(i int, entry string) error) error {
	cell = trim(cell)
	for _, brackets := range []string{"[]", "()"} {
		if len(cell) >= 2 && cell[0] == brackets[0] && cell[len(cell)-1] == brackets[1] {
			if cell = trim(cell[1 : len(cell)-1]); cell == "" {
				return nil
			}
			break
		}
	}
	separator := byte(' ')
	if i := strings.IndexAny(cell, ",;"); i >= 0 {
		separator = cell[i]
	}
	for i := 0; ; i++ {
		end := strings.IndexByte(cell, separator)
		if separator == ' ' {
			end = strings.IndexAny(cell, " \t\n\r")
		}
		if end < 0 {
			return use(i, trim(cell))
		}
		if err := use(i, trim(cell[:end])); err != nil {
			return err
		}
		if cell = cell[end+1:]; separator == ' ' {
			cell = trim(cell)
		}
	}
}
