package plan

import (
	"strings"
	"testing"

	"mixmas/search/config"
	"mixmas/search/cost"
	"mixmas/search/dataset"
	"mixmas/search/dataset/builtin"
	"mixmas/search/strategy"
)

const limitedPlan = `
data: {format: builtin, train: 60, validation: 20, test: 20}
search:
  encoders:
    image: {defaults: {width: 8, depth: 1, patch: 7, channel_width: 8}, candidates: [monarch_mixer, {name: mlp_mixer, channel_width: 500}]}
    audio: {defaults: {width: 8, depth: 1, patch: 7, channel_width: 8}, candidates: [monarch_mixer, mlp_mixer]}
  fusions: [concat, mean]
  networks: {defaults: {depth: 1, channel_width: 8}, candidates: [mlp_mixer]}
`

func limitedSpace(t *testing.T) *strategy.Space {
	t.Helper()
	c, err := config.Parse("plan.yaml", []byte(limitedPlan))
	if err != nil {
		t.Fatal(err)
	}
	data, err := builtin.Open(t.Context(), *c.Data.Options.(*builtin.Options), dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Space(c, data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// An encoder is left out by itself, or because no whole model with it would stay within the limits.
func TestLeaveOut(t *testing.T) {
	s := limitedSpace(t)
	image := s.Modalities[0]
	if image.Name != "image" {
		image = s.Modalities[1]
	}
	small, large := s.EncoderModel(image, image.Encoders[0]), s.EncoderModel(image, image.Encoders[1])
	least := func(c strategy.Candidate) cost.Static { // of the whole models with an encoder for the image
		var least cost.Static
		for _, f := range s.Fusions {
			choices := strategy.Choices{Encoders: map[string]strategy.Candidate{}, Fusion: f, Network: s.Networks[0]}
			for _, m := range s.Modalities {
				choices.Encoders[m.Name] = m.Encoders[0] // the Monarch mixer is the smallest
			}
			choices.Encoders["image"] = c
			static, err := cost.Of(s.Model(choices))
			if err != nil {
				t.Fatal(err)
			}
			if least.Parameters == 0 || static.Parameters < least.Parameters {
				least.Parameters = static.Parameters
			}
			if least.Memory == 0 || static.Memory < least.Memory {
				least.Memory = static.Memory
			}
		}
		return least
	}
	alone, err := cost.Of(large)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		limits cost.Limits
		want   string // part of the reason for the large encoder
	}{
		{"its own parameters", cost.Limits{Parameters: alone.Parameters - 1}, "parameters, more than "},
		{"those of every whole model", cost.Limits{Parameters: least(image.Encoders[1]).Parameters - 1}, "is too large for any whole model: the smallest one has "},
		{"its whole model fits", cost.Limits{Parameters: least(image.Encoders[1]).Parameters}, ""},
		{"memory of every whole model", cost.Limits{Memory: least(image.Encoders[1]).Memory - 1}, "is too large for any whole model: the smallest one needs "},
		{"memory", cost.Limits{Memory: least(image.Encoders[1]).Memory}, ""},
	} {
		leaveOut := LeaveOut(s, c.limits, nil)
		got, err := leaveOut(t.Context(), large)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if got, err := leaveOut(t.Context(), small); got != "" || err != nil {
			t.Errorf("%s: the small encoder %s (%v)", c.name, got, err)
		}
	}
	if LeaveOut(s, cost.Limits{}, nil) != nil {
		t.Error("without limits everything is asked")
	}
}
