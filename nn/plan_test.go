package nn

import (
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn/device"
)

// Buffers that hold values at the same time must not share memory, whatever their sizes and lifetimes.
func TestPlanKeepsLiveBuffersApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &device.Program{}
		for range rapid.IntRange(1, 60).Draw(t, "buffers") {
			first := rapid.IntRange(-1, 40).Draw(t, "first")
			p.Buffers = append(p.Buffers, device.BufferInfo{Size: rapid.IntRange(1, 300).Draw(t, "size"),
				First: first, Last: first + rapid.IntRange(0, 20).Draw(t, "length")})
		}
		place(p)
		for i, a := range p.Buffers {
			if a.Offset%device.Alignment != 0 || a.Offset+a.Size > p.ArenaSize {
				t.Fatalf("buffer %d at %d+%d does not lie well in an arena of %d", i, a.Offset, a.Size, p.ArenaSize)
			}
			for j, b := range p.Buffers[:i] {
				together := a.First <= b.Last && b.First <= a.Last
				if together && a.Offset < b.Offset+b.Size && b.Offset < a.Offset+a.Size {
					t.Fatalf("buffers %d %+v and %d %+v overlap", i, a, j, b)
				}
			}
		}
	})
}

func TestPlanReusesMemory(t *testing.T) {
	p := &device.Program{}
	for i := range 10 {
		p.Buffers = append(p.Buffers, device.BufferInfo{Size: 64, First: i, Last: i + 1})
	}
	place(p)
	if p.ArenaSize != 128 || p.Activations != 640 {
		t.Errorf("a chain of ten buffers of 64 takes %d of %d elements, want 128 of 640", p.ArenaSize, p.Activations)
	}
}
