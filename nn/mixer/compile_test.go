package mixer_test

import (
	"fmt"
	"testing"

	"mixmas/nn"
	"mixmas/nn/mixer"
)

// The memory of deep models is planned in little time.
func BenchmarkCompile(b *testing.B) {
	for _, depth := range []int{100, 500, 1000} {
		b.Run(fmt.Sprint(depth), func(b *testing.B) {
			m, err := mixer.Build(mixer.Specification{Classes: 2, Modalities: []mixer.Modality{{Name: "x", Kind: mixer.Sequence, Shape: []int{4, 2},
				Encoder: mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Width: 2, Depth: depth, TokenWidth: 2, ChannelWidth: 2, Heads: 1}}}}})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				g := nn.NewGraph(m.Parameters(), nn.Training, true)
				_, loss := m.Forward(g, []*nn.Value{g.Input("x", 2, 4, 2)}, g.Input("labels", 2))
				g.Backward(loss, nil)
				p, err := g.Compile("deep")
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(p.Buffers)), "buffers")
			}
		})
	}
}
