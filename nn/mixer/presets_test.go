package mixer_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"mixmas/nn/benchmarks"
	"mixmas/nn/mixer"
)

func TestPresetParameters(t *testing.T) {
	want := map[string]int{"m2mixer-avmnist": 8339354, "m2mixer-mimic": 29355, "searched-avmnist": 9318430}
	for _, p := range mixer.Presets() {
		m, err := mixer.Build(p.Specification(0.5))
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		if got := m.Parameters().Count(); got != want[p.Name] {
			t.Errorf("%s: %d parameters, want %d", p.Name, got, want[p.Name])
		}
	}
	if len(mixer.Presets()) != len(want) {
		t.Errorf("%d presets, want %d", len(mixer.Presets()), len(want))
	}
}

func TestLookupPreset(t *testing.T) {
	if p, err := mixer.LookupPreset("m2mixer-mimic"); err != nil || p.Name != "m2mixer-mimic" {
		t.Errorf("got %v, %v", p.Name, err)
	}
	if _, err := mixer.LookupPreset("m2mixer"); err == nil || !strings.Contains(err.Error(), "m2mixer-avmnist, m2mixer-mimic") {
		t.Errorf("the error %v does not list the presets", err)
	}
}

func TestSpecificationRoundTrip(t *testing.T) {
	var list []mixer.Specification
	for _, c := range benchmarks.Peers() {
		list = append(list, c.Specification)
	}
	for _, p := range mixer.Presets() {
		list = append(list, p.Specification(0.3))
	}
	list = append(list, mixer.Specification{Classes: 2, MultiLabel: true, PosWeight: []float32{0.1, 3},
		Modalities: []mixer.Modality{{Name: "text", Kind: mixer.Sequence, Shape: []int{3, 2}, Masked: true,
			Encoder: mixer.Choice{Architecture: "hyper_mixer"}}}})
	for _, spec := range list {
		first, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		var back mixer.Specification
		if err := json.Unmarshal(first, &back); err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		second, err := json.Marshal(back)
		if err != nil || string(first) != string(second) {
			t.Errorf("%s became %s, %v", first, second, err)
		}
		if got, want := parameterNames(t, back), parameterNames(t, spec); !reflect.DeepEqual(got, want) {
			t.Errorf("%s builds parameters %v, want %v", first, got, want)
		}
	}
}

func parameterNames(t *testing.T, spec mixer.Specification) []string {
	t.Helper()
	m, err := mixer.Build(spec)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range m.Parameters().All() {
		names = append(names, p.Name)
	}
	return names
}
