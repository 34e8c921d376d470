package philox_test

import (
	"testing"

	"mixmas/nn/philox"
)

// TestBlock checks known answers: the first two are those of the authors' Random123 library.
func TestBlock(t *testing.T) {
	const ones = 0xffffffff
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{want: [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{1, 2, 3, 1}, [2]uint32{1, 5}, [4]uint32{0xda86e1e6, 0x3df67716, 0x6d7beb73, 0xdf484d5c}},
	} {
		if got := philox.Block(c.counter, c.key); got != c.want {
			t.Errorf("Block(%x, %x) = %x, want %x", c.counter, c.key, got, c.want)
		}
	}
}

func BenchmarkBlock(b *testing.B) {
	var sum uint32
	for i := range b.N {
		sum ^= philox.Block([4]uint32{uint32(i)}, [2]uint32{1, 2})[3]
	}
	_ = sum
}
