package builtin

import (
	"math"
	"math/rand/v2"
)

// formant is a band of energy that glides from one frequency to another, in bins, while a digit is spoken.
type formant struct{ from, to float64 }

// voices are the formants of the spoken digits.
var voices = [...][]formant{
	{{4, 7}, {20, 11}},
	{{9, 4}, {12, 18}},
	{{3, 3}, {22, 14}},
	{{7, 3}, {10, 24}},
	{{8, 8}, {12, 10}},
	{{10, 4}, {14, 22}},
	{{3, 6}, {24, 19}},
	{{6, 10}, {18, 14}},
	{{5, 2}, {20, 25}},
	{{11, 6}, {15, 25}},
}

// sound writes the log-power spectrogram (side bins × side frames) of formants in noise into dst. Pitch, loudness and tempo of
// the voice are random. The power of the noise is exponentially distributed, as in a spectrogram of white noise.
func sound(dst []float32, voice []formant, noise float64, random *rand.Rand) {
	const width, quiet = 1.2, .01 // width of a formant, in bins; power of silence
	between := func(low, high float64) float64 { return low + (high-low)*random.Float64() }
	pitch, loudness := between(-1, 1), between(.5, 1.5)
	start, length := between(1, 5), between(17, 22)
	for frame := range side {
		progress := (float64(frame) - start) / length
		voiced := progress >= 0 && progress <= 1
		envelope := loudness * math.Sin(math.Pi*progress)
		for bin := range side {
			power := quiet + noise*random.ExpFloat64()
			if voiced {
				for _, f := range voice {
					distance := (float64(bin) - pitch - f.from - (f.to-f.from)*progress) / width
					if math.Abs(distance) < 5 { // farther away it is below the rounding of float32
						power += envelope * math.Exp(-distance*distance/2)
					}
				}
			}
			dst[bin*side+frame] = float32(math.Log(power))
		}
	}
}
