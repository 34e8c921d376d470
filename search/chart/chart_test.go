package chart

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/search/style"
)

// parsed checks that a drawing is well-formed XML and has no number that is not finite, and returns its texts.
func parsed(t interface{ Fatalf(string, ...any) }, f Figure) (texts []string) {
	drawing := svg(f, "<style>"+style.Theme+Style+"</style>")
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
		{scale{low: 100000, high: 100010}, "100.000 k 100.002 k 100.004 k 100.006 k 100.008 k 100.010 k"},
		{scale{low: 0, high: 14e3}, "0 5 k 10 k"},
		{scale{low: 1e-5, high: 1.1e-5}, "1.00e-05 1.02e-05 1.04e-05 1.06e-05 1.08e-05 1.10e-05"},
		{scale{low: 0, high: 5e-5}, "0 1e-05 2e-05 3e-05 4e-05 5e-05"},
		{scale{low: 1, high: 3, whole: true}, "1 2 3"},
		{scale{low: 0.9, high: 1.1, whole: true}, "1"},
		{scale{low: 5100, high: 9800, log: true}, "6000 7000 8000 9000"},
		{scale{low: 100e3, high: 118e3, log: true}, "100 k 105 k 110 k 115 k"},
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

// The ticks of any axis have texts that differ, and that stand apart.
func TestTicksDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		middle, size := rapid.Float64Range(-1, 1).Draw(t, "middle"), math.Pow(10, rapid.Float64Range(-30, 30).Draw(t, "power"))
		x := newExtent()
		x.add(middle*size, middle*size+size*math.Pow(10, rapid.Float64Range(-7, 1).Draw(t, "width")))
		s := x.linear(62, 386)
		if rapid.Bool().Draw(t, "log") {
			s = x.logarithmic(62, 386)
		}
		seen := map[string]bool{}
		for _, tick := range s.ticks(6) {
			if seen[tick.text] {
				t.Fatalf("%v: %s is there twice", s, tick.text)
			}
			seen[tick.text] = true
		}
		list := s.apart(6)
		for i := 1; i < len(list); i++ {
			if gap := s.at(list[i].value) - s.at(list[i-1].value); gap < (wide(list[i].text)+wide(list[i-1].text))/2 && len(list) > 2 {
				t.Fatalf("%v: %s and %s touch", s, list[i-1].text, list[i].text)
			}
		}
	})
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.012: "0.012", 9999.6: "10 k", 9999: "9999", 15800: "15.8 k", 999_499: "999 k", 999_999: "1 M", 1_234_567: "1.23 M", -999_999: "-1 M", 1e24: "1e+24",
		0.00001234: "1.23e-05", 123.456: "123.5", math.NaN(): "–", math.Inf(1): "–"} {
		if got := Short(v); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
}

// The axis of epochs has whole numbers, however few there are; a point between two that are missing is drawn.
func TestEpochs(t *testing.T) {
	nan := math.NaN()
	for _, n := range []int{1, 2, 3} {
		f := Lines{X: "epoch", Series: []Series{{X: []float64{1, 2, 3}[:n], Y: []float64{0.3, 0.2, 0.1}[:n]}}}
		for _, text := range regexp.MustCompile(`text-anchor="middle">([0-9.]+)<`).FindAllStringSubmatch(string(svg(f, "")), -1) {
			if strings.Contains(text[1], ".") {
				t.Errorf("%d epochs: %s", n, text[1])
			}
		}
	}
	var x, y []float64
	for i := range 100 { // too many for marks
		x, y = append(x, float64(i)), append(y, nan)
	}
	y[50] = 0.5
	if !regexp.MustCompile(`class="line"[^>]* d="M[0-9. ]+h0"`).Match(svg(Lines{Series: []Series{{X: x, Y: y}}}, "")) {
		t.Error("a point alone is not drawn")
	}
}

// The axis of counts has whole numbers, however small they are.
func TestCounts(t *testing.T) {
	for _, most := range []float64{0, 1, 2, 3} {
		f := Bars{X: "rows", Groups: []string{"a", "b"}, Series: []BarSeries{{Values: []float64{most, math.NaN()}}}}
		for _, text := range regexp.MustCompile(`text-anchor="middle">([0-9.]+)<`).FindAllStringSubmatch(string(svg(f, "")), -1) {
			if strings.Contains(text[1], ".") {
				t.Errorf("up to %g: %s", most, text[1])
			}
		}
	}
}

// Shares are never rounded to all or nothing.
func TestPercent(t *testing.T) {
	for part, want := range map[float64][2]string{0: {"0.0%", "0%"}, 0.0001: {"< 0.1%", "< 1%"}, 0.0006: {"0.1%", "< 1%"}, 0.5: {"50.0%", "50%"},
		0.9941: {"99.4%", "99%"}, 0.9994: {"99.9%", "> 99%"}, 0.9999: {"> 99.9%", "> 99%"}, 1: {"100%", "100%"}} {
		if got := [2]string{percent(part), brief(part)}; got != want {
			t.Errorf("%g: got %s, want %s", part, got, want)
		}
	}
}

// Small curves keep their extremes, however many steps they have; what is missing interrupts them, and odd ends do not break them.
func TestSpark(t *testing.T) {
	nan := math.NaN()
	long := make([]float64, 100_000)
	long[777], long[50_000] = 9, nan
	for _, test := range []struct {
		s    Spark
		want string // pattern of the path
	}{
		{Spark{}, `^$`},
		{Spark{Values: []float64{nan, math.Inf(1), nan}}, `^$`},
		{Spark{Values: []float64{5}}, `^M3 20h\.5$`},
		{Spark{Values: []float64{1, 2, nan, 2}}, `^M3 37h\.5L81 3M237 3h\.5$`},
		{Spark{Values: []float64{1, 2}, Steps: 4}, `^M3 37h\.5L81 3$`},
		{Spark{Values: []float64{1, 2}, Low: 0, High: 4}, `^M3 28\.5h\.5L237 20$`},
		{Spark{Values: []float64{1, 2}, Low: nan, High: nan}, `^M3 37h\.5L237 3$`},
		{Spark{Values: []float64{1, 2}, Low: math.Inf(-1), High: math.Inf(1)}, `^M3 37h\.5L237 3$`},
		{Spark{Values: long}, ` 3L`},
	} {
		test.s.Name = `a "name" <b>`
		drawing := string(test.s.Inline())
		path := regexp.MustCompile(`aria-label="a &#34;name&#34; &lt;b&gt;".* d="([^"]*)"`).FindStringSubmatch(drawing)
		if path == nil || !regexp.MustCompile(test.want).MatchString(path[1]) || len(drawing) > 20_000 {
			t.Errorf("%.100v: %.300s, want %s", test.s, drawing, test.want)
		}
	}
}

// Of many classes, the names that are drawn do not touch; the numbers of all are in the table.
func TestManyClasses(t *testing.T) {
	f := Heatmap{Title: "matrix"}
	for i := range 100 {
		f.Names = append(f.Names, strings.Repeat("a long name ", 25)+strconv.Itoa(i))
		row := make([]int, 100)
		row[i] = 7
		f.Counts = append(f.Counts, row)
	}
	parsed(t, f)
	drawing := string(svg(f, ""))
	if n := strings.Count(drawing, `text-anchor="end"`); n < 15 || n > 30 {
		t.Errorf("%d names are drawn", n)
	}
	if n := strings.Count(drawing, "of 7, 100%"); n != 100 || len(f.Table().Rows) != 100 {
		t.Errorf("%d cells are drawn", n)
	}
}
