package feature

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseNumber(t *testing.T) {
	nan := math.NaN()
	for _, test := range []struct {
		cell         string
		point, comma float64 // NaN: not a number in that form
	}{
		{"1", 1, 1}, {"-1", -1, -1}, {"+2.5", 2.5, nan}, {"1,5", nan, 1.5}, {"1.234", 1.234, 1234}, {"1,234", 1234, 1.234},
		{"1.234,5", nan, 1234.5}, {"1,234.5", 1234.5, nan}, {"12,34,567", nan, nan}, {"1,2345", nan, 1.2345}, {"1'234", 1234, nan},
		{"1\u00a0234,5", nan, 1234.5}, {".5", 0.5, nan}, {"5.", 5, nan}, {".", nan, nan}, {"1e3", 1000, 1000}, {"1.5E-2", 0.015, nan}, {"1e", nan, nan},
		{"e5", nan, nan}, {"0x10", nan, nan}, {"1_000", nan, nan}, {"--1", nan, nan}, {"1-2", nan, nan}, {"12%", 12, 12}, {"€ 5", 5, 5}, {"5 €", 5, 5},
		{"-$5.25", -5.25, nan}, {"$-5.25", -5.25, nan}, {"USD 5", 5, 5}, {"$", nan, nan}, {"%", nan, nan}, {"−3", -3, -3}, {"1 234", nan, nan},
		{"12345678901234567890", 12345678901234567890, 12345678901234567890}, {"0.1234567890123456789", 0.1234567890123456789, nan}, {"1.2.3", nan, nan},
		{"inf", math.Inf(1), math.Inf(1)}, {"-Infinity", math.Inf(-1), math.Inf(-1)}, {"1e999", math.Inf(1), math.Inf(1)}, {strings.Repeat("1", 100), nan, nan},
	} {
		n := parseNumber(test.cell)
		for _, c := range []struct {
			fits      bool
			got, want float64
		}{{n.forms&^comma != 0, n.point, test.point}, {n.forms&comma != 0, n.comma, test.comma}} {
			if c.fits != !math.IsNaN(c.want) || c.fits && c.got != c.want {
				t.Errorf("%q: fits %t, %g; want %g", test.cell, c.fits, c.got, c.want)
			}
		}
	}
}

// TestNumbersAreReadBack: what strconv writes is read with the same bits.
func TestNumbersAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64().Draw(t, "x")
		format := rapid.SampledFrom([]byte("gef")).Draw(t, "format")
		text := strconv.FormatFloat(x, format, -1, 64)
		if len(text) > 60 {
			return
		}
		if n := parseNumber(text); n.forms&point == 0 || n.point != x {
			t.Fatalf("%s: %+v", text, n)
		}
	})
}

func TestParseDate(t *testing.T) {
	for _, test := range []struct {
		cell string
		fits layout
		want string // in UTC, if one layout fits
	}{
		{"2024-01-31", iso, "2024-01-31T00:00:00Z"}, {"2024/1/31", iso, "2024-01-31T00:00:00Z"}, {"2024-02", iso, "2024-02-01T00:00:00Z"},
		{"2024-01-31T12:30:15Z", iso, "2024-01-31T12:30:15Z"}, {"2024-01-31 12:30:15.5+02:00", iso, "2024-01-31T10:30:15.5Z"}, {"2024-01-31T12:30-0530", iso, "2024-01-31T18:00:00Z"},
		{"31/01/2024", dayFirst, "2024-01-31T00:00:00Z"}, {"1/31/2024", monthFirst, "2024-01-31T00:00:00Z"}, {"1/2/2024", dayFirst | monthFirst, ""},
		{"31.1.24", dayFirst, "2024-01-31T00:00:00Z"}, {"31-01-70", dayFirst, "1970-01-31T00:00:00Z"}, {"01/31/2024 1:05 PM", monthFirst, "2024-01-31T13:05:00Z"},
		{"Jan 5, 2024", named, "2024-01-05T00:00:00Z"}, {"5th January 2024", named, "2024-01-05T00:00:00Z"}, {"05-Sept-99", named, "1999-09-05T00:00:00Z"},
		{"Wednesday, 31 Jan 2024 12:00 am", named, "2024-01-31T00:00:00Z"}, {"Mar 2024", named, "2024-03-01T00:00:00Z"}, {"20240131", compact, "2024-01-31T00:00:00Z"},
		{"12:30", clock, ""}, {"12 pm", clock, ""}, {"24:00", clock, ""}, {"2024-02-29", iso, "2024-02-29T00:00:00Z"},
		{"2023-02-29", 0, ""}, {"2024-13-01", 0, ""}, {"32/01/2024", 0, ""}, {"2024", 0, ""}, {"2024.5", 0, ""}, {"1.5", 0, ""}, {"1990-91", 0, ""}, {"12:60", 0, ""}, {"25:00", 0, ""},
		{"13 pm", 0, ""}, {"2024-01-31T", 0, ""}, {"2024-01/31", 0, ""}, {"May", 0, ""}, {"May flowers", 0, ""}, {"march 5", 0, ""}, {"20241331", 0, ""}, {"1/2/123", 0, ""},
		{"192.168.1.1", 0, ""}, {"1.2.3", 0, ""}, {"sample 12:30", 0, ""}, {"", 0, ""}, {"123456:30", 0, ""}, {"9 am", clock, ""}, {"0000-01-01", 0, ""}, {"12m", 0, ""},
	} {
		m, fits := parseDate(test.cell, recognised)
		if fits != test.fits {
			t.Errorf("%q fits %b, want %b", test.cell, fits, test.fits)
			continue
		}
		if test.want == "" {
			continue
		}
		want, err := time.Parse(time.RFC3339Nano, test.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := time.UnixMilli(int64(math.Round(m.seconds * 1000))).UTC(); !got.Equal(want) {
			t.Errorf("%q is %v, want %v", test.cell, got, want)
		}
	}
	for cell, want := range map[string]float64{"1700000000": 1700000000, "1700000000123": 1700000000.123, "1700000000123456789": 1700000000.1234567, "-86400": -86400, "0": 0} {
		if m, fits := parseDate(cell, epoch); fits != epoch || math.Abs(m.seconds-want) > 1e-6 {
			t.Errorf("%s is %f, want %f", cell, m.seconds, want)
		}
	}
}

// TestDatesAreReadBack: dates written in each layout are read with the same second.
func TestDatesAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.Unix(rapid.Int64Range(-30_000_000_000, 200_000_000_000).Draw(t, "seconds"), 0).UTC()
		for text, l := range map[string]layout{
			"2006-01-02T15:04:05Z07:00": iso, "2006/1/2 15:04:05": iso, "02/01/2006 15:04:05": dayFirst, "2.1.2006 3:04:05 PM": dayFirst,
			"1/2/2006 15:04:05": monthFirst, "Jan 2, 2006 15:04:05": named, "Mon, 02 Jan 2006 15:04:05": named, "2 January 2006 3:04:05pm": named,
		} {
			cell := want.Format(text)
			m, fits := parseDate(cell, l)
			if fits != l || math.Abs(m.seconds-float64(want.Unix())) > 1e-3 || m.weekday() != (int(want.Weekday())+6)%7+1 {
				t.Fatalf("%s: %+v fits %b, want %d", cell, m, fits, want.Unix())
			}
		}
	})
}

