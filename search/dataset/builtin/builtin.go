// Package builtin is the format "builtin": audio-visual digits that the program generates.
package builtin

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

	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/search/dataset"
)

// Options are the options of the format "builtin".
type Options struct {
	Train      int     `yaml:"train" jsonschema:"minimum=1,maximum=100000" doc:"rows for training"`
	Validation int     `yaml:"validation" jsonschema:"minimum=1,maximum=100000" doc:"rows for validation"`
	Test       int     `yaml:"test" jsonschema:"minimum=1,maximum=100000" doc:"rows for testing"`
	Classes    int     `yaml:"classes" jsonschema:"minimum=3,maximum=10" doc:"number of classes, from 3 to 10: the digits 0 to classes−1"`
	Ambiguity  float64 `yaml:"ambiguity" jsonschema:"minimum=0,maximum=1" doc:"probability that a modality is ambiguous: with equal chance it shows the digit or its look-alike, which differs between image and audio"`
	Noise      float64 `yaml:"noise" jsonschema:"minimum=0,maximum=100" doc:"noise in images and sounds: 0 is none, 1 is the default"`
	Seed       uint64  `yaml:"seed" doc:"seed of the data: a row depends only on the seed, its split and its index"`
}

func init() {
	dataset.Register(dataset.Format{
		Name: "builtin",
		Doc:  "audio-visual digits that the program generates; needs no files",
		Options: func() any {
			return &Options{Train: 2000, Validation: 500, Test: 500, Classes: 10, Ambiguity: 0.6, Noise: 1, Seed: 1}
		},
		Open: func(ctx context.Context, options any, environment dataset.Environment) (dataset.Dataset, error) {
			return Open(ctx, *options.(*Options), environment)
		},
	})
}

// Both modalities of the generated digits are maps of side × side.
const (
	side     = 28
	mapSize  = side * side
	mostRows = 100_000 // 630 MB
)

var modalities = [2]dataset.Modality{
	{Name: "image", Kind: mixer.Map, Shape: []int{1, side, side}},
	{Name: "audio", Kind: mixer.Map, Shape: []int{1, side, side}},
}

// digits are the rows of all splits.
type digits struct {
	options  Options
	samples  [3][len(modalities)][]float32 // by split and modality, mapSize elements per row
	labels   [3][]float32
	standard [len(modalities)]dataset.Standardisation
}

// Check implements [dataset.Checker].
func (o *Options) Check() error {
	if total := o.Train + o.Validation + o.Test; total > mostRows {
		return options.Errorf("train", "%d rows including those for validation and testing, want at most %d", total, mostRows)
	}
	return nil
}

// Open generates all rows.
func Open(ctx context.Context, o Options, environment dataset.Environment) (dataset.Dataset, error) {
	contents, err := contents(ctx, o, environment)
	if err != nil {
		return nil, fmt.Errorf("data set builtin: %w", err)
	}
	return dataset.Assemble(ctx, contents, environment)
}

func contents(ctx context.Context, o Options, environment dataset.Environment) (dataset.Contents, error) {
	c := dataset.Contents{Name: "builtin", Generated: true}
	if err := dataset.CheckOptions(&o); err != nil {
		return c, err
	}
	if err := environment.Fits(modalities[0].Name, modalities[1].Name); err != nil {
		return c, err
	}
	for i := range o.Classes {
		c.Task.Classes = append(c.Task.Classes, strconv.Itoa(i))
	}
	d, err := generate(ctx, o)
	if err == nil {
		err = d.standardise(ctx, environment)
	}
	if err == nil {
		c.Fingerprint, err = d.sign(ctx)
	}
	if err != nil {
		return c, err
	}
	part := func(name string, shape []int, values []float32, rows int) dataset.Part {
		return dataset.Part{Column: dataset.NewNumbers(name, shape, values), Rows: dataset.Rows{Count: rows}}
	}
	for m, modality := range modalities {
		c.Sources = append(c.Sources, dataset.Source{Modality: modality, Standardised: &d.standard[m]})
	}
	for _, s := range dataset.Splits {
		rows := len(d.labels[s])
		c.Labels[s] = part("labels", nil, d.labels[s], rows)
		for m, modality := range modalities {
			c.Sources[m].Samples[s] = part(modality.Name, modality.Shape, d.samples[s][m], rows)
		}
	}
	return c, nil
}

