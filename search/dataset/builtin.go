package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// BuiltinOptions are the options of the format "builtin".
type BuiltinOptions struct {
	Train      int     `yaml:"train" jsonschema:"minimum=1,maximum=100000" doc:"rows for training"`
	Validation int     `yaml:"validation" jsonschema:"minimum=1,maximum=100000" doc:"rows for validation"`
	Test       int     `yaml:"test" jsonschema:"minimum=1,maximum=100000" doc:"rows for testing"`
	Classes    int     `yaml:"classes" jsonschema:"minimum=3,maximum=10" doc:"digits from 0 to classes−1, 3 to 10"`
	Ambiguity  float64 `yaml:"ambiguity" jsonschema:"minimum=0,maximum=1" doc:"probability that a modality shows, evenly, either the digit or its twin; the twins of image and audio differ"`
	Noise      float64 `yaml:"noise" jsonschema:"minimum=0,maximum=100" doc:"noise of pixels and of sound: 0 is none, 1 the default"`
	Seed       uint64  `yaml:"seed" doc:"what is drawn depends on it, on the split and on the row alone"`
}

func init() {
	Register(Format{
		Name: "builtin",
		Doc:  "audio-visual digits, drawn and sounded by the program itself: needs no files",
		Options: func() any {
			return &BuiltinOptions{Train: 2000, Validation: 500, Test: 500, Classes: 10, Ambiguity: 0.6, Noise: 1, Seed: 1}
		},
		Open: func(ctx context.Context, options any, environment Environment) (Dataset, error) {
			o, ok := options.(*BuiltinOptions)
			if !ok {
				return nil, fmt.Errorf("format builtin: options are %T, want *dataset.BuiltinOptions", options)
			}
			return generate(ctx, *o, environment)
		},
	})
}

// Both modalities of the generated digits are maps of side × side.
const (
	side     = 28
	mapSize  = side * side
	rowSize  = len(builtinModalities) * mapSize // image, then audio
	mostRows = 100_000                          // 630 MB
)

var builtinModalities = [2]Modality{
	{Name: "image", Kind: Map, Shape: []int{1, side, side}},
	{Name: "audio", Kind: Map, Shape: []int{1, side, side}},
}

// generated is a data set in memory.
type generated struct {
	options  BuiltinOptions
	samples  [3][]float32 // by split, rowSize elements a row
	labels   [3][]uint8
	standard [len(builtinModalities)]Standardisation
	digest   string
}

// Check implements [Checker].
func (o *BuiltinOptions) Check() error {
	if total := o.Train + o.Validation + o.Test; total > mostRows {
		return optionError("train", "%d rows with those for validation and testing, want at most %d", total, mostRows)
	}
	return nil
}