func TestAppendList(t *testing.T) {
	for cell, want := range map[string][]float32{
		"[1, 2.5]": {1, 2.5}, "1 2  3": {1, 2, 3}, "1;2;3": {1, 2, 3}, "(1,2)": {1, 2}, "[]": {}, "": {}, "5": {5}, "[1\n 2\n 3]": {1, 2, 3}, "-1e3, +2": {-1000, 2},
	} {
		got, err := AppendList(nil, cell)
		if err != nil || len(got) != len(want) {
			t.Errorf("%q is %v: %v", cell, got, err)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%q is %v, want %v", cell, got, want)
			}
		}
	}
	if got, err := AppendList(nil, "[1, NaN, null, inf]"); err != nil || len(got) != 4 || !math.IsNaN(float64(got[1]+got[2]+got[3])) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, cell := range []string{"1,2;3", "[1", "a b", "1 2 x", "[[1,2],[3,4]]", "$1 $2"} {
		if got, err := AppendList(nil, cell); err == nil {
			t.Errorf("%q is %v", cell, got)
		}
	}
}

func FuzzNumber(f *testing.F) {
	for _, cell := range []string{"1", "-1.5e3", "1.234,5", "1'234", "$ 5", "5 %", "inf", "€", "−", "1\u00a0234"} {
		f.Add(cell)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		n := parseNumber(cell)
		if math.IsNaN(n.point) || math.IsNaN(n.comma) {
			t.Errorf("%q is %v", cell, n)
		}
		if x, err := strconv.ParseFloat(cell, 64); n.unit == 0 && n.forms&point != 0 && err == nil && x != n.point {
			t.Errorf("%q is %g, want %g", cell, n.point, x)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, cell := range []string{"2024-01-31", "1/2/2024 3:04 pm", "Mon, 02 Jan 2006", "12:30:15.5Z", "20240131", "1700000000123", "-5", "2024-01-31T12:30:15+02:00"} {
		f.Add(cell, uint16(math.MaxUint16))
	}
	f.Fuzz(func(t *testing.T, cell string, mask uint16) {
		m, fits := parseDate(cell, layout(mask))
		if fits&^layout(mask) != 0 {
			t.Errorf("%q fits %b of %b", cell, fits, mask)
		}
		if fits != 0 && (math.IsNaN(m.seconds) || math.IsInf(m.seconds, 0) || m.hour < 0 || m.hour > 24 || fits&clock == 0 && (m.month < 1 || m.month > 12 || m.weekday() < 1 || m.weekday() > 7)) {
			t.Errorf("%q is %+v", cell, m)
		}
	})
}

func FuzzList(f *testing.F) {
	for _, cell := range []string{"[1, 2.5]", "1 2 3", "1;2;3", "()", "[1,", "[NaN]"} {
		f.Add(cell)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		n := listLength(trim(cell))
		got, err := AppendList(nil, cell)
		if n >= 0 && (err != nil || len(got) != n) && !IsMissing(cell) {
			t.Errorf("%q has %d entries, but %v, %v", cell, n, got, err)
		}
		for _, x := range got {
			if math.IsInf(float64(x), 0) {
				t.Errorf("%q is %v", cell, got)
			}
		}
	})
}

// FuzzColumn judges a column of any cells, one per line, and encodes them.
func FuzzColumn(f *testing.F) {
	for _, text := range []string{"1\n2\nNA", "a|b\nb", "2024-01-31\n2024-02-01", "1/2/2024", "[1,2]\n[3,4]", "yes\nno", "\x00\n\xff", "train\ntest"} {
		f.Add("column", text)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		p := &Profile{}
		cells := strings.Split(text, "\n")
		for _, c := range cells {
			p.Add(c)
		}
		if p.Judge(name).Reason == "" {
			t.Error("no reason")
		}
		for _, kind := range Kinds() {
			e, err := Fit(kind, p)
			if err != nil {
				continue
			}
			if err := e.Check(); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			dst := make([]float32, e.Width())
			for _, c := range cells {
				if err := e.Encode(c, dst); err != nil {
					t.Fatalf("%s of %q: %v", kind, cells, err)
				}
			}
		}
	})
}
