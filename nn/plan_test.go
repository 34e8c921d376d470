package nn

import (
	"slices"
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

// The plan is what it was first defined as: of buffers by size, each at the lowest offset that is free during its lifetime,
// which is 0 or the end of another.
func TestPlanIsLargestFirstLowestFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &device.Program{}
		for range rapid.IntRange(1, 60).Draw(t, "buffers") {
			first := rapid.IntRange(-1, 40).Draw(t, "first")
			p.Buffers = append(p.Buffers, device.BufferInfo{Size: rapid.IntRange(0, 300).Draw(t, "size"),
				First: first, Last: first + rapid.IntRange(0, 20).Draw(t, "length")})
		}
		place(p)
		var order []*device.BufferInfo
		for i := range p.Buffers {
			order = append(order, &p.Buffers[i])
		}
		slices.SortStableFunc(order, func(a, b *device.BufferInfo) int { return b.Size - a.Size })
		for i, b := range order {
			lowest := -1
			for _, at := range append([]int{0}, ends(order[:i])...) {
				free := !slices.ContainsFunc(order[:i], func(q *device.BufferInfo) bool {
					return q.First <= b.Last && b.First <= q.Last && at < q.Offset+roundUp(q.Size) && q.Offset < at+roundUp(b.Size)
				})
				if free && (lowest < 0 || at < lowest) {
					lowest = at
				}
			}
			if b.Offset != lowest {
				t.Fatalf("buffer of %d from %d to %d lies at %d, want %d", b.Size, b.First, b.Last, b.Offset, lowest)
			}
		}
	})
}

// ends are where placed buffers end.
func ends(list []*device.BufferInfo) (all []int) {
	for _, q := range list {
		all = append(all, q.Offset+roundUp(q.Size))
	}
	return all
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
