package cost_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mixmas/nn/cpu"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/cost"
)

// table is a classifier of rows of 5 numbers: 5 → 8 → 4 → 3.
func table() mixer.Specification {
	return mixer.Specification{Classes: 3, Modalities: []mixer.Modality{{Name: "lab", Kind: mixer.Table, Shape: []int{5},
		Encoder: mixer.Choice{Architecture: "simple_mlp", Options: &mixer.SimpleMLPOptions{Hidden: 8, Width: 4, Layers: 1}}}}}
}

func preset(t *testing.T, name string) mixer.Specification {
	t.Helper()
	p, err := mixer.LookupPreset(name)
	if err != nil {
		t.Fatal(err)
	}
	return p.Specification(0)
}

func TestOf(t *testing.T) {
	s, err := cost.Of(table())
	if err != nil {
		t.Fatal(err)
	}
	const weights = 5*8 + 8 + 8*4 + 4 + 4*3 + 3
	if s.Parameters != weights {
		t.Errorf("%d parameters, want %d", s.Parameters, weights)
	}
	// Two operations per weight of the products; biases, the activation and the mean over tokens add some.
	if products := int64(2 * (5*8 + 8*4 + 4*3)); s.FLOPs < products || s.FLOPs > products*5/4 {
		t.Errorf("%d operations, want a little over %d", s.FLOPs, products)
	}
	// The weights, and at least the inputs and the hidden layer of 64 rows.
	if least := int64(4 * (weights + 64*(5+8))); s.Memory < least || s.Memory > 2*least {
		t.Errorf("%d bytes for a prediction, want a little over %d", s.Memory, least)
	}
	if s.TrainingMemory < s.Memory+3*4*weights {
		t.Errorf("%d bytes for a training step, want %d and gradients and moments", s.TrainingMemory, s.Memory)
	}
	if _, err := cost.Of(mixer.Specification{}); err == nil {
		t.Error("no error for a model without modalities")
	}
}

// The published models have their published sizes, and work that follows from them.
func TestOfPresets(t *testing.T) {
	for name, want := range map[string]int{"m2mixer-avmnist": 8_339_354, "searched-avmnist": 9_318_430, "m2mixer-mimic": 29_355} {
		s, err := cost.Of(preset(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if s.Parameters != want {
			t.Errorf("%s: %d parameters, want %d", name, s.Parameters, want)
		}
		if s.Memory < 4*int64(want) || s.TrainingMemory < 16*int64(want) {
			t.Errorf("%s: %d and %d bytes, which hold less than the weights", name, s.Memory, s.TrainingMemory)
		}
		if s.FLOPs < int64(want) {
			t.Errorf("%s: %d operations, fewer than weights", name, s.FLOPs)
		}
	}
}

func meter() *cost.Meter { return cost.NewMeter(cpu.New(cpu.Options{Workers: 1})) }

func TestMeasure(t *testing.T) {
	text := mixer.Modality{Name: "notes", Kind: mixer.Text, Shape: []int{6}, Vocabulary: 50, Masked: true,
		Encoder: mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Width: 8, Depth: 1, TokenWidth: 8, ChannelWidth: 8, Heads: 1}}}
	fused := table()
	fused.Modalities[0].Masked = true
	fused.Modalities = append(fused.Modalities, text)
	fused.Fusion, fused.Network = mixer.Fuse("mean"), &mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 8, Depth: 1, TokenWidth: 8, ChannelWidth: 8}}
	m := meter()
	for name, spec := range map[string]mixer.Specification{"table": table(), "text and a table with gaps": fused} {
		first, err := m.Measure(t.Context(), spec)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if first.One <= 0 || first.Many <= 0 {
			t.Errorf("%s: %v", name, first)
		}
		again, err := m.Measure(t.Context(), spec)
		if err != nil || again != first { // a clock would hardly give the same nanoseconds twice
			t.Errorf("%s: measured again: %v, then %v (%v)", name, first, again, err)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := meter().Measure(cancelled, table()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if l, err := cost.NewMeter(nil).Measure(t.Context(), table()); l != (cost.Latency{}) || err != nil {
		t.Errorf("without a device: %v, %v", l, err)
	}
}

// full is a device without memory.
type full struct{ device.Device }

func (full) Open(int) (device.Session, error) { return nil, device.ErrOutOfMemory }

func TestMeasureOutOfMemory(t *testing.T) {
	if _, err := cost.NewMeter(full{}).Measure(t.Context(), table()); !errors.Is(err, device.ErrOutOfMemory) {
		t.Errorf("got %v", err)
	}
}

func TestLimits(t *testing.T) {
	s, err := cost.Of(table())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		name   string
		limits cost.Limits
		want   []string // parts of the reason; none if the model stays
	}{
		{"none", cost.Limits{}, nil},
		{"just enough", cost.Limits{Parameters: s.Parameters, Memory: s.Memory, Latency: time.Hour}, nil},
		{"parameters", cost.Limits{Parameters: s.Parameters - 1}, []string{"has 99 parameters, more than 98 (search.max_parameters)"}},
		{"memory", cost.Limits{Memory: s.Memory - 1}, []string{"needs ", " to predict 64 rows, more than ", "(search.max_memory)"}},
		{"both", cost.Limits{Parameters: 1, Memory: 1}, []string{"search.max_parameters), and needs "}},
		{"time", cost.Limits{Latency: 1}, []string{"takes ", " ms to predict a row on one core, longer than 1e-06 ms (search.max_latency_ms)"}},
	} {
		got, err := k.limits.LeaveOut(t.Context(), meter(), table())
		if err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
		if (got == "") != (k.want == nil) {
			t.Errorf("%s: %q", k.name, got)
		}
		for _, part := range k.want {
			if !strings.Contains(got, part) {
				t.Errorf("%s: %q does not hold %q", k.name, got, part)
			}
		}
	}
	if _, err := (cost.Limits{Latency: 1}).LeaveOut(t.Context(), nil, table()); err == nil || !strings.Contains(err.Error(), "search.max_latency_ms") {
		t.Errorf("without a meter: %v", err)
	}
}

func TestFront(t *testing.T) {
	nan := math.NaN()
	got := cost.Front(cost.Point{0.9, 10}, cost.Point{0.8, 5}, cost.Point{0.8, 6}, cost.Point{0.7, 5}, cost.Point{nan, 1}, cost.Point{0.9, 10})
	for i, want := range []bool{true, true, false, false, false, true} {
		if got[i] != want {
			t.Errorf("point %d: %v, want %v", i, got[i], want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		point := rapid.Custom(func(t *rapid.T) cost.Point {
			return cost.Point{Value: float64(rapid.IntRange(0, 4).Draw(t, "value")), Cost: float64(rapid.IntRange(0, 4).Draw(t, "cost"))}
		})
		points := rapid.SliceOfN(point, 1, 12).Draw(t, "points")
		front := cost.Front(points...)
		for i, p := range points {
			dominated := false
			for j, q := range points {
				better := q.Value >= p.Value && q.Cost <= p.Cost && (q.Value > p.Value || q.Cost < p.Cost)
				dominated = dominated || better
				if better && front[i] {
					t.Fatalf("%v is on the front although %v is better", p, points[j])
				}
			}
			if !dominated && !front[i] {
				t.Fatalf("nothing is better than %v, which is not on the front", p)
			}
		}
	})
}
