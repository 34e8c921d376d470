package records

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mixmas/search/dataset"
	"mixmas/search/dataset/feature"
	"mixmas/search/escape"
	"mixmas/search/packed"
	"mixmas/search/task"
)

// labelCells are the labels of all rows, each name once.
type labelCells struct {
	source    *rows // the rows of the data set, or those of files of their own
	columns   []int // one, or the 0/1 columns
	key, with *keys // if they are joined by a key
	joined    []int32
	binary    bool // 0/1 columns
	separator string
	same      sameness // of the columns

	names []string // distinct labels, in the order of their appearance; of 0/1 columns, the columns
	ids   map[string]uint32
	rows  []uint32 // numbers of names: one per row (none if it has no label), or with ends those of all rows
	ends  []uint32 // of the numbers of each row; nil for one per row
}

// none is the number of a row without a label.
const none = math.MaxUint32

// many reports whether a row may have several labels.
func (l *labelCells) many() bool { return l.binary || l.separator != "" }

// listen reads the labels of a row.
func (l *labelCells) listen() listener {
	columns := l.source.columns
	if l.binary {
		for i, c := range l.columns {
			name := strings.TrimSpace(columns[c])
			if name == "" {
				name = strconv.Itoa(i)
			}
			l.names = append(l.names, name)
		}
	}
	l.ids = map[string]uint32{}
	return func(row int, _ *part, cells []string) error {
		switch {
		case l.binary:
			for i, c := range l.columns {
				is, err := feature.Binary(cells[c])
				if err != nil {
					return columnError(columns, c, err)
				}
				if is {
					l.rows = append(l.rows, uint32(i))
				}
			}
			l.ends = append(l.ends, uint32(len(l.rows)))
		case l.separator != "":
			cell := cells[l.columns[0]]
			if !feature.IsUnlabelled(cell) {
				for name := range feature.Members(cell, l.separator) {
					id, err := l.id(name)
					if err != nil {
						return columnError(columns, l.columns[0], err)
					}
					l.rows = append(l.rows, id)
				}
			}
			l.ends = append(l.ends, uint32(len(l.rows)))
		default:
			cell := cells[l.columns[0]]
			if feature.IsUnlabelled(cell) {
				l.rows = append(l.rows, none)
				break
			}
			id, err := l.id(strings.TrimSpace(cell))
			if err != nil {
				return columnError(columns, l.columns[0], err)
			}
			l.rows = append(l.rows, id)
		}
		return nil
	}
}

// id is the number of a name.
func (l *labelCells) id(name string) (uint32, error) {
	id, known := l.ids[name]
	if !known {
		if len(l.names) == feature.MostClasses {
			return 0, fmt.Errorf("the labels have more than %d different values: is it a column of numbers or names?", feature.MostClasses)
		}
		if character, found := escape.Unprintable(name); found {
			return 0, fmt.Errorf("the label %q has %s, which is not printable", name, character)
		}
		id = uint32(len(l.names))
		name = strings.Clone(name)
		l.ids[name], l.names = id, append(l.names, name)
	}
	return id, nil
}

// at is the row of the source for a row of the data set, -1 for none.
func (l *labelCells) at(row int) int {
	if l.joined != nil {
		return int(l.joined[row])
	}
	return row
}

// of lists the numbers of the names of a row; nil if it has no label.
func (l *labelCells) of(row int) []uint32 {
	if row = l.at(row); row < 0 {
		return nil
	}
	if l.ends != nil {
		first := uint32(0)
		if row > 0 {
			first = l.ends[row-1]
		}
		return l.rows[first:l.ends[row]]
	}
	if l.rows[row] == none {
		return nil
	}
	return l.rows[row : row+1]
}

// unlabelled reports whether a row has no label.
func (l *labelCells) unlabelled(row int) bool { return len(l.of(row)) == 0 }

// ignore removes labels that are none of the classes.
func (l *labelCells) ignore(classes []string) {
	known := make(map[string]bool, len(classes))
	for _, name := range classes {
		known[name] = true
	}
	is := make([]bool, len(l.names))
	for i, name := range l.names {
		is[i] = known[name]
	}
	if l.ends == nil {
		for row, id := range l.rows {
			if id != none && !is[id] {
				l.rows[row] = none
			}
		}
		return
	}
	kept, first := uint32(0), uint32(0)
	for row, end := range l.ends {
		for _, id := range l.rows[first:end] {
			if is[id] {
				l.rows[kept] = id
				kept++
			}
		}
		first, l.ends[row] = end, kept
	}
	l.rows = l.rows[:kept]
}

// locate returns err with the file and line of a row of the data set.
func (l *labelCells) locate(ctx context.Context, row int, err error) error {
	if at := l.at(row); at >= 0 {
		return l.source.locate(ctx, at, err)
	}
	return fmt.Errorf("%s: row %d: %w", l.source.all(), row, err)
}

