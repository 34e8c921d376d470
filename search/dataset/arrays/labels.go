package arrays

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"mixmas/search/dataset"
	"mixmas/search/dataset/arrayfile"
	"mixmas/search/dataset/feature"
)

// labels opens a file of labels, as numbers or 0/1 elements whatever they are in the file.
func (o *opener) labels(options *Options) func(path string) (dataset.Column, error) {
	return func(path string) (dataset.Column, error) {
		return o.once(path, "labels", func(path string) (dataset.Column, error) {
			c, err := arrayfile.Open(o.ctx, path, o.environment, o.cache)
			switch {
			case errors.Is(err, arrayfile.ErrText) && options.MultiLabel:
				return nil, fmt.Errorf("%w: with multi_label, labels are one 0/1 element per class", err)
			case errors.Is(err, arrayfile.ErrText):
				text, err := arrayfile.OpenText(o.ctx, path, o.environment, o.cache)
				return column(&textLabels{Text: text}, err)
			case err == nil && !options.MultiLabel && len(c.Shape()) == 1 && c.Shape()[0] != 1:
				return &oneHot{Column: c}, nil
			}
			return column(c, err)
		})
	}
}

// oneHot is a column of labels with one element per class, of which exactly one is 1. It reads as the number of the class.
type oneHot struct{ *arrayfile.Column }

// Shape implements [dataset.Column].
func (h *oneHot) Shape() []int { return nil }

// Read implements [dataset.Column].
func (h *oneHot) Read(row int, s *dataset.Scaling, dst []float32) error {
	if err := h.ReadRows(row, dst[:1]); err != nil {
		return err
	}
	s.Apply(0, dst[:1])
	return nil
}

// ReadRows reads many rows.
func (h *oneHot) ReadRows(first int, dst []float32) error {
	classes := h.Column.Shape()[0]
	elements := make([]float32, min(len(dst), max(1, 1<<13/classes))*classes)
	for len(dst) > 0 {
		n := min(len(dst), len(elements)/classes)
		if err := h.Column.ReadRows(first, elements[:n*classes]); err != nil {
			return err
		}
		for i := range n {
			class, err := hot(elements[i*classes:][:classes])
			if err != nil {
				return fmt.Errorf("%s: row %d: %w", h.Name(), first+i, err)
			}
			dst[i] = float32(class)
		}
		first, dst = first+n, dst[n:]
	}
	return nil
}

// hot returns the number of the only element that is 1.
func hot(elements []float32) (class int, err error) {
	ones := 0
	for i, v := range elements {
		switch v {
		case 0:
		case 1:
			class, ones = i, ones+1
		default:
			return 0, fmt.Errorf("the label has the element %v: want one label per row, a number, or one 0/1 element per class", v)
		}
	}
	if ones != 1 {
		return 0, fmt.Errorf("the row has %d labels: want 1 (or `multi_label: true` for any number of labels per row)", ones)
	}
	return class, nil
}

// textLabels is a column of labels that are text. It reads as the number of the class, once textClasses has found the classes.
type textLabels struct {
	*arrayfile.Text
	numbers []float32
}

// Shape implements [dataset.Column].
func (l *textLabels) Shape() []int { return nil }

// Read implements [dataset.Column].
func (l *textLabels) Read(row int, s *dataset.Scaling, dst []float32) error {
	dst[0] = l.numbers[row]
	s.Apply(0, dst[:1])
	return nil
}

// Facts implements [dataset.Column].
func (l *textLabels) Facts(ctx context.Context, _ dataset.Request, e dataset.Environment) (dataset.Facts, error) {
	return l.Digest(ctx, e)
}

// textClasses finds the classes of labels that are text: the given ones, or the sorted texts of the training rows. It warns of
// classes that look alike. If the labels are numbers, it returns the given classes.
func textClasses(ctx context.Context, parts [3]dataset.Part, given []string) (classes, warnings []string, err error) {
	train, text := parts[dataset.Train].Column.(*textLabels)
	for _, p := range parts {
		if p.Column == nil {
			continue
		}
		if _, also := p.Column.(*textLabels); also != text {
			return nil, nil, fmt.Errorf("the labels in %s are text and those in %s numbers, or the other way round", parts[dataset.Train].Column.Name(), p.Column.Name())
		}
	}
	if !text {
		return given, nil, nil
	}
	if classes = given; len(given) == 0 {
		if classes, err = train.distinct(ctx, parts[dataset.Train].Rows); err != nil {
			return nil, nil, err
		}
		warnings = feature.Alike(classes)
	}
	numbers := map[string]int{}
	for i, class := range classes {
		numbers[class] = i
	}
	for _, p := range parts {
		l, ok := p.Column.(*textLabels)
		if !ok || l.numbers != nil {
			continue
		}
		l.numbers = make([]float32, l.Rows())
		err := l.Each(ctx, func(row int, label string) error {
			number, ok := numbers[label]
			if !ok && len(given) > 0 {
				return fmt.Errorf("the label %q is none of the classes", label)
			} else if !ok {
				return fmt.Errorf("no training row has the label %q: no model can learn it; if the rows are sorted, shuffle them before they are split", label)
			}
			l.numbers[row] = float32(number)
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return classes, warnings, nil
}

// distinct returns the sorted texts of some rows, at least two.
func (l *textLabels) distinct(ctx context.Context, rows dataset.Rows) ([]string, error) {
	seen := map[string]bool{}
	err := l.Each(ctx, func(row int, label string) error {
		if row < rows.First || row >= rows.First+rows.Count {
			return nil
		}
		if label == "" {
			return errors.New("the label is empty")
		}
		if seen[label] = true; len(seen) > feature.MostClasses {
			return fmt.Errorf("there are more than %d different labels", feature.MostClasses)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	classes := slices.Sorted(maps.Keys(seen))
	if len(classes) < 2 {
		return nil, fmt.Errorf("%s: all training rows have the label %q: want at least 2 classes", l.Name(), classes[0])
	}
	return classes, nil
}
