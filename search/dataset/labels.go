package dataset

import (
	"context"
	"fmt"
	"strconv"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset/feature"
	"mixmas/search/packed"
	"mixmas/search/task"
)

// readLabels reads and checks the labels of all splits, and stores them in as few bits as possible: for multi-label data one
// bit per class, otherwise the number of the class. If the task names no classes, the training labels give their number.
func readLabels(ctx context.Context, parts [3]Part, t *task.Task) (labels [3]packed.List, err error) {
	counted := len(t.Classes) == 0
	if counted {
		count, err := countClasses(ctx, parts[Train], t.Kind)
		if err != nil {
			return labels, err
		}
		for i := range count {
			t.Classes = append(t.Classes, strconv.Itoa(i))
		}
	}
	classes := len(t.Classes)
	for s, p := range parts {
		if p.Column == nil {
			continue
		}
		if err := checkWidth(p.Column, t.Kind, classes); err != nil {
			return labels, err
		}
		labels[s] = packed.New(p.Rows.Len()*t.Width(), task.Largest(t.Kind, classes))
		err := eachLabels(ctx, p, t.Kind, classes, func(i int, values []float32) {
			for k, v := range values {
				labels[s].Set(i+k, uint32(v))
			}
		})
		if err != nil && ctx.Err() == nil && counted && Split(s) != Train && t.Kind == task.OneLabel {
			err = fmt.Errorf("%w: these are the labels of the training rows; if the rows are sorted by class, shuffle them before they are split", err)
		}
		if err != nil {
			return labels, err
		}
	}
	return labels, nil
}

// checkWidth returns an error if the shape of the labels does not fit the task. classes is the number of classes, 0 for any.
func checkWidth(c Column, kind task.Kind, classes int) error {
	shape := c.Shape()
	fits, want := false, ""
	switch kind {
	case task.OneLabel:
		fits = len(shape) == 0 || len(shape) == 1 && shape[0] == 1
		want = "N (the number of a class per row)"
	case task.MultiLabel:
		fits = len(shape) == 1 && (classes == 0 || shape[0] == classes)
		want = "N×classes (0 or 1)"
		if classes > 0 {
			want = fmt.Sprintf("N×%d (0 or 1)", classes)
		}
	default:
		return fmt.Errorf("%s: %w", c.Name(), kind.Unknown())
	}
	if !fits {
		return fmt.Errorf("%s: labels have shape %s, want %s", c.Name(), dimensions.Text(append([]int{c.Rows()}, shape...)), want)
	}
	return nil
}

// countClasses returns the number of classes that the training labels imply.
func countClasses(ctx context.Context, p Part, kind task.Kind) (int, error) {
	if err := checkWidth(p.Column, kind, 0); err != nil {
		return 0, err
	}
	if kind == task.MultiLabel {
		return p.Column.Shape()[0], nil
	}
	seen := packed.New(feature.MostClasses, 1)
	count := 0
	err := eachLabels(ctx, p, kind, feature.MostClasses, func(_ int, values []float32) {
		for _, v := range values {
			seen.Set(int(v), 1)
			count = max(count, int(v)+1)
		}
	})
	if err != nil {
		return 0, err
	}
	if err := checkGaps(seen, count); err != nil {
		return 0, fmt.Errorf("%s: %w", p.Column.Name(), err)
	}
	if count == 1 || count > p.Rows.Len() {
		return 0, fmt.Errorf("%s: the labels of %d rows imply %d classes: want at least 2, and at most one per row (or name the classes)",
			p.Column.Name(), p.Rows.Len(), count)
	}
	return count, nil
}

// checkGaps returns an error that names the numbers below count that are no label: each would be a class that nothing belongs
// to.
func checkGaps(seen packed.List, count int) error {
	var gaps []string
	for first := 0; first < count; first++ {
		if seen.At(first) == 1 {
			continue
		}
		last := first
		for seen.At(last+1) == 0 { // count-1 was seen
			last++
		}
		switch last - first {
		case 0:
			gaps = append(gaps, strconv.Itoa(first))
		case 1:
			gaps = append(gaps, strconv.Itoa(first), strconv.Itoa(last))
		default:
			gaps = append(gaps, fmt.Sprintf("%d to %d", first, last))
		}
		first = last
	}
	switch {
	case gaps == nil:
		return nil
	case len(gaps) == 1 && seen.At(0) == 0 && seen.At(1) == 1:
		return fmt.Errorf("the training labels are 1 to %d, but classes are numbered from 0: subtract 1 from the labels, or name the classes, of which the first is that of 0", count-1)
	}
	return fmt.Errorf("the training labels go up to %d, but no training row has the label %s: number the classes from 0 without gaps and remove rows without a label, or name all classes",
		count-1, some(gaps))
}

// eachLabels reads and checks labels, and calls use with those of some rows at a time. The first of them is element i.
func eachLabels(ctx context.Context, p Part, kind task.Kind, classes int, use func(i int, values []float32)) error {
	width := rowSize(p.Column)
	return eachRows(ctx, p, func(i int, values []float32) error {
		if at, err := task.Check(kind, classes, values); err != nil {
			return fmt.Errorf("%s: row %d: %w", p.Column.Name(), p.Rows.At((i+at)/width), err)
		}
		use(i, values)
		return nil
	})
}

// rowSize is the number of elements of a column's row.
func rowSize(c Column) int { return dimensions.Product(c.Shape()) }

// eachRows reads the rows of a part, not standardised, and calls use with some at a time. The first value is element i.
func eachRows(ctx context.Context, p Part, use func(i int, values []float32) error) error {
	width, rows := rowSize(p.Column), p.Rows.Len()
	many, fast := p.Column.(rowsReader)
	fast = fast && p.Rows.List == nil
	buffer := make([]float32, max(1, (8<<10)/max(1, width))*width)
	some := max(1, len(buffer)/max(1, width)) // rows at a time
	for first := 0; first < rows; first += some {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(some, rows-first)
		values := buffer[:n*width]
		if fast {
			if err := many.ReadRows(p.Rows.First+first, values); err != nil {
				return err
			}
		} else {
			for i := range n {
				if err := p.Column.Read(p.Rows.At(first+i), nil, values[i*width:][:width]); err != nil {
					return err
				}
			}
		}
		if err := use(first*width, values); err != nil {
			return err
		}
	}
	return nil
}

// readLengths reads the number of real steps of each row of the splits, each from 0 to steps.
func readLengths(ctx context.Context, parts [3]Part, steps int) (lengths [3]packed.List, err error) {
	for s, p := range parts {
		if p.Column == nil {
			continue
		}
		if rowSize(p.Column) != 1 {
			return lengths, fmt.Errorf("%s: lengths have shape %s, want N (the number of real steps per row)",
				p.Column.Name(), dimensions.Text(append([]int{p.Column.Rows()}, p.Column.Shape()...)))
		}
		lengths[s] = packed.New(p.Rows.Len(), uint32(steps))
		err := eachRows(ctx, p, func(i int, values []float32) error {
			for k, v := range values {
				if whole := uint32(v); float32(whole) != v || whole > uint32(steps) {
					return fmt.Errorf("%s: row %d: the length %v is not a number of steps: want a whole number from 0 to %d",
						p.Column.Name(), p.Rows.At(i+k), v, steps)
				}
				lengths[s].Set(i+k, uint32(v))
			}
			return nil
		})
		if err != nil {
			return lengths, err
		}
	}
	return lengths, nil
}
