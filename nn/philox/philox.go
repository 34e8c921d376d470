// Package philox is the counter-based random number generator Philox4x32-10 (Salmon et al., "Parallel random numbers: as
// easy as 1, 2, 3", SC 2011). A number depends only on its counter and key, so a stream can be computed in any order,
// on any device and by any number of workers.
package philox

// The multipliers of the two lanes and the increments of the two key words.
const (
	multiplier0 = 0xD2511F53
	multiplier1 = 0xCD9E8D57
	increment0  = 0x9E3779B9
	increment1  = 0xBB67AE85
)

// Block returns the four random words of a counter under a key, both with the low word first, after ten rounds.
func Block(counter [4]uint32, key [2]uint32) [4]uint32 {
	c0, c1, c2, c3 := counter[0], counter[1], counter[2], counter[3]
	k0, k1 := key[0], key[1]
	for range 10 {
		p0, p1 := uint64(multiplier0)*uint64(c0), uint64(multiplier1)*uint64(c2)
		c0, c1, c2, c3 = uint32(p1>>32)^c1^k0, uint32(p1), uint32(p0>>32)^c3^k1, uint32(p0)
		k0 += increment0
		k1 += increment1
	}
	return [4]uint32{c0, c1, c2, c3}
}
