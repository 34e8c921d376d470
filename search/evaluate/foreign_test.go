package evaluate

import (
	"encoding/json"
	"fmt"
	"testing"

	"mixmas/search/trial"
)

// Trials that start from two others each, which start from two others: each is looked at once.
func TestLooseKeysOfLongChains(t *testing.T) {
	chain := func(numerics string) (looseKeys, string) {
		keys := looseKeys{known: map[string]json.RawMessage{}, found: map[string]string{}}
		last := ""
		for i := range 100 {
			spec := trial.Specification{Revision: len(numerics), Numerics: numerics, Seed: uint64(i)}
			if last != "" {
				spec.Start = map[string]string{"image": last, "audio": last}
			}
			key, canonical, err := spec.Key()
			if err != nil {
				t.Fatal(err)
			}
			keys.known[key], last = canonical, key
		}
		return keys, last
	}
	a, here := chain("cpu/avx2")
	b, there := chain("cuda")
	if here == there || a.ofKey(here) != b.ofKey(there) {
		t.Errorf("loose keys %s and %s of trials that differ in their numerics, %s and %s", a.ofKey(here), b.ofKey(there), here, there)
	}
	if len(a.found) != 100 {
		t.Errorf("%d loose keys for 100 trials", len(a.found))
	}
}

// Records that start from each other, as no trial can, end.
func TestLooseKeysOfACircle(t *testing.T) {
	keys := looseKeys{known: map[string]json.RawMessage{}, found: map[string]string{}}
	for i := range 2 {
		text, err := json.Marshal(trial.Specification{Start: map[string]string{"image": fmt.Sprint(1 - i)}})
		if err != nil {
			t.Fatal(err)
		}
		keys.known[fmt.Sprint(i)] = text
	}
	if keys.ofKey("0") == "0" {
		t.Error("a known trial has no loose key")
	}
}
