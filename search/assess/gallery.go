package assess

import (
	"encoding/json"
	"math"
	"slices"
	"unicode/utf8"

	"mixmas/search/dataset"
	"mixmas/search/dataset/show"
	"mixmas/search/dataset/survey"
	"mixmas/search/report"
	"mixmas/search/task"
)

// Bounds of what is shown, in bytes of JSON.
const (
	mostBytes      = 700 << 10 // of all views
	mostView       = 8 << 10
	mostModalities = 12   // of a row
	mostText       = 1500 // characters
	mostSteps      = 120  // of a curve
)

// gallery collects rows to look at. It divides the bytes among so many views as are expected.
type gallery struct {
	data     dataset.Dataset
	reader   *show.Reader
	expected int // views that may still come
	left     int // bytes for them
	index    map[place]int
	shown    []Shown
}

type place struct {
	split dataset.Split
	row   int
}

// newGallery returns a gallery for so many rows.
func newGallery(data dataset.Dataset, found *survey.Survey, rows int) *gallery {
	return &gallery{data: data, reader: show.NewReader(data, found), expected: rows * min(len(data.Modalities()), mostModalities), left: mostBytes, index: map[place]int{}}
}

// show adds a row unless it is there, and returns its index.
func (g *gallery) show(split dataset.Split, row int) (int, error) {
	at := place{split, row}
	modalities := min(len(g.data.Modalities()), mostModalities)
	if i, known := g.index[at]; known {
		g.expected -= modalities
		return i, nil
	}
	parts, err := g.reader.Read(split, row)
	if err != nil {
		return 0, err
	}
	s := Shown{Split: split.String(), Row: row, More: len(parts) - modalities}
	if s.True, err = classesOf(g.data, split, row); err != nil {
		return 0, err
	}
	for _, p := range parts[:modalities] {
		views, err := view(p, min(g.left/max(g.expected, 1), mostView))
		if err != nil {
			return 0, err
		}
		g.expected--
		for _, v := range views {
			g.left -= size(v)
		}
		s.Views = append(s.Views, views...)
	}
	g.index[at] = len(g.shown)
	g.shown = append(g.shown, s)
	return g.index[at], nil
}

// classesOf are the names of a row's classes, the first ones of many.
func classesOf(data dataset.Dataset, split dataset.Split, row int) (names []string, err error) {
	t := data.Task()
	label := make([]float32, t.Width())
	if err := data.Label(split, row, label); err != nil {
		return nil, err
	}
	if t.Kind == task.OneLabel {
		return []string{Name(t.Classes[int(label[0])])}, nil
	}
	for class, has := range label {
		if has == 1 && len(names) < mostNames {
			names = append(names, Name(t.Classes[class]))
		}
	}
	return names, nil
}

// size is the number of bytes of a view in JSON.
func size(v View) int {
	text, err := json.Marshal(v)
	if err != nil {
		return 0 // cannot be: it holds texts and numbers
	}
	return len(text)
}

// view shows a part of a row in at most so many bytes, or as few as it can.
func view(p show.Part, bytes int) ([]View, error) {
	v := View{Modality: Name(p.Modality), Kind: Nothing, More: p.More}
	switch {
	case p.Absent:
	case p.Map != nil:
		return pictures(v, p.Map, bytes)
	case p.Curves != nil:
		v.Kind = Curve
		v.curves(p.Curves, bytes)
	case p.Values != nil:
		v.Kind = Numbers
		for _, x := range p.Values {
			v.Names, v.Values = append(v.Names, Name(x.Name)), append(v.Values, []report.Number{significant(x.Value)})
		}
		for len(v.Values) > 1 && size(v) > bytes {
			v.fewer()
		}
	default:
		v.Kind = Text
		v.text(p.Text, bytes)
	}
	return []View{v}, nil
}

// fewer leaves the last feature out.
func (v *View) fewer() {
	n := len(v.Values) - 1
	v.Names, v.Values, v.More = v.Names[:n], v.Values[:n], v.More+1
}

// text cuts a text.
func (v *View) text(text string, bytes int) {
	total := utf8.RuneCountInString(text)
	n := min(total, mostText)
	for {
		v.Text = string([]rune(text)[:n])
		if now := size(*v); now > bytes && n > 20 {
			n = max(20, min(n-1, n*bytes/now))
			continue
		}
		v.More += total - n
		return
	}
}

// curves adds the features of a sequence.
func (v *View) curves(list []show.Curve, bytes int) {
	steps := mostSteps
	for {
		v.Names, v.Values, v.Steps = nil, nil, 0
		for _, c := range list {
			v.Names, v.Values, v.Steps = append(v.Names, Name(c.Name)), append(v.Values, thin(c.Values, steps)), len(c.Values)
		}
		if steps <= 40 || size(*v) <= bytes {
			break
		}
		steps /= 2
	}
	for len(v.Values) > 1 && size(*v) > bytes {
		v.fewer()
	}
}

// thin returns at most some of the values of a curve: the smallest and the largest of as many at a time as needed, in their order.
func thin(values []float32, most int) (list []report.Number) {
	if len(values) <= most {
		for _, x := range values {
			list = append(list, significant(float64(x)))
		}
		return list
	}
	n := most / 2
	for i := range n {
		some := values[i*len(values)/n : (i+1)*len(values)/n]
		low, high := -1, -1
		for k, x := range some {
			if x == x && (low < 0 || x < some[low]) {
				low = k
			}
			if x == x && (high < 0 || x > some[high]) {
				high = k
			}
		}
		first, second := math.NaN(), math.NaN()
		if low >= 0 {
			first, second = float64(some[min(low, high)]), float64(some[max(low, high)])
		}
		list = append(list, significant(first), significant(second))
	}
	return list
}

// pictures draws a map, as large as the bytes allow.
func pictures(v View, m *show.Map, bytes int) (list []View, err error) {
	for side := 96; ; {
		drawn, err := m.Draw(side)
		if err != nil {
			return nil, err
		}
		total := 0
		list = list[:0]
		for i, p := range drawn {
			one := v
			if i < len(drawn)-1 {
				one.More = 0
			}
			one.Kind, one.Channel, one.Image, one.Type, one.Width, one.Height = Picture, Name(p.Channel), p.File, p.Type, p.Width, p.Height
			total += size(one)
			list = append(list, one)
		}
		longest := max(drawn[0].Width, drawn[0].Height)
		if side = 2 * longest / 3; total <= bytes || side < 4 {
			return slices.Clip(list), nil
		}
	}
}