// classes finds the classes of the training rows, and the class of each name.
func (l *labelCells) classes(training func(yield func(int) bool), given []string) (classes, warnings []string, err error) {
	if l.binary {
		if classes = given; given == nil {
			classes = l.names
		} else if len(given) != len(l.names) {
			return nil, nil, fmt.Errorf("%d classes are named, but there are %d columns of labels", len(given), len(l.names))
		}
		if warnings, err = feature.CheckNames(classes); err != nil {
			err = fmt.Errorf("%w: name the classes with the option classes", err)
		}
		return classes, warnings, err
	}
	names, numbered := l.names, numbers(l.names, given)
	if numbered != nil {
		names = numbered
	}
	count := feature.NewLabels(l.separator)
	var cell []string
	for row := range training {
		cell = cell[:0]
		for _, id := range l.of(row) {
			cell = append(cell, names[id])
		}
		if err := count.AddRow(cell...); err != nil {
			return nil, nil, err
		}
	}
	classes, warnings, err = count.Classes(given)
	if err == nil && numbered != nil {
		l.names = numbered
	}
	return classes, warnings, err
}

// numbers returns the class name of each label, if the labels are not names but numbers of given classes: from 0 on, or from 1 on
// if there is no 0 and the last class has the number of classes. It returns nil if they are not.
func numbers(labels, given []string) []string {
	if len(given) == 0 {
		return nil
	}
	least, most := math.MaxInt, -1
	values := make([]int, len(labels))
	for i, label := range labels {
		if slices.Contains(given, label) {
			return nil
		}
		x, err := strconv.ParseFloat(label, 64)
		if err != nil || x != math.Trunc(x) || x < 0 || x > float64(len(given)) {
			return nil
		}
		values[i] = int(x)
		least, most = min(least, values[i]), max(most, values[i])
	}
	first := 0
	if most == len(given) {
		if least == 0 {
			return nil
		}
		first = 1
	}
	names := make([]string, len(labels))
	for i, v := range values {
		names[i] = given[v-first]
	}
	return names
}

// column makes the column of labels: the number of the class of each row, or one 0/1 element per class. rows yields all rows
// that are used.
func (l *labelCells) column(ctx context.Context, classes []string, count int, used func(yield func(int) bool)) (dataset.Column, error) {
	number := make(map[string]int, len(classes))
	for i, name := range classes {
		number[name] = i
	}
	class := make([]int, len(l.names))
	for i, label := range l.names {
		class[i] = -1
		if l.binary {
			class[i] = i
		} else if n, ok := number[label]; ok {
			class[i] = n
		}
	}
	kind := task.KindOf(l.many())
	width := task.Width(kind, len(classes))
	column := &labelColumn{name: "labels", width: width, count: count, values: packed.New(count*width, task.Largest(kind, len(classes)))}
	if l.many() {
		column.shape = []int{width}
	}
	for row := range used {
		for _, id := range l.of(row) {
			n := class[id]
			if n < 0 {
				return nil, l.locate(ctx, row, l.unknown(id, classes))
			}
			if l.many() {
				column.values.Set(row*width+n, 1)
			} else {
				column.values.Set(row, uint32(n))
			}
		}
	}
	return column, nil
}

// unknown is the error for a label that no training row has.
func (l *labelCells) unknown(id uint32, classes []string) error {
	text := fmt.Sprintf("the label %q is not that of a training row: the classes are %s; set unknown to ignore to leave such labels out", l.names[id], shortList(classes))
	return columnError(l.source.columns, l.columns[0], errors.New(text))
}

// shortList lists the first of some names.
func shortList(names []string) string {
	const most = 10
	text := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		text = append(text, escape.Terminal(name))
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(text, ", "), len(names)-most)
	}
	return strings.Join(text, ", ")
}

// labelColumn is a column of labels in as few bits as they need.
type labelColumn struct {
	name   string
	shape  []int
	width  int
	count  int
	values packed.List
}

// Name implements [dataset.Column].
func (l *labelColumn) Name() string { return l.name }

// Rows implements [dataset.Column].
func (l *labelColumn) Rows() int { return l.count }

// Shape implements [dataset.Column].
func (l *labelColumn) Shape() []int { return l.shape }

// Read implements [dataset.Column].
func (l *labelColumn) Read(row int, s *dataset.Scaling, dst []float32) error {
	for i := range dst {
		dst[i] = float32(l.values.At(row*l.width + i))
	}
	s.Apply(0, dst)
	return nil
}

// Facts implements [dataset.Column]. Labels have no statistics.
func (l *labelColumn) Facts(ctx context.Context, r dataset.Request, e dataset.Environment) (dataset.Facts, error) {
	return digestOf(ctx, "labels 1", l, r)
}

// Unchanged implements [dataset.Column].
func (l *labelColumn) Unchanged(context.Context) error { return nil }

// Close implements [dataset.Column].
func (l *labelColumn) Close() error { return nil }
