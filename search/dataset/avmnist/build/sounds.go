package build

import (
	"archive/zip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path"
	"sort"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"gonum.org/v1/gonum/dsp/fourier"

	"mixmas/search/dataset/files"
	"mixmas/search/dataset/wav"
	"mixmas/search/regular"
)

// A spectrogram has 112 bins × 112 frames: one second at 8 kHz under a periodic Hann window of 222 samples every 70.
const (
	rate   = 8000
	length = rate // samples per sound: one second
	window = 222
	hop    = 70
	bins   = window/2 + 1
	frames = (length-window)/hop + 1
	floor  = 1e-8 // added to the power before the logarithm
)

// recording is a sound of any length.
type recording struct {
	name    string
	samples []float32
}

// use is the split that a recording is for, by its index. FSDD's own test set is 0–4 of every speaker and digit.
type use int

const (
	forTesting    use = iota // 0–4
	forValidation            // 5–9
	forTraining              // 10 and more
)

func useOf(index int) use {
	switch {
	case index < 5:
		return forTesting
	case index < 10:
		return forValidation
	}
	return forTraining
}

// speech holds recordings by use and digit, sorted by name.
type speech [3][digits][]*recording

// readRecordings reads FSDD's {digit}_{speaker}_{index}.wav and keeps the first second of each.
func readRecordings(ctx context.Context, file string) (*speech, error) {
	all, err := readSounds(ctx, file, length)
	if err != nil {
		return nil, err
	}
	var s speech
	for _, r := range all {
		words := strings.Split(r.name, "_")
		digit, err := strconv.Atoi(words[0])
		index, err2 := strconv.Atoi(words[len(words)-1])
		if len(words) < 3 || err != nil || err2 != nil || digit < 0 || digit >= digits || index < 0 {
			return nil, fmt.Errorf("%s: %s.wav is not named DIGIT_SPEAKER_INDEX.wav", file, r.name)
		}
		s[useOf(index)][digit] = append(s[useOf(index)][digit], r)
	}
	for u, what := range []string{"testing (index 0 to 4)", "validation (index 5 to 9)", "training (index from 10)"} {
		for digit := range digits {
			if len(s[u][digit]) == 0 {
				return nil, fmt.Errorf("%s: there is no recording of digit %d for %s", file, digit, what)
			}
		}
	}
	return &s, nil
}

// assign chooses a recording of its digit for each label: round-robin within the digit, in an order that the seed shuffles.
func (s *speech) assign(labels []byte, u use, seed uint64) []*recording {
	var order [digits][]int
	random := generator(seed, 2, uint64(u))
	for digit := range digits {
		order[digit] = random.Perm(len(s[u][digit]))
	}
	var used [digits]int
	chosen := make([]*recording, len(labels))
	for row, digit := range labels {
		turn := order[digit]
		chosen[row] = s[u][digit][turn[used[digit]%len(turn)]]
		used[digit]++
	}
	return chosen
}

// noises holds background noises, sorted by name.
type noises struct{ train, test []*recording }

// readNoises reads background noises; running_tap and dude_miaowing are for testing, all others for training and validation.
func readNoises(ctx context.Context, file string) (*noises, error) {
	all, err := readSounds(ctx, file, math.MaxInt)
	if err != nil {
		return nil, err
	}
	var n noises
	for _, r := range all {
		if len(r.samples) < length {
			return nil, fmt.Errorf("%s: %s.wav is shorter than one second", file, r.name)
		}
		if r.name == "running_tap" || r.name == "dude_miaowing" {
			n.test = append(n.test, r)
		} else {
			n.train = append(n.train, r)
		}
	}
	if len(n.train) == 0 || len(n.test) == 0 {
		return nil, fmt.Errorf("%s: want running_tap.wav or dude_miaowing.wav, and at least one other noise", file)
	}
	return &n, nil
}

// mostBytes limits what is read from a zip file, per sound and for all sounds. The longest noise has a tenth of the first
// limit, the Free Spoken Digit Dataset a third of the second. Tests lower both.
var mostBytes = struct{ one, all int }{1 << 24, 1 << 26}