// generate draws all rows, several in parallel: a row depends only on the options, its split and its number.
func generate(ctx context.Context, o Options) (*digits, error) {
	d := &digits{options: o}
	group, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for _, s := range dataset.Splits {
		rows := [...]int{o.Train, o.Validation, o.Test}[s]
		d.labels[s] = make([]float32, rows)
		for m := range modalities {
			d.samples[s][m] = make([]float32, rows*mapSize)
		}
		for w := range workers {
			group.Go(func() error {
				for row := w; row < rows; row += workers {
					if err := ctx.Err(); err != nil {
						return err
					}
					d.labels[s][row] = float32(draw(o, s, row, d.sample(s, 0, row), d.sample(s, 1, row)))
				}
				return nil
			})
		}
	}
	return d, group.Wait()
}

// sample is a row of a modality.
func (d *digits) sample(s dataset.Split, modality, row int) []float32 {
	return d.samples[s][modality][row*mapSize:][:mapSize]
}

// draw writes a row's image and audio and returns its digit.
func draw(o Options, s dataset.Split, row int, image, audio []float32) int {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[0:], o.Seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(s))
	binary.LittleEndian.PutUint64(key[16:], uint64(row))
	random := rand.New(rand.NewChaCha8(key))
	digit := random.IntN(o.Classes)
	shown := [len(modalities)]int{digit, digit}
	for m := range shown {
		if random.Float64() < o.Ambiguity/2 {
			shown[m] = twin(digit, m, o.Classes)
		}
	}
	drawGlyph(image, glyphs[shown[0]], 0.15*o.Noise, random)
	sound(audio, voices[shown[1]], 0.05*o.Noise, random)
	return digit
}

// twin is the digit that modality m confuses with the given one. Digits form a ring. Image pairs are (first, second),
// (third, fourth) and so on; audio pairs are shifted by one, so each modality resolves the ambiguity of the other. In a ring
// of odd length, one digit per modality has no twin.
func twin(digit, m, classes int) int {
	var ring []int
	for _, d := range [...]int{0, 6, 2, 3, 7, 1, 8, 5, 9, 4} {
		if d < classes {
			ring = append(ring, d)
		}
	}
	place := (slices.Index(ring, digit) + classes - m) % classes // in the ring shifted by m
	other := place ^ 1
	if other >= classes {
		return digit
	}
	return ring[(other+m)%classes]
}

// standardise applies the training statistics, or those that the environment gives, to all splits.
func (d *digits) standardise(ctx context.Context, environment dataset.Environment) error {
	for m, modality := range modalities {
		var sum, squares float64
		for _, v := range d.samples[dataset.Train][m] {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		count := float64(d.options.Train * mapSize)
		mean, deviation := sum/count, 1.0
		if variance := squares/count - mean*mean; variance > 0 {
			deviation = math.Sqrt(variance)
		}
		standard, err := environment.Standardisation(modality, dataset.Uniform(mean, deviation))
		if err != nil {
			return err
		}
		if standard.Per != dataset.PerModality {
			return fmt.Errorf("modality %s: the model standardises it per %s, but this data set does so per %s", modality.Name, standard.Per, dataset.PerModality)
		}
		d.standard[m] = standard
		mean, deviation = standard.Mean[0], standard.Deviation[0]
		for _, s := range dataset.Splits {
			for row := range d.labels[s] {
				if err := ctx.Err(); err != nil {
					return err
				}
				sample := d.sample(s, m, row)
				for i, v := range sample {
					sample[i] = float32((float64(v) - mean) / deviation)
				}
			}
		}
	}
	return nil
}

// sign computes the fingerprint from the standardised samples and the labels.
func (d *digits) sign(ctx context.Context) (string, error) {
	digest := sha256.New()
	image, audio := d.standard[0], d.standard[1]
	fmt.Fprintf(digest, "builtin 1 %d [{%v %v} {%v %v}]", d.options.Classes, image.Mean[0], image.Deviation[0], audio.Mean[0], audio.Deviation[0])
	var buffer []byte
	write := func(values []float32) {
		buffer = buffer[:0]
		for _, v := range values {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
		}
		digest.Write(buffer)
	}
	for _, s := range dataset.Splits {
		fmt.Fprintf(digest, " %d", len(d.labels[s]))
		for row := range d.labels[s] {
			if err := ctx.Err(); err != nil {
				return "", err
			}
			for m := range modalities {
				write(d.sample(s, m, row))
			}
		}
		write(d.labels[s])
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}
