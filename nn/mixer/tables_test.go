package mixer_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/mixer"
)

var (
	smallGMLP   = mixer.Choice{Architecture: "gmlp", Options: &mixer.GMLPOptions{Width: 8, Depth: 2, Hidden: 6}}
	smallResMLP = mixer.Choice{Architecture: "resmlp", Options: &mixer.ResMLPOptions{Width: 8, Depth: 2, Hidden: 6}}
)

// Tokens that are not real contribute nothing to the linear layers over the tokens.
func TestSpatialLayersOfMaskedSteps(t *testing.T) {
	for _, encoder := range []mixer.Choice{smallGMLP, smallResMLP} {
		m := build(t, mixer.Specification{Classes: 3, Modalities: []mixer.Modality{{Name: "text", Kind: mixer.Sequence, Shape: []int{7, 2},
			Masked: true, Encoder: encoder}}})
		want := logits(t, m, steps(7, 0), realTokens(3, 7))
		if got := logits(t, m, steps(7, 5), realTokens(3, 7)); !near(got, want) {
			t.Errorf("%s: with other values behind the mask the logits are %v, want %v", encoder.Architecture, got, want)
		}
		if got := logits(t, m, steps(7, 5), realTokens(5, 7)); near(got, want) {
			t.Errorf("%s: two more steps change nothing", encoder.Architecture)
		}
	}
}

// gMLP and ResMLP as networks, and the fusion functions with weights, ignore what rows lack; a row may lack everything.
func TestGatesAndProductsOfMissingModalities(t *testing.T) {
	for _, c := range []struct {
		fusion  *mixer.FusionChoice
		network mixer.Choice
	}{
		{mixer.Fuse("concat"), smallGMLP}, {mixer.Fuse("concat"), smallResMLP},
		{&mixer.FusionChoice{Function: "gated", Options: &mixer.GatedOptions{Context: "token"}}, smallHyper},
		{&mixer.FusionChoice{Function: "gated", Options: &mixer.GatedOptions{Context: "mean"}}, smallHyper},
		{&mixer.FusionChoice{Function: "bilinear", Options: &mixer.BilinearOptions{Rank: 2}}, smallHyper},
	} {
		spec := partlyMissing("concat", c.network)
		spec.Fusion = c.fusion
		m := build(t, spec)
		for has := range 8 {
			row := func(change float32) []nn.Tensor { return rowOf(change, has&1 != 0, has&2 != 0, has&4 != 0) }
			want, got := logits(t, m, row(0)...), logits(t, m, row(3)...)
			if !near(got, want) || slices.ContainsFunc(got, func(z float32) bool { return z-z != 0 }) {
				t.Errorf("%s, %s, modalities %03b: logits %v, with other values behind the masks %v", c.fusion.Function, c.network.Architecture, has, want, got)
			}
		}
		for name, gradient := range gradients(t, m, rowOf(2, false, true, false)) {
			if slices.ContainsFunc(gradient, func(d float64) bool { return d-d != 0 }) {
				t.Errorf("%s, %s: %s has the gradient %v", c.fusion.Function, c.network.Architecture, name, gradient)
			}
		}
	}
}

// The bins of each number begin with the quantiles of the standard normal distribution, one bin after the other.
func TestBinsBeginWithQuantiles(t *testing.T) {
	for bins := 1; bins < 9; bins++ {
		s := nn.NewScope()
		mixer.NewPiecewiseLinear(s, 3, bins)
		w := s.Parameters().Initialise(1)
		end := math.Inf(-1)
		for k := range bins {
			slope, offset := float64(w["slope"].Data[bins+k]), float64(w["offset"].Data[bins+k])
			from, to := -offset/slope, (1-offset)/slope
			if !(slope > 0) || k > 0 && math.Abs(from-end) > 1e-5 {
				t.Errorf("%d bins: bin %d is %v to %v, the one before ends at %v", bins, k, from, to, end)
			}
			if p := (1 + math.Erf(to/math.Sqrt2)) / 2; k < bins-1 && math.Abs(p-float64(k+1)/float64(bins)) > 1e-5 {
				t.Errorf("%d bins: bin %d ends at the quantile %v", bins, k, p)
			}
			end = to
		}
	}
}

// Sizes that no memory has are errors that name the option.
func TestTablesOfTooManyBins(t *testing.T) {
	table := mixer.Modality{Name: "row", Kind: mixer.Table, Shape: []int{5}, Encoder: mixer.Choice{Architecture: "residual_mlp",
		Options: &mixer.ResidualMLPOptions{Width: 4, Depth: 1, Hidden: 4, Bins: 1 << 36}}}
	_, err := mixer.Build(mixer.Specification{Modalities: []mixer.Modality{table}, Classes: 2})
	if err == nil || !strings.Contains(err.Error(), "bins: 68719476736 for each of 5 numbers") {
		t.Errorf("bins: got error %v", err)
	}
	network := smallHyper
	table.Encoder = mixer.Choice{Architecture: "simple_mlp"}
	_, err = mixer.Build(mixer.Specification{Modalities: []mixer.Modality{table}, Classes: 2, Network: &network,
		Fusion: &mixer.FusionChoice{Function: "bilinear", Options: &mixer.BilinearOptions{Rank: 1 << 36}}})
	if err == nil || !strings.Contains(err.Error(), "rank: 68719476736 products of 64 features") {
		t.Errorf("rank: got error %v", err)
	}
}
