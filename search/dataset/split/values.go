package split

import "hash/fnv"

// Values are the cells of a column: each distinct cell once, and its number in each row.
type Values struct {
	distinct []string
	number   map[string]uint32
	rows     []uint32
}

// Add adds the cell of the next row. Cells are compared without the spaces around them.
func (v *Values) Add(cell string) {
	if v.number == nil {
		v.number = map[string]uint32{}
	}
	n, known := v.number[cell]
	if !known {
		n = uint32(len(v.distinct))
		v.distinct = append(v.distinct, cell)
		v.number[cell] = n
	}
	v.rows = append(v.rows, n)
}

// Hash is the hash of a cell in [Rows].Groups.
func Hash(cell string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(cell))
	return h.Sum64()
}
