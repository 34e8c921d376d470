package records

import (
	"strings"

	"mixmas/nn/options"
	"mixmas/search/dataset"
)

// groups say which rows belong together, by the number or the hash of a cell: at most 8 bytes per row.
type groups struct {
	numbers []uint32
	hashes  []uint64
	rows    [3]dataset.Rows // of the splits
}

// Groups implements [dataset.Grouped].
func (d *data) Groups(split dataset.Split, rows []int) []uint64 {
	if d.groups == nil || split < dataset.Train || split > dataset.Test {
		return nil
	}
	n := d.Len(split)
	if rows != nil {
		n = len(rows)
	}
	list := make([]uint64, n)
	for i := range list {
		row := i
		if rows != nil {
			row = rows[i]
		}
		at := d.groups.rows[split].At(row)
		if d.groups.hashes != nil {
			list[i] = d.groups.hashes[at]
		} else {
			list[i] = uint64(d.groups.numbers[at])
		}
	}
	return list
}

// openGroups finds the column of the groups.
func (b *builder) openGroups() error {
	if b.o.Group == "" {
		return nil
	}
	list, err := choose(b.primary.columns, nil, "group", b.o.Group)
	if err != nil {
		return err
	}
	if len(list) > 1 {
		return options.Errorf("group", "want one column, got %d", len(list))
	}
	b.use(b.primary, list...)
	b.group = &splitCells{column: list[0], group: true}
	return b.primary.require(list...)
}

// groups returns the groups that the option group or the split says; nil if there are none.
func (b *builder) groups(a *assigned) *groups {
	switch {
	case b.group != nil:
		return &groups{hashes: b.group.groups, rows: a.rows}
	case b.split != nil && b.split.group:
		return &groups{hashes: b.split.groups, rows: a.rows}
	case b.split != nil && b.splitOfGroups(a):
		return &groups{numbers: b.split.rows, rows: a.rows}
	}
	return nil
}

// splitOfGroups reports whether the values of the column that says the split are groups, such as the numbers of persons: several
// of them are listed for validation. One value per split, or one fold, is only the name of a split.
func (b *builder) splitOfGroups(a *assigned) bool {
	if len(b.o.Split.Validation) == 0 || strings.Contains(strings.ToLower(b.splits.columns[b.split.column]), "fold") {
		return false
	}
	first, found := uint32(0), false
	for row := range a.each(dataset.Validation) {
		if number := b.split.rows[row]; !found {
			first, found = number, true
		} else if number != first {
			return true
		}
	}
	return false
}
