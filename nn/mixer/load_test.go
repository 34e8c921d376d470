package mixer_test

import (
	"fmt"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
)

// Deep models are recorded, planned and loaded in time proportional to their depth.
func BenchmarkLoad(b *testing.B) {
	for _, depth := range []int{100, 500, 1000} {
		b.Run(fmt.Sprint(depth), func(b *testing.B) {
			m, err := mixer.Build(mixer.Specification{Classes: 2, Modalities: []mixer.Modality{{Name: "x", Kind: mixer.Sequence, Shape: []int{4, 2},
				Encoder: mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Width: 2, Depth: depth, TokenWidth: 2, ChannelWidth: 2, Heads: 1}}}}})
			if err != nil {
				b.Fatal(err)
			}
			session, err := cpu.New(cpu.Options{}).Open(m.Parameters().StateSize())
			if err != nil {
				b.Fatal(err)
			}
			defer session.Close()
			for b.Loop() {
				g := nn.NewGraph(m.Parameters(), nn.Training, true)
				_, loss := m.Forward(g, []*nn.Value{g.Input("x", 2, 4, 2)}, g.Input("labels", 2))
				g.Backward(loss, nil)
				g.Optimise(nn.Optimiser{Name: "adam"})
				p, err := g.Compile("deep")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := session.Load(p); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(p.Buffers)), "buffers")
			}
		})
	}
}
