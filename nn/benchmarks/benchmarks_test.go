package benchmarks_test

import (
	"testing"

	"mixmas/nn/benchmarks"
	"mixmas/nn/mixer"
)

// The numbers are those of the PyTorch definitions of the same models.
func TestPeerParameters(t *testing.T) {
	want := map[string]int{
		"avmnist/image/mlp_mixer": 3188506, "avmnist/audio/mlp_mixer": 3564826,
		"mmimdb/image/mlp_mixer": 6553879, "mmimdb/text/mlp_mixer": 6645399, "mimic/series/mlp_mixer": 10734,
		"avmnist/image/hyper_mixer": 3581578, "avmnist/audio/hyper_mixer": 3957898,
		"mmimdb/image/hyper_mixer": 7562775, "mmimdb/text/hyper_mixer": 7562775, "mimic/series/hyper_mixer": 51014,
		"avmnist/image/monarch_mixer": 55050, "avmnist/audio/monarch_mixer": 431370,
		"mmimdb/image/monarch_mixer": 469015, "mmimdb/text/monarch_mixer": 992791, "mimic/series/monarch_mixer": 5606,
		"avmnist/image/ramlp": 19525695, "avmnist/audio/ramlp": 25123695,
		"series/128x64/gru": 25350, "series/128x64/lstm": 33670,
		"series/32x128/gru": 99846, "series/32x128/lstm": 132870,
		"series/400x32/gru": 19206, "series/400x32/lstm": 25478,
		"avmnist/image/transformer": 803082, "mimic/series/transformer": 36358, "table/ft_transformer": 73238,
		"avmnist/image/residual_cnn": 77562, "mimic/series/dilated_cnn": 101190,
		"avmnist/image/gmlp": 412370, "avmnist/image/resmlp": 543442, "table/residual_mlp": 182914,
		"avmnist/full/mlp_mixer": 8336270, "avmnist/full/hyper_mixer": 9318430,
	}
	cases := benchmarks.Peers()
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
