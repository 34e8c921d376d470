package build

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/dataset/avmnist"
)

// idxFile is an IDX file of bytes, compressed where zipped says so.
func idxFile(zipped bool, data []byte, shape ...int) []byte {
	b := []byte{0, 0, uint8Type, byte(len(shape))}
	for _, n := range shape {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	b = append(b, data...)
	if !zipped {
		return b
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// wavFile is a mono file of 16 bits.
func wavFile(rate int, samples []float64) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00")
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*rate))
	b = append(b, "\x02\x00\x10\x00data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*len(samples)))
	for _, v := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(32767*v)))
	}
	return b
}

// tone is a sine of so many Hz and samples.
func tone(hertz float64, samples int) []float64 {
	s := make([]float64, samples)
	for i := range s {
		s[i] = .5 * math.Sin(2*math.Pi*hertz*float64(i)/rate)
	}
	return s
}

// ingredients are the files to build from, by name; zip files are folders of members.
type ingredients struct {
	plain map[string][]byte
	zips  map[string]map[string][]byte
}

const fakeSide, fakeTrain, fakeTest, fakeValidation = 5, 24, 10, 6

// fake makes small ingredients: 24 and 10 images of 5×5, recordings 0, 5, 10 and 11 of each digit, four noises.
func fake() ingredients {
	random := rand.New(rand.NewPCG(1, 2))
	in := ingredients{map[string][]byte{}, map[string]map[string][]byte{"fsdd-recordings.zip": {}, "background-noise-8k.zip": {}}}
	for prefix, rows := range map[string]int{"train": fakeTrain, "t10k": fakeTest} {
		pixels, labels := make([]byte, rows*fakeSide*fakeSide), make([]byte, rows)
		for i := range pixels {
			pixels[i] = byte(max(0, random.IntN(400)-145))
		}
		for i := range labels {
			labels[i] = byte(i * 7 % digits)
		}
		in.plain[prefix+"-images-idx3-ubyte.gz"] = idxFile(true, pixels, rows, fakeSide, fakeSide)
		in.plain[prefix+"-labels-idx1-ubyte"] = idxFile(false, labels, rows)
	}
	for digit := range digits {
		for _, index := range []int{0, 5, 10, 11} {
			in.zips["fsdd-recordings.zip"][fmt.Sprintf("recordings/%d_some_one_%d.wav", digit, index)] = wavFile(rate, tone(float64(300*(digit+1)+10*index), 800+50*digit))
		}
	}
	for i, name := range []string{"running_tap", "dude_miaowing", "pink_noise", "exercise_bike"} {
		in.zips["background-noise-8k.zip"]["noise/"+name+".wav"] = wavFile(rate, tone(float64(1000+i), rate+100*i))
	}
	in.zips["background-noise-8k.zip"]["noise/README.md"] = []byte("no sound")
	for name := range in.zips { // what macOS packs beside files
		in.zips[name]["__MACOSX/sounds/._sound.wav"] = []byte("\x00\x05\x16\x07")
		in.zips[name]["._sound.wav"] = []byte("\x00\x05\x16\x07")
	}
	return in
}