// generate draws all rows, side by side: a row depends on options, split and row number alone.
func generate(ctx context.Context, o BuiltinOptions, environment Environment) (Dataset, error) {
	if err := environment.fits(builtinModalities[0].Name, builtinModalities[1].Name); err != nil {
		return nil, fmt.Errorf("data set builtin: %w", err)
	}
	d := &generated{options: o}
	group, groupCtx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for _, s := range splits {
		rows := [...]int{o.Train, o.Validation, o.Test}[s]
		d.samples[s], d.labels[s] = make([]float32, rows*rowSize), make([]uint8, rows)
		for w := range workers {
			group.Go(func() error {
				for row := w; row < rows; row += workers {
					if err := groupCtx.Err(); err != nil {
						return err
					}
					d.labels[s][row] = uint8(draw(o, s, row, d.samples[s][row*rowSize:][:rowSize]))
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("data set builtin: %w", err)
	}
	err := d.standardise(ctx, environment)
	if err == nil {
		err = d.sign(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("data set builtin: %w", err)
	}
	return d, nil
}

// draw writes a row's image and audio into dst and returns its digit.
func draw(o BuiltinOptions, s Split, row int, dst []float32) int {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[0:], o.Seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(s))
	binary.LittleEndian.PutUint64(key[16:], uint64(row))
	random := rand.New(rand.NewChaCha8(key))
	digit := random.IntN(o.Classes)
	shown := [len(builtinModalities)]int{digit, digit}
	for m := range shown {
		if random.Float64() < o.Ambiguity/2 {
			shown[m] = twin(digit, m, o.Classes)
		}
	}
	drawGlyph(dst[:mapSize], glyphs[shown[0]], 0.15*o.Noise, random)
	sound(dst[mapSize:], voices[shown[1]], 0.05*o.Noise, random)
	return digit
}

// twin is the digit that modality m takes for the given one. Digits stand in a ring; image pairs are (first, second),
// (third, fourth) and so on, audio pairs begin one further: what one modality leaves open, the other decides. In a ring of
// odd length, one digit a modality has no twin.
func twin(digit, m, classes int) int {
	var ring []int
	for _, d := range [...]int{0, 6, 2, 3, 7, 1, 8, 5, 9, 4} {
		if d < classes {
			ring = append(ring, d)
		}
	}
	place := (slices.Index(ring, digit) + classes - m) % classes // in the ring that begins m further
	other := place ^ 1
	if other >= classes {
		return digit
	}
	return ring[(other+m)%classes]
}

// standardise finds the training statistics and applies them, or what the environment gives, to all splits.
func (d *generated) standardise(ctx context.Context, environment Environment) error {
	for m := range d.standard {
		var sum, squares float64
		train := d.samples[Train]
		for start := m * mapSize; start < len(train); start += rowSize {
			for _, v := range train[start:][:mapSize] {
				sum += float64(v)
				squares += float64(v) * float64(v)
			}
		}
		count := float64(d.options.Train * mapSize)
		mean := sum / count
		computed := Standardisation{Mean: mean, Deviation: 1}
		if variance := squares/count - mean*mean; variance > 0 {
			computed.Deviation = math.Sqrt(variance)
		}
		var err error
		if d.standard[m], err = environment.standard(builtinModalities[m].Name, computed); err != nil {
			return err
		}
		for _, samples := range d.samples {
			for start := m * mapSize; start < len(samples); start += rowSize {
				if err := ctx.Err(); err != nil {
					return err
				}
				for i, v := range samples[start:][:mapSize] {
					samples[start+i] = float32((float64(v) - d.standard[m].Mean) / d.standard[m].Deviation)
				}
			}
		}
	}
	return nil
}

// sign computes the fingerprint from the standardised samples and the labels.
func (d *generated) sign(ctx context.Context) error {
	digest := sha256.New()
	fmt.Fprintf(digest, "builtin 1 %d %v", d.options.Classes, d.standard)
	var buffer []byte
	add := func(v float32) { buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v)) }
	for _, s := range splits {
		fmt.Fprintf(digest, " %d", d.Len(s))
		for chunk := range slices.Chunk(d.samples[s], rowSize) {
			if err := ctx.Err(); err != nil {
				return err
			}
			buffer = buffer[:0]
			for _, v := range chunk {
				add(v)
			}
			digest.Write(buffer)
		}
		buffer = buffer[:0]
		for _, label := range d.labels[s] {
			add(float32(label))
		}
		digest.Write(buffer)
	}
	d.digest = hex.EncodeToString(digest.Sum(nil))
	return nil
}

func (d *generated) Name() string { return "builtin" }

func (d *generated) Modalities() []Modality { return builtinModalities[:] }

func (d *generated) Classes() []string {
	names := make([]string, d.options.Classes)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

func (d *generated) MultiLabel() bool    { return false }
func (d *generated) Fingerprint() string { return d.digest }
func (d *generated) Close() error        { return nil }

func (d *generated) Len(s Split) int {
	if s < Train || s > Test {
		return 0
	}
	return len(d.labels[s])
}

func (d *generated) Read(s Split, modality, row int, dst []float32) error {
	if err := checkRead(d, s, modality, row, dst); err != nil {
		return err
	}
	copy(dst, d.samples[s][row*rowSize+modality*mapSize:])
	return nil
}

func (d *generated) Label(s Split, row int, dst []float32) error {
	if err := checkLabel(d, s, row, 1, dst); err != nil {
		return err
	}
	dst[0] = float32(d.labels[s][row])
	return nil
}

func (d *generated) Unchanged(context.Context) error { return nil }

func (d *generated) Preprocessing() map[string]Standardisation {
	all := map[string]Standardisation{}
	for m, s := range d.standard {
		all[builtinModalities[m].Name] = s
	}
	return all
}
