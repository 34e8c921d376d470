package mixer_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

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

// The numbers are those of the PyTorch definitions of the same models.
func TestPeerCaseParameters(t *testing.T) {
	want := map[string]int{
		"avmnist/image/mlp_mixer": 3188506, "avmnist/audio/mlp_mixer": 3564826,
		"mmimdb/image/mlp_mixer": 6553879, "mmimdb/text/mlp_mixer": 6645399, "mimic/series/mlp_mixer": 10734,
		"avmnist/image/hyper_mixer": 3581578, "avmnist/audio/hyper_mixer": 3957898,
		"mmimdb/image/hyper_mixer": 7562775, "mmimdb/text/hyper_mixer": 7562775, "mimic/series/hyper_mixer": 51014,
		"avmnist/image/monarch_mixer": 55050, "avmnist/audio/monarch_mixer": 431370,
		"mmimdb/image/monarch_mixer": 469015, "mmimdb/text/monarch_mixer": 992791, "mimic/series/monarch_mixer": 5606,
		"avmnist/image/ramlp": 19525695, "avmnist/audio/ramlp": 25123695,
		"avmnist/full/mlp_mixer": 8336270, "avmnist/full/hyper_mixer": 9318430,
	}
	cases := mixer.PeerCases()
	if len(cases) != len(want) {
		t.Errorf("%d cases, want %d", len(cases), len(want))
	}
	for _, c := range cases {
		m, err := mixer.Build(c.Specification)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		if got := m.Parameters().Count(); got != want[c.Name] {
			t.Errorf("%s: %d parameters, want %d", c.Name, got, want[c.Name])
		}
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
	for _, c := range mixer.PeerCases() {
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
