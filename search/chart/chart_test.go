package chart

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// parsed checks that a drawing is well-formed XML and has no number that is not finite, and returns its texts.
func parsed(t interface{ Fatalf(string, ...any) }, f Figure) (texts []string) {
	drawing := svg(f, "<style>"+Style+"</style>")
	d := xml.NewDecoder(bytes.NewReader(drawing))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatalf("%v in %s", err, drawing)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if !strings.Contains(" svg style g path text title rect ", " "+token.Name.Local+" ") {
				t.Fatalf("an element %s in %s", token.Name.Local, drawing)
			}
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local != "aria-label" && (strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf")) {
					t.Fatalf("%T: %s=%q", f, a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			texts = append(texts, string(token))
		}
	}
}

// anyNumber is any float64: round, small, huge, infinite or NaN.
func anyNumber() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64Range(0, 1), rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, 1, math.MaxFloat64, -math.MaxFloat64, 5e-324}))
}

// Whatever the numbers and names are, a drawing is well-formed, and its table has as many cells in each row as in its head.
func TestFiguresOfAnyNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, f := range anyFigures(t) {
			parsed(t, f)
			table := f.Table()
			var b bytes.Buffer
			if err := WriteCSV(&b, table); err != nil {
				t.Fatal(err)
			}
			rows, err := csv.NewReader(&b).ReadAll()                                 // refuses rows of different lengths
			if err != nil || len(rows) != 1+len(table.Rows) && len(table.Head) > 1 { // a line of one empty cell is no line
				t.Fatalf("%T: %d rows of %d: %v", f, len(rows), len(table.Rows), err)
			}
		}
	})
}

func anyFigures(t *rapid.T) []Figure {
	numbers := rapid.SliceOfN(anyNumber(), 0, 6)
	name := rapid.String()
	var lines Lines
	var rows []Interval
	var points []Point
	for i := range rapid.IntRange(0, 4).Draw(t, "rows") {
		lines.Series = append(lines.Series, Series{Name: name.Draw(t, "name"), X: numbers.Draw(t, "x"), Y: numbers.Draw(t, "y"),
			Low: numbers.Draw(t, "low"), High: numbers.Draw(t, "high"), Like: rapid.IntRange(0, i).Draw(t, "like")})
		rows = append(rows, Interval{Name: name.Draw(t, "name"), Value: anyNumber().Draw(t, "value"), Low: anyNumber().Draw(t, "low"),
			High: anyNumber().Draw(t, "high"), Points: numbers.Draw(t, "points"), Standing: Standing(rapid.IntRange(0, 3).Draw(t, "standing"))})
		points = append(points, Point{Name: name.Draw(t, "name"), Group: name.Draw(t, "group"), X: anyNumber().Draw(t, "x"), Y: anyNumber().Draw(t, "y"),
			Low: anyNumber().Draw(t, "low"), High: anyNumber().Draw(t, "high"), Front: rapid.Bool().Draw(t, "front")})
	}
	lines.Title, lines.X, lines.Y = name.Draw(t, "title"), name.Draw(t, "x"), name.Draw(t, "y")
	lines.Whole, lines.Diagonal = rapid.Bool().Draw(t, "whole"), rapid.Bool().Draw(t, "diagonal")
	counts := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(-1, 1e6), 0, 4), 0, 4).Draw(t, "counts")
	names := rapid.SliceOfN(name, 0, 40).Draw(t, "names")
	bars := Bars{Title: lines.Title, X: lines.X, Groups: names[:min(len(names), 5)]}
	var spans []Span
	var bins []Bin
	var boxes []Box
	var arrows []Arrow
	for _, p := range points {
		bars.Series = append(bars.Series, BarSeries{Name: p.Name, Values: numbers.Draw(t, "values"), Low: numbers.Draw(t, "low"), High: numbers.Draw(t, "high")})
		spans = append(spans, Span{Name: p.Name, Lane: p.Group, Group: name.Draw(t, "group"), Begin: p.X, End: p.Y, Note: name.Draw(t, "note")})
		bins = append(bins, Bin{Low: p.X, High: p.Y, Confidence: p.X, Share: p.Y, ShareLow: p.Low, ShareHigh: p.High, Count: rapid.IntRange(-1, 1e9).Draw(t, "count")})
		boxes = append(boxes, Box{Name: p.Name, Details: names[:min(len(names), 3)], Layer: rapid.IntRange(-1, 1e9).Draw(t, "layer"), Input: p.Front})
		arrows = append(arrows, Arrow{rapid.IntRange(-1, 4).Draw(t, "from"), rapid.IntRange(-1, 4).Draw(t, "to"), p.Group})
	}
	return []Figure{lines, Intervals{Title: lines.Title, X: lines.X, Rows: rows}, Scatter{Title: lines.Title, X: lines.X, Y: lines.Y, LogX: lines.Whole, Points: points},
		bars, Heatmap{Title: lines.Title, X: lines.X, Y: lines.Y, Names: names, Counts: counts}, Timeline{Title: lines.Title, Spans: spans},
		Reliability{Title: lines.Title, Bins: bins}, Architecture{Title: lines.Title, Boxes: boxes, Arrows: arrows}}
}

// Curves differ in colour, dashes or marks, whatever other curves look like theirs; the repeats of a candidate do not count.
func TestCurvesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for i := range colours * colours {
		look := series(i) + dash(i) + shape(i, 0, 0, 3)
		if seen[look] {
			t.Errorf("number %d looks like another", i)
		}
		seen[look] = true
	}
	f := Lines{Series: []Series{{Name: "a"}, {Name: "a", Like: 1}, {Name: "a", Like: 1}, {Name: "b"}, {Name: "b", Like: 4}, {Name: "c"}}}
	for i, e := range f.legend() {
		if e.index != i {
			t.Errorf("%s has colour %d", e.name, e.index)
		}
	}
	var b strings.Builder
	for i := range f.Series {
		f.Series[i].X, f.Series[i].Y = []float64{1, 2}, []float64{3, 4}
	}
	if err := Write(&b, f); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{3, 2, 1} { // curves of each colour, and the line of the legend
		if got := strings.Count(b.String(), `<g class="`+series(i)+`"`); got != want+1 {
			t.Errorf("%d curves of colour %d, want %d", got-1, i, want)
		}
	}
}

// The numbers of an axis have room at its left, beside the axis's name.
func TestRoomForNumbers(t *testing.T) {
	for _, test := range []struct{ low, high, room float64 }{{0, 1, besideLeft}, {0.00109, 0.00113, beside + 7*letter}} {
		p := newPlane(&canvas{width: width}, 0, 200)
		p.rise(extent{test.low, test.high})
		if p.left < test.room {
			t.Errorf("%g to %g: %g pixels at the left of the axis, want %g", test.low, test.high, p.left, test.room)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		s    scale
		want string
	}{
		{scale{low: 0, high: 1}, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{scale{low: 0.9312, high: 0.9591}, "0.935 0.940 0.945 0.950 0.955"},
		{scale{low: -3, high: 12}, "0 5 10"},
		{scale{low: 1, high: 10, log: true}, "1 2 5 10"},
		{scale{low: 4000, high: 4e6, log: true}, "10 k 100 k 1 M"},
	} {
		var texts []string
		for _, tick := range test.s.ticks(5) {
			texts = append(texts, tick.text)
		}
		if got := strings.Join(texts, " "); got != test.want {
			t.Errorf("%v: got %s, want %s", test.s, got, test.want)
		}
	}
}
