package feature

import "errors"

// AppendList appends the numbers of a list in a cell, such as "[1, 2.5]", "1 2 3", "1;2;3" or "1,2,3". A missing number inside the
// list, such as NaN, is NaN. The error names the first entry that is not a number.
func AppendList(dst []float32, cell string) ([]float32, error) { return dst, errors.New("not yet") }
