package store

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestKey(t *testing.T) {
	type recipe struct {
		Rate  float64
		Batch int
		Extra map[string]any
	}
	for _, c := range []struct {
		specification any
		canonical     string
	}{
		{recipe{0.001, 64, map[string]any{"b": 1, "a": []int{2}}}, `{"Batch":64,"Extra":{"a":[2],"b":1},"Rate":0.001}`},
		{json.RawMessage(" { \"z\" : 1.0, \"a\" : [ 1e2, -0, -0.0, 18446744073709551615, 5e-324 ] } "), `{"a":[100,0,0,18446744073709551615,5e-324],"z":1}`},
		{float32(0.1), `0.1`},
		{map[string]string{"<&>": "\u2028\"é"}, "{\"<&>\":\"\\u2028\\\"é\"}"},
		{nil, `null`},
	} {
		key, canonical, err := Key(c.specification)
		if err != nil || string(canonical) != c.canonical || key != string(digest([]byte(c.canonical))) {
			t.Errorf("got %s, %s, %v, want %s", key, canonical, err, c.canonical)
		}
	}
	// sha256sum of {"a":1}
	if key, _, _ := Key(map[string]int{"a": 1}); key != "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862" {
		t.Errorf("key %s", key)
	}
}

func TestKeyRefuses(t *testing.T) {
	for _, c := range []struct {
		specification any
		want          string
	}{
		{map[string]float64{"rate": math.NaN()}, "NaN"}, {math.Inf(-1), "-Inf"}, {func() {}, "func"},
		{json.RawMessage(`{"a":1e999}`), "1e999"}, {json.RawMessage(`{`), "unexpected end"},
	} {
		if key, _, err := Key(c.specification); err == nil || key != "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %q, %v, want an error with %q", key, err, c.want)
		}
	}
}

// Canonical JSON is its own canonical form, and means what the specification means.
func TestKeyIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		specification := map[string]any{}
		for range rapid.IntRange(0, 6).Draw(t, "fields") {
			name := rapid.String().Draw(t, "name")
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				specification[name] = rapid.Float64().Draw(t, "number")
			case 1:
				specification[name] = rapid.String().Draw(t, "text")
			case 2:
				specification[name] = map[string]any{"list": rapid.SliceOf(rapid.Float64()).Draw(t, "list")}
			}
		}
		key, canonical, err := Key(specification)
		if err != nil {
			t.Fatal(err)
		}
		var indented any
		if err := json.Unmarshal(canonical, &indented); err != nil {
			t.Fatal(err)
		}
		text, err := json.MarshalIndent(indented, " ", "\t")
		if err != nil {
			t.Fatal(err)
		}
		again, canonicalAgain, err := Key(json.RawMessage(text))
		if err != nil || again != key || string(canonicalAgain) != string(canonical) {
			t.Errorf("%s\nbecame %s, %v", canonical, canonicalAgain, err)
		}
	})
}