// readSounds reads the wav files of a zip file, sorted by name, and keeps at most keep samples of each. A small zip file may
// hold very large ones, so mostBytes limits what is read.
func readSounds(ctx context.Context, file string, keep int) ([]*recording, error) {
	f, err := regular.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var list []*recording
	all := 0
	for _, member := range archive.File {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if path.Ext(member.Name) != ".wav" || files.Hidden(member.Name) {
			continue
		}
		content, err := read(member, min(mostBytes.one, mostBytes.all-all))
		if errors.Is(err, errTooLarge) && mostBytes.all-all < mostBytes.one {
			return nil, fmt.Errorf("%s: with %s, its sounds together are larger than %s", file, member.Name, humanize.IBytes(uint64(mostBytes.all)))
		}
		if errors.Is(err, errTooLarge) {
			return nil, fmt.Errorf("%s: %s: the file is larger than %s", file, member.Name, humanize.IBytes(uint64(mostBytes.one)))
		}
		var sound wav.Sound
		if err == nil {
			sound, err = decode(content)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, member.Name, err)
		}
		all += max(len(content), 2*len(sound.Samples)) // as float32, 8-bit samples take four times their size, 16-bit samples twice
		samples := sound.Samples[:min(keep, len(sound.Samples))]
		name := strings.TrimSuffix(path.Base(member.Name), ".wav")
		list = append(list, &recording{name, append([]float32(nil), samples...)})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].name < list[j].name })
	return list, nil
}

var errTooLarge = errors.New("too large")

// read reads one member of an archive, of at most limit bytes.
func read(member *zip.File, limit int) ([]byte, error) {
	r, err := member.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(content) > limit {
		err = errTooLarge
	}
	return content, err
}

// decode decodes a wav file of the expected rate.
func decode(content []byte) (wav.Sound, error) {
	sound, err := wav.Decode(content)
	if err != nil {
		return wav.Sound{}, err
	}
	if sound.Rate != rate {
		return wav.Sound{}, fmt.Errorf("%d samples per second, want %d", sound.Rate, rate)
	}
	if len(sound.Samples) == 0 {
		return wav.Sound{}, errors.New("it has no samples")
	}
	return sound, nil
}

// generator returns a random generator that depends only on seed, stream and index.
func generator(seed, stream, index uint64) *rand.Rand {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[0:], seed)
	binary.LittleEndian.PutUint64(key[8:], stream)
	binary.LittleEndian.PutUint64(key[16:], index)
	return rand.New(rand.NewChaCha8(key))
}

// mixer mixes speech with noise and computes the spectrogram. Only one goroutine may use it at a time.
type mixer struct {
	fft      *fourier.FFT
	hann     [window]float64
	mixed    [length]float64
	frame    [window]float64
	spectrum [bins]complex128
}

func newMixer() *mixer {
	m := &mixer{fft: fourier.NewFFT(window)}
	for i := range m.hann {
		m.hann[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/window)
	}
	return m
}

// mix writes the spectrogram (bins × frames, log of power) of one second of speech in noise into dst. Speech starts with the
// second and is followed by silence; the noise and its excerpt are random. snr is the ratio of the RMS over the second, in dB.
func (m *mixer) mix(dst []float32, speech *recording, noises []*recording, snr float64, random *rand.Rand) {
	noise := noises[random.IntN(len(noises))].samples
	noise = noise[random.IntN(len(noise)-length+1):][:length]
	scale := 0.0
	if level := rms(noise); level > 0 {
		scale = rms(speech.samples) / level * math.Pow(10, -snr/20)
	}
	for i := range m.mixed {
		m.mixed[i] = scale * float64(noise[i])
		if i < len(speech.samples) {
			m.mixed[i] += float64(speech.samples[i])
		}
	}
	for t := range frames {
		for i := range m.frame {
			m.frame[i] = m.mixed[t*hop+i] * m.hann[i]
		}
		for f, c := range m.fft.Coefficients(m.spectrum[:], m.frame[:]) {
			dst[f*frames+t] = float32(math.Log(real(c)*real(c) + imag(c)*imag(c) + floor))
		}
	}
}

// rms is the root mean square over one second, including the silence after shorter sounds.
func rms(samples []float32) float64 {
	sum := 0.0
	for _, v := range samples {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / length)
}
