package augment

import (
	"hash/fnv"
	"math"

	"mixmas/nn/philox"
)

// Draw draws random numbers for one change of one row in one epoch. They depend on nothing else, and on no machine: all but [Draw.Beta]
// is arithmetic of whole numbers.
type Draw struct {
	key     [2]uint32
	counter [4]uint32 // the block within the draw, the row, the epoch, what is drawn
	words   [4]uint32
	left    int
}

// apart keeps the numbers apart from those of dropout, which have the same seed.
const apart = 0x61756763 // "augc"

// NewDraw returns the numbers of a purpose, see [Purpose], under the seed of a training.
func NewDraw(seed uint64, purpose uint32, epoch, row int) Draw {
	return Draw{key: [2]uint32{uint32(seed) ^ apart, uint32(seed>>32) ^ apart}, counter: [4]uint32{0, uint32(row), uint32(epoch), purpose}}
}

// Purpose returns a number for a use of random numbers by its name.
func Purpose(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32()
}

// word returns the next 32 random bits.
func (d *Draw) word() uint32 {
	if d.left == 0 {
		d.words = philox.Block(d.counter, d.key)
		d.counter[0]++
		d.left = len(d.words)
	}
	d.left--
	return d.words[len(d.words)-1-d.left]
}

// Uniform returns a number from 0 to less than 1, a multiple of 2^-32.
func (d *Draw) Uniform() float64 { return float64(d.word()) / (1 << 32) }

// Below returns a whole number from 0 to n-1.
func (d *Draw) Below(n int) int { return int(uint64(d.word()) * uint64(n) >> 32) }

// Between returns a whole number from low to high.
func (d *Draw) Between(low, high int) int { return low + d.Below(high-low+1) }

// Noise returns a number of mean 0 and deviation 1: the sum of four random bytes, which is nearly normal and within ±3.46. It takes
// a word, and needs no function whose last bits differ between machines.
func (d *Draw) Noise() float32 { return noise(d.word()) }

// noise makes the number of a word.
func noise(w uint32) float32 {
	const (
		mean    = 4 * 255 / 2
		inverse = 1 / 147.80166 // of the deviation: the root of 4·(256²-1)/12
	)
	w = w&0x00ff00ff + w>>8&0x00ff00ff
	return float32(int(w&0xffff+w>>16)-mean) * inverse
}

// addNoise adds a deviation times [Draw.Noise] to each of some numbers.
func (d *Draw) addNoise(x []float32, deviation float32) {
	for ; d.left > 0 && len(x) > 0; x = x[1:] {
		x[0] += float32(deviation * d.Noise())
	}
	for ; len(x) >= len(d.words); x = x[len(d.words):] { // a whole block at a time
		words := philox.Block(d.counter, d.key)
		d.counter[0]++
		x[0] += float32(deviation * noise(words[0]))
		x[1] += float32(deviation * noise(words[1]))
		x[2] += float32(deviation * noise(words[2]))
		x[3] += float32(deviation * noise(words[3]))
	}
	for i := range x {
		x[i] += float32(deviation * d.Noise())
	}
}

// Beta returns a number from 0 to 1 of the Beta distribution whose two parameters are alpha, above 0 and at most 1 (Jöhnk 1964). It is
// rounded to a multiple of 2^-16, so that it does not depend on a machine's logarithm.
func (d *Draw) Beta(alpha float64) float32 {
	for {
		u, v := 1-d.Uniform(), 1-d.Uniform()
		x, y := math.Pow(u, 1/alpha), math.Pow(v, 1/alpha)
		switch {
		case x+y > 1:
			continue
		case x+y == 0: // both are too small for a float64: the larger one is all
			if u > v {
				return 1
			}
			return 0
		}
		return float32(math.Round(x/(x+y)*(1<<16)) / (1 << 16))
	}
}