// write writes the ingredients into a new folder.
func (in ingredients) write(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range in.plain {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, members := range in.zips {
		f, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		w := zip.NewWriter(f)
		for member, content := range members {
			m, err := w.CreateHeader(&zip.FileHeader{Name: member, Method: zip.Store})
			if err == nil {
				_, err = m.Write(content)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func fakeOptions(t *testing.T, in ingredients) Options {
	return Options{From: in.write(t), To: filepath.Join(t.TempDir(), "new", "avmnist"), Components: 3, SNR: -5, Validation: fakeValidation, Seed: 1}
}

func TestBuildIsReadable(t *testing.T) {
	o := fakeOptions(t, fake())
	last := 0
	o.Progress = func(done, total int) {
		if done <= last || total != fakeTrain+fakeTest {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}
	report, err := Build(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if last != fakeTrain+fakeTest {
		t.Errorf("progress ended at %d", last)
	}
	if report.Explained <= 0 || report.Explained >= 1 || len(report.Files) != 6 {
		t.Errorf("report %+v", report)
	}
	for _, f := range report.Files {
		content, err := os.ReadFile(filepath.Join(report.Folder, f.Path))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != f.SHA256 || int64(len(content)) != f.Bytes {
			t.Errorf("%s is not what the report says", f.Path)
		}
	}
	format, err := dataset.Lookup("avmnist")
	if err != nil {
		t.Fatal(err)
	}
	d, err := format.Open(context.Background(), &avmnist.Options{Path: report.Folder, Validation: fakeValidation}, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := fmt.Sprint(d.Modalities(), d.Len(dataset.Train), d.Len(dataset.Validation), d.Len(dataset.Test)); got != "[{image map [1 5 5] false 0 0} {audio map [1 112 112] false 0 0}] 18 6 10" {
		t.Errorf("read back %s", got)
	}
	label := make([]float32, 1)
	for row := range fakeTest {
		if err := d.Label(dataset.Test, row, label); err != nil || label[0] != float32(row*7%digits) {
			t.Errorf("row %d: label %v, %v", row, label[0], err)
		}
	}
	// Images of the training rows are projections of centred images: each pixel's mean is 0.
	if mean := d.Preprocessing()["image"].Mean[0]; math.Abs(mean) > 1e-7 {
		t.Errorf("training images have the mean %v", mean)
	}
	// Pinned: they move when another recording, noise or cut is chosen for a row, or the spectrogram changes.
	want := dataset.Uniform(-14.327545, 5.517269)
	got := d.Preprocessing()["audio"]
	if math.Abs(got.Mean[0]-want.Mean[0]) > 1e-5 || math.Abs(got.Deviation[0]-want.Deviation[0]) > 1e-5 {
		t.Errorf("training sounds have %v, want %v", got, want)
	}
}

func TestBuildIsReproducible(t *testing.T) {
	build := func(o Options) []File {
		t.Helper()
		o.To = filepath.Join(t.TempDir(), "avmnist")
		report, err := Build(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		return report.Files
	}
	o := fakeOptions(t, fake())
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	first := build(o)
	runtime.GOMAXPROCS(5)
	if five := build(o); !slices.Equal(five, first) {
		t.Errorf("five cores give %v, one %v", five, first)
	}
	other := func(change func(*Options)) []bool {
		changed := o
		change(&changed)
		var differs []bool
		for i, f := range build(changed) {
			differs = append(differs, f.SHA256 != first[i].SHA256)
		}
		return differs
	}
	// Files come as image, audio, labels for training, then the same for testing.
	if got := other(func(o *Options) { o.Seed = 2 }); !slices.Equal(got, []bool{false, true, false, false, true, false}) {
		t.Errorf("another seed changes %v", got)
	}
	if got := other(func(o *Options) { o.Components = 4 }); !slices.Equal(got, []bool{true, false, false, true, false, false}) {
		t.Errorf("another number of components changes %v", got)
	}
}

func TestPrincipalComponents(t *testing.T) {
	s, err := readImages(t.Context(), fake().write(t), "train")
	if err != nil {
		t.Fatal(err)
	}
	const fitted = fakeTrain - fakeValidation
	b, err := principalComponents(context.Background(), s, fitted, s.size)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(b.explained-1) > 1e-12 {
		t.Errorf("all components explain %v", b.explained)
	}
	// All components together are the identity on centred images, those of validation too.
	image := make([]float32, s.size)
	for row := range fakeTrain {
		b.project(image, s.row(row))
		for i, v := range s.row(row) {
			if want := float64(v)/255 - b.mean[i]; math.Abs(float64(image[i])-want) > 1e-6 {
				t.Fatalf("row %d, pixel %d: %v, want %v", row, i, image[i], want)
			}
		}
	}
	// The first component has the largest variance that any direction has, at least that of each pixel.
	variance := func(direction []float64) float64 {
		sum := 0.0
		for row := range fitted {
			score := 0.0
			for i, v := range s.row(row) {
				score += (float64(v)/255 - b.mean[i]) * direction[i]
			}
			sum += score * score
		}
		return sum / (fitted - 1)
	}
	largest := variance(b.components[0])
	for i := range s.size {
		pixel := make([]float64, s.size)
		pixel[i] = 1
		if v := variance(pixel); v > largest {
			t.Errorf("pixel %d has the variance %v, the first component %v", i, v, largest)
		}
		if v := variance(b.components[i]); v > largest+1e-12 {
			t.Errorf("component %d has the variance %v, the first %v", i, v, largest)
		}
	}
}

// sine is a recording of a tone.
func sine(name string, hertz float64, samples int) *recording {
	r := &recording{name: name}
	for _, v := range tone(hertz, samples) {
		r.samples = append(r.samples, float32(v))
	}
	return r
}

func TestMixHasTheRatio(t *testing.T) {
	speech, noise := sine("speech", 440, 3000), sine("noise", 1234, 9000)
	for _, snr := range []float64{-5, 0, 12} {
		m := newMixer()
		m.mix(make([]float32, bins*frames), speech, []*recording{noise}, snr, generator(1, 0, 0))
		added := make([]float32, length)
		for i := range added {
			added[i] = float32(m.mixed[i])
			if i < len(speech.samples) {
				added[i] -= speech.samples[i]
			}
		}
		if got := 20 * math.Log10(rms(speech.samples)/rms(added)); math.Abs(got-snr) > 1e-3 {
			t.Errorf("signal to noise %v dB, want %v", got, snr)
		}
	}
}

func TestSpectrogramShowsATone(t *testing.T) {
	if bins != 112 || frames != 112 {
		t.Fatalf("the spectrogram has %d×%d bins and frames, want 112×112", bins, frames)
	}
	const bin = 30
	m, spectrogram := newMixer(), make([]float32, bins*frames)
	m.mix(spectrogram, sine("speech", bin*float64(rate)/window, length/2), []*recording{{"silence", make([]float32, length)}}, -5, generator(1, 0, 0))
	for frame := range frames {
		peak := 0
		for f := range bins {
			if spectrogram[f*frames+frame] > spectrogram[peak*frames+frame] {
				peak = f
			}
		}
		power := float64(spectrogram[peak*frames+frame])
		switch {
		case frame*hop+window <= length/2: // a Hann window sums to half its length; a sine of amplitude .5 has half of it here
			if want := 2 * math.Log(.5/2*window/2); peak != bin || math.Abs(power-want) > 1e-3 {
				t.Errorf("frame %d: bin %d has %v, want bin %d with %v", frame, peak, power, bin, want)
			}
		case frame*hop >= length/2:
			if want := math.Log(floor); math.Abs(power-want) > 1e-3 {
				t.Errorf("frame %d: %v in silence, want %v", frame, power, want)
			}
		}
	}
}

func TestAssign(t *testing.T) {
	speech, err := readRecordings(t.Context(), filepath.Join(fake().write(t), "fsdd-recordings.zip"))
	if err != nil {
		t.Fatal(err)
	}
	labels := make([]byte, 60)
	for i := range labels {
		labels[i] = byte(i * 3 % digits)
	}
	for u, suffixes := range map[use][]string{forTesting: {"_0"}, forValidation: {"_5"}, forTraining: {"_10", "_11"}} {
		times := map[string]int{}
		for row, r := range speech.assign(labels, u, 1) {
			if !strings.HasPrefix(r.name, fmt.Sprint(labels[row], "_")) || !slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(r.name, s) }) {
				t.Errorf("digit %d is spoken by %s, want one of %v", labels[row], r.name, suffixes)
			}
			times[r.name]++
		}
		for name, n := range times {
			if n != 6/len(suffixes) {
				t.Errorf("%s is used %d times, want %d", name, n, 6/len(suffixes))
			}
		}
	}
}

func TestNoisesAreApart(t *testing.T) {
	n, err := readNoises(t.Context(), filepath.Join(fake().write(t), "background-noise-8k.zip"))
	if err != nil {
		t.Fatal(err)
	}
	names := func(list []*recording) (names []string) {
		for _, r := range list {
			names = append(names, r.name)
		}
		return names
	}
	if got := fmt.Sprint(names(n.train), names(n.test)); got != "[exercise_bike pink_noise] [dude_miaowing running_tap]" {
		t.Errorf("noises for training and testing are %s", got)
	}
}

func TestBuildErrors(t *testing.T) {
	speech, noise := "fsdd-recordings.zip", "background-noise-8k.zip"
	for _, c := range []struct {
		name   string
		change func(in ingredients, o *Options)
		want   []string
	}{
		{"no images", func(in ingredients, _ *Options) { delete(in.plain, "train-images-idx3-ubyte.gz") }, []string{"train-images-idx3-ubyte.gz", "no such file"}},
		{"no sounds", func(in ingredients, _ *Options) { delete(in.zips, speech) }, []string{speech, "no such file"}},
		{"broken zip", func(in ingredients, _ *Options) { delete(in.zips, noise); in.plain[noise] = []byte("PK") }, []string{noise, "zip"}},
		{"truncated images", func(in ingredients, _ *Options) {
			in.plain["train-images-idx3-ubyte.gz"] = in.plain["train-images-idx3-ubyte.gz"][:50]
		}, []string{"train-images-idx3-ubyte.gz", "truncated"}},
		{"labels in the place of images", func(in ingredients, _ *Options) {
			in.plain["train-images-idx3-ubyte.gz"] = in.plain["train-labels-idx1-ubyte"]
		}, []string{"train-images-idx3-ubyte.gz", "3 axes"}},
		{"label out of range", func(in ingredients, _ *Options) {
			in.plain["t10k-labels-idx1-ubyte"][8+3] = 10
		}, []string{"t10k-labels-idx1-ubyte", "row 3", "label 10"}},
		{"fewer labels", func(in ingredients, _ *Options) {
			in.plain["train-labels-idx1-ubyte"] = idxFile(false, make([]byte, 7), 7)
		}, []string{"24 images", "7 labels"}},
		{"images of another size", func(in ingredients, _ *Options) {
			in.plain["t10k-images-idx3-ubyte.gz"] = idxFile(true, make([]byte, fakeTest*4), fakeTest, 2, 2)
		}, []string{"t10k-images", "4 pixels", "25"}},
		{"a digit without a recording", func(in ingredients, _ *Options) { delete(in.zips[speech], "recordings/7_some_one_5.wav") }, []string{speech, "digit 7", "validation"}},
		{"a recording with another name", func(in ingredients, _ *Options) { in.zips[speech]["hello.wav"] = wavFile(rate, tone(1, 9)) }, []string{speech, "hello.wav", "DIGIT_SPEAKER_INDEX"}},
		{"huge images", func(in ingredients, _ *Options) {
			in.plain["train-images-idx3-ubyte.gz"] = idxFile(true, make([]byte, 24*64*64), 24, 64, 64)
			in.plain["t10k-images-idx3-ubyte.gz"] = idxFile(true, make([]byte, fakeTest*64*64), fakeTest, 64, 64)
		}, []string{"train-images", "64×64 pixels", "at most 2048"}},
		{"another rate", func(in ingredients, _ *Options) {
			in.zips[speech]["recordings/7_some_one_5.wav"] = wavFile(16000, tone(1, 9))
		}, []string{"7_some_one_5.wav", "16000", "8000"}},
		{"no samples", func(in ingredients, _ *Options) {
			in.zips[speech]["recordings/7_some_one_5.wav"] = wavFile(rate, nil)
		}, []string{"7_some_one_5.wav", "no samples"}},
		{"broken sound", func(in ingredients, _ *Options) { in.zips[noise]["pink_noise.wav"] = []byte("RIFF") }, []string{noise, "pink_noise.wav", "not a wav file"}},
		{"short noise", func(in ingredients, _ *Options) { in.zips[noise]["pink_noise.wav"] = wavFile(rate, tone(1, 9)) }, []string{noise, "pink_noise.wav", "shorter"}},
		{"no noise for testing", func(in ingredients, _ *Options) {
			delete(in.zips[noise], "noise/running_tap.wav")
			delete(in.zips[noise], "noise/dude_miaowing.wav")
		}, []string{noise, "running_tap"}},
		{"nothing but noise", func(_ ingredients, o *Options) { o.SNR = -7000 }, []string{"-7000 dB", "-200 to 200"}},
		{"too many components", func(_ ingredients, o *Options) { o.Components = 26 }, []string{"26 principal components", "1 to 25"}},
		{"no training rows", func(_ ingredients, o *Options) { o.Validation = 24 }, []string{"24 rows", "too few for training"}},
		{"no folder named", func(_ ingredients, o *Options) { o.To = "" }, []string{"name the folder to read from"}},
		{"folder in use", func(_ ingredients, o *Options) {
			os.MkdirAll(o.To, 0o755)
			os.WriteFile(filepath.Join(o.To, "mine.txt"), nil, 0o644)
		}, []string{"avmnist is not empty"}},
		{"file in the way", func(_ ingredients, o *Options) { os.WriteFile(filepath.Dir(o.To), nil, 0o644) }, []string{"not a directory"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := fake()
			o := Options{To: filepath.Join(t.TempDir(), "new", "avmnist"), Components: 3, Validation: fakeValidation}
			c.change(in, &o)
			o.From = in.write(t)
			_, err := Build(context.Background(), o)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if o.To != "" {
				checkNothingLeft(t, o.To)
			}
		})
	}
}

// What is read of a zip file is bounded, of one sound and of all, however small the zip file is.
func TestZipBombs(t *testing.T) {
	defer func(most struct{ one, all int }) { mostBytes = most }(mostBytes)
	mostBytes.one, mostBytes.all = mostBytes.one>>8, mostBytes.all>>8
	compressed := func(samples int) (zip.FileHeader, []byte) {
		content := wavFile(rate, make([]float64, samples))
		var out bytes.Buffer
		w, err := flate.NewWriter(&out, flate.BestSpeed)
		if err == nil {
			_, err = w.Write(content)
		}
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return zip.FileHeader{Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(content),
			CompressedSize64: uint64(out.Len()), UncompressedSize64: uint64(len(content))}, out.Bytes()
	}
	for _, c := range []struct {
		name           string
		members, bytes int
		want           string
	}{
		{"one large sound", 1, 17 << 12, "0.wav: the file is larger than 64 KiB"},
		{"many sounds", 800, 15 << 12, "with 4.wav, its sounds together are larger than 256 KiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			header, content := compressed(c.bytes / 2)
			path := filepath.Join(t.TempDir(), "bomb.zip")
			var file bytes.Buffer
			w := zip.NewWriter(&file)
			for i := range c.members {
				header := header
				header.Name = fmt.Sprintf("%d.wav", i)
				m, err := w.CreateRaw(&header)
				if err == nil {
					_, err = m.Write(content)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(w.Close(), os.WriteFile(path, file.Bytes(), 0o644)); err != nil {
				t.Fatal(err)
			}
			_, err := readSounds(t.Context(), path, length)
			if err == nil || !strings.Contains(err.Error(), path+": "+c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// Ctrl-C is heard while ingredients are read and between principal components.
func TestPreparationStops(t *testing.T) {
	folder := fake().write(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, images := readImages(ctx, folder, "train")
	_, sounds := readSounds(ctx, filepath.Join(folder, "fsdd-recordings.zip"), length)
	forever := make(chan struct{})
	defer close(forever)
	_, components := unlessDone(ctx, func() (int, error) { <-forever; return 0, nil })
	for what, err := range map[string]error{"images": images, "sounds": sounds, "components": components} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if three, err := unlessDone(t.Context(), func() (int, error) { return 3, nil }); three != 3 || err != nil {
		t.Errorf("got %d, %v", three, err)
	}
}

// checkNothingLeft finds half-written folders.
func checkNothingLeft(t *testing.T, to string) {
	t.Helper()
	left, err := filepath.Glob(to + ".partial-*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(to, "train_labels.npy")); err == nil {
		t.Error("the folder looks complete")
	}
}

func TestBuildStops(t *testing.T) {
	o := fakeOptions(t, fake())
	ctx, cancel := context.WithCancel(context.Background())
	o.Progress = func(done, total int) { cancel() }
	if _, err := Build(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	checkNothingLeft(t, o.To)
}

func TestBuildIntoAnEmptyFolder(t *testing.T) {
	o := fakeOptions(t, fake())
	if err := os.MkdirAll(o.To, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(context.Background(), o); err != nil {
		t.Fatal(err)
	}
}
