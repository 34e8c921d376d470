package feature

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// reread returns an encoder as a model file carries it.
func reread(t interface{ Fatal(...any) }, e *Encoder) *Encoder {
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	again := &Encoder{}
	if err := json.Unmarshal(text, again); err != nil {
		t.Fatal(err)
	}
	if err := again.Check(); err != nil {
		t.Fatal(err)
	}
	return again
}

func TestEncode(t *testing.T) {
	nan := float32(math.NaN())
	for _, test := range []struct {
		kind  Kind
		cells []string
		names []string
		want  map[string][]float32
	}{
		{Number, []string{"1", "2.5"}, []string{"x"}, map[string][]float32{"1": {1}, " -3e2 ": {-300}, "": {nan}, "inf": {nan}}},
		{Number, []string{"1", ""}, []string{"x", "x missing"}, map[string][]float32{"1": {1, 0}, "NA": {nan, 1}, "1e99": {nan, 1}}},
		{Number, []string{"1.234,5", "2"}, []string{"x"}, map[string][]float32{"1.234": {1234}, "0,5": {0.5}}},
		{Number, append(repeated(30, "1"), "n.d."), []string{"x", "x missing"}, map[string][]float32{"n.d.": {nan, 1}, "2": {2, 0}}},
		{Number, []string{"12 %", "3%"}, []string{"x"}, map[string][]float32{"7%": {7}, "7": {7}}},
		{Category, []string{"b", "a", "c"}, []string{"x=a", "x=b", "x=c"}, map[string][]float32{"b": {0, 1, 0}, " a ": {1, 0, 0}, "unseen": {0, 0, 0}, "": {0, 0, 0}}},
		{Category, []string{"b", "a", ""}, []string{"x=a", "x=b", "x missing"}, map[string][]float32{"b": {0, 1, 0}, "NA": {0, 0, 1}}},
		{Category, []string{"0", "1", "\x1b[31m"}, []string{`x=\x1b[31m`, "x=0", "x=1"}, map[string][]float32{"1": {0, 0, 1}}},
		{Category, append(repeated(40, "a", "b"), generated(20, func(i int) string { return fmt.Sprint("rare", i) })...), []string{"x=a", "x=b", "x other"},
			map[string][]float32{"a": {1, 0, 0}, "rare7": {0, 0, 1}, "unseen": {0, 0, 1}, "": {0, 0, 0}}},
		{Set, repeated(20, `["a", "b c"]`, `['d', 'it\'s']`, `["a"]`), []string{"x=a", "x=b c", "x=d", "x=it's"}, map[string][]float32{`["d","a"]`: {1, 0, 1, 0}, `["b \u0063"]`: {0, 1, 0, 0}, "[": {0, 0, 0, 0}}},
		{Set, repeated(20, "a|b", "b", "c|a"), []string{"x=a", "x=b", "x=c"}, map[string][]float32{"c|b": {0, 1, 1}, "a| |unseen": {1, 0, 0}, "": {0, 0, 0}}},
		{Date, []string{"2024-01-31", "2024-03-01"}, []string{"x month", "x weekday", "x seconds"}, map[string][]float32{"2025-01-30": {1, 4, 365 * 86400}}},
		{Date, []string{"2024-01-31", "2025-03-01"}, []string{"x year", "x month", "x weekday", "x seconds"},
			map[string][]float32{"2024-01-31": {2024, 1, 3, 0}, "2024-02-01": {2024, 2, 4, 86400}, "": {nan, nan, nan, nan}}},
		{Date, []string{"2024-01-31 12:00", "2026-01-01", "NA"}, []string{"x year", "x month", "x weekday", "x hour", "x seconds", "x missing"},
			map[string][]float32{"2024-01-31T18:30:00": {2024, 1, 3, 18.5, 6.5 * 3600, 0}, "2024-01-31T18:30:00+02:00": {2024, 1, 3, 18.5, 4.5 * 3600, 0}, "?": {nan, nan, nan, nan, nan, 1}}},
		{Date, []string{"13/02/2024", "01/03/2024"}, []string{"x month", "x weekday", "x seconds"}, map[string][]float32{"02/03/2024": {3, 6, 18 * 86400}}},
		{Date, []string{"10:30", "3 pm"}, []string{"x hour"}, map[string][]float32{"3:15 PM": {15.25}}},
		{Date, []string{"0", "86400", "1700000000"}, []string{"x year", "x month", "x weekday", "x hour", "x seconds"}, map[string][]float32{"90000": {1970, 1, 5, 1, 90000}}},
		{Date, []string{"1990", "2004"}, []string{"x year"}, map[string][]float32{"1995": {1995}}},
		{List, []string{"1 2", "3 4"}, []string{"x 1", "x 2"}, map[string][]float32{"5 NaN": {5, nan}, "": {nan, nan}}},
	} {
		e, err := Fit(test.kind, profileOf(test.cells...))
		if err != nil {
			t.Errorf("%s: %v", test.kind, err)
			continue
		}
		e = reread(t, e)
		if diff := cmp.Diff(test.names, e.Names("x")); diff != "" {
			t.Errorf("%s of %.40q: %s", test.kind, test.cells, diff)
		}
		for cell, want := range test.want {
			dst := slices.Repeat([]float32{7}, e.Width())
			if err := e.Encode(cell, dst); err != nil {
				t.Errorf("%s: %v", test.kind, err)
			} else if diff := cmp.Diff(want, dst, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("%s %q: %s", test.kind, cell, diff)
			}
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	for _, test := range []struct {
		kind   Kind
		cells  []string
		cell   string
		report string
	}{
		{Number, []string{"1", "2"}, "x\x1b", `"x\x1b" is not a number`},
		{Number, []string{"1.5", "2"}, "1,5", "not written as the numbers of the training rows"},
		{Number, []string{"$1", "$2"}, "3 €", "is in €"},
		{Date, []string{"2024-01-31"}, "31/01/2024", "is not a date as in the training rows (year-month-day)"},
		{Date, []string{"2024-01-31"}, "2024-02-30", "is not a date"},
		{List, []string{"1 2", "3 4"}, "1 2 3", "the list has 3 numbers, but those of the training rows have 2"},
		{List, []string{"1 2", "3 4"}, "1 x", `entry 2 of the list, "x", is not a number`},
	} {
		e, err := Fit(test.kind, profileOf(test.cells...))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Encode(test.cell, make([]float32, e.Width())); err == nil || !strings.Contains(err.Error(), test.report) {
			t.Errorf("%s: got %v, want %q", test.kind, err, test.report)
		}
	}
	for _, test := range []struct {
		kind   Kind
		cells  []string
		report string
	}{
		{Number, []string{"a", "b"}, `no cell is a number, such as "a", "b"`},
		{Number, []string{"", "NA"}, "every cell of the training rows is missing"},
		{Number, append(repeated(30, "1"), generated(20, func(i int) string { return fmt.Sprint("w", i) })...), "20 cells are not numbers"},
		{Number, []string{"1,5", "2.5", "7,25"}, "some numbers have decimal points"},
		{Date, []string{"x", "y"}, "no cell is a date"},
		{Date, []string{"2024-01-31", "31/01/2024"}, "written in several ways"},
		{List, []string{"1 2", "3"}, "1 to 2 numbers"},
		{List, []string{"1 2", "x"}, "1 cell is not lists"},
		{Text, []string{"x"}, "has no features"},
		{Number, nil, "there are no rows"},
	} {
		if _, err := Fit(test.kind, profileOf(test.cells...)); err == nil || !strings.Contains(err.Error(), test.report) {
			t.Errorf("%s of %.40q: got %v, want %q", test.kind, test.cells, err, test.report)
		}
	}
}

// TestRaw: only 0/1 features stay as they are.
func TestRaw(t *testing.T) {
	e, err := Fit(Number, profileOf("1", ""))
	if err != nil || !slices.Equal(e.Raw(), []bool{false, true}) {
		t.Errorf("a number: %v, %v", e.Raw(), err)
	}
	if e, err = Fit(Category, profileOf("a", "b", "")); err != nil || !slices.Equal(e.Raw(), []bool{true, true, true}) {
		t.Errorf("a category: %v, %v", e.Raw(), err)
	}
}

// TestCheck refuses what Fit does not make.
func TestCheck(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"kind":"text"}`, `{"kind":"number"}`, `{"kind":"number","form":"x"}`, `{"kind":"category"}`, `{"kind":"category","values":["b","a"]}`,
		`{"kind":"category","values":["a","a"]}`, `{"kind":"category","values":[""]}`, `{"kind":"set","values":["a"]}`, `{"kind":"set","values":["a"],"separator":"x"}`,
		`{"kind":"list"}`, `{"kind":"list","length":-1}`, `{"kind":"list","length":1e9}`, `{"kind":"date"}`, `{"kind":"date","layout":"x"}`, `{"kind":"category","values":["a"],"first":3}`,
		`{"kind":"number","form":"decimal points","values":["a"]}`, `{"kind":"number","form":"decimal points","units":["x"]}`, `{"kind":"category","values":["a"],"words":["b"]}`,
		`{"kind":"category","values":["` + strings.Repeat("a", 200) + `"]}`,
	} {
		e := &Encoder{}
		if err := json.Unmarshal([]byte(text), e); err == nil && e.Check() == nil {
			t.Errorf("%s passes", text)
		}
	}
}
