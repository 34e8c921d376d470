package mixer_test

import (
	"testing"

	"mixmas/nn/mixer"
)

// The parts of an outline have all parameters of the model between them.
func TestOutline(t *testing.T) {
	for _, p := range mixer.Presets() {
		o, err := p.Specification(0.5).Outline()
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		sum := o.Head
		for _, e := range o.Encoders {
			sum += e.Parameters + e.Align + e.Head
			if tokens, width, err := e.Output(); err != nil || tokens != e.Tokens || width != e.Width || e.Parameters == 0 {
				t.Errorf("%s: the encoder of %s: %+v, want %d × %d (%v)", p.Name, e.Modality.Name, e.PartOutline, tokens, width, err)
			}
		}
		for _, part := range []*mixer.PartOutline{o.Fusion, o.Network} {
			if part != nil {
				sum += part.Parameters
			}
		}
		m, err := mixer.Build(p.Specification(0.5))
		if err != nil {
			t.Fatal(err)
		}
		if want := m.Parameters().Count(); sum != want || o.Parameters != want {
			t.Errorf("%s: the parts have %d parameters and the outline says %d, want %d", p.Name, sum, o.Parameters, want)
		}
	}
	if _, err := (mixer.Specification{}).Outline(); err == nil {
		t.Error("an empty specification has an outline")
	}
}
