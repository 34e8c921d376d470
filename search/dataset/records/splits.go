package records

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"mixmas/nn/options"
	"mixmas/search/dataset"
	"mixmas/search/dataset/split"
)

// splitCells are the cells that say which split a row belongs to, each distinct cell once, or the groups of the rows.
type splitCells struct {
	column int
	group  bool

	names  []string
	ids    map[string]uint32
	rows   []uint32
	groups []uint64
}

func (s *splitCells) listen(columns []string) listener {
	s.ids = map[string]uint32{}
	return func(_ int, _ *part, cells []string) error {
		cell := strings.TrimSpace(cells[s.column])
		if s.group {
			s.groups = append(s.groups, split.Hash(cell))
			return nil
		}
		id, known := s.ids[cell]
		if !known {
			const most = 1 << 16
			if len(s.names) == most {
				return columnError(columns, s.column, fmt.Errorf("there are more than %d different values: they cannot name splits", most))
			}
			id, cell = uint32(len(s.names)), strings.Clone(cell)
			s.ids[cell], s.names = id, append(s.names, cell)
		}
		s.rows = append(s.rows, id)
		return nil
	}
}

// assigned says which rows belong to which split.
type assigned struct {
	rows [3]dataset.Rows
	of   []uint8 // the split of each row, [unused] for none
}

// unused marks rows without a split.
const unused = math.MaxUint8

// each yields the rows of a split, in order.
func (a *assigned) each(s dataset.Split) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range a.rows[s].Len() {
			if !yield(a.rows[s].At(i)) {
				return
			}
		}
	}
}

// all yields the rows of all splits.
func (a *assigned) all(yield func(int) bool) {
	for row, s := range a.of {
		if s != unused && !yield(row) {
			return
		}
	}
}

// drop leaves rows out.
func (a *assigned) drop(is func(row int) bool) {
	for s := range a.rows {
		list := make([]int, 0, a.rows[s].Len())
		for row := range a.each(dataset.Split(s)) {
			if is(row) {
				a.of[row] = unused
			} else {
				list = append(list, row)
			}
		}
		a.rows[s] = compact(list)
	}
}

// assign decides which rows belong to which split. drop says which rows are used for none.
func assign(o split.Options, r *rows, l *labelCells, cells *splitCells, drop func(row int) bool) (*assigned, error) {
	a := &assigned{of: make([]uint8, r.count)}
	request := split.Rows{MultiLabel: l.many()}
	var rest []int // the rows that the options split
	for _, p := range r.parts {
		list := make([]int, 0, p.count)
		for row := p.first; row < p.first+p.count; row++ {
			a.of[row] = uint8(p.split)
			if drop(row) {
				a.of[row] = unused
				continue
			}
			list = append(list, row)
		}
		if p.split == dataset.Train {
			rest = append(rest, list...)
			continue
		}
		if len(list) > 0 {
			request.Elsewhere[p.split] = true
			a.rows[p.split].List = append(a.rows[p.split].List, list...)
		}
	}
	if len(rest) == 0 {
		return nil, fmt.Errorf("%s: there are no training rows", r.all())
	}
	request.Count = len(rest)
	request.Labels = func(row int, dst []int) []int {
		for _, id := range l.of(rest[row]) {
			dst = append(dst, int(id))
		}
		return dst
	}
	if cells != nil && cells.group {
		request.Groups = make([]uint64, len(rest))
		for i, row := range rest {
			request.Groups[i] = cells.groups[row]
		}
	} else if cells != nil {
		request.Values = &split.Values{}
		for _, row := range rest {
			request.Values.Add(cells.names[cells.rows[row]])
		}
	}
	divided, err := o.Split(request)
	if wrong := new(options.Error); errors.As(err, &wrong) {
		return nil, options.Errorf("split."+wrong.Field, "%s", wrong.Text)
	}
	if err != nil {
		return nil, fmt.Errorf("split: %w", err)
	}
	for _, row := range rest {
		a.of[row] = unused
	}
	for s, list := range divided {
		for i, at := range list {
			list[i] = rest[at]
			a.of[rest[at]] = uint8(s)
		}
		if !request.Elsewhere[s] {
			a.rows[s].List = list
		}
	}
	for s := range a.rows {
		a.rows[s] = compact(a.rows[s].List)
	}
	return a, nil
}

// compact describes rows in ascending order without a list, if they are one after the other.
func compact(list []int) dataset.Rows {
	if n := len(list); n == 0 || list[n-1]-list[0] == n-1 {
		first := 0
		if n > 0 {
			first = list[0]
		}
		return dataset.Rows{First: first, Count: n}
	}
	return dataset.Rows{List: list}
}
