// Package build makes AV-MNIST from its ingredients: MNIST's images, the Free Spoken Digit Dataset's recordings and
// Speech Commands' background noises, in the folder layout in which the data set was published (Vielzeuf et al. 2018,
// CentralNet). An image keeps a few principal components; a sound is a recording of the image's digit in noise.
//
// The output is streamed and the input is limited: a build from the published ingredients takes about 200 MB of memory, one
// from the largest accepted ingredients about 600 MB. The same options give the same bytes.
package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sync/errgroup"

	"mixmas/search/dataset/npy"
)

// Options says what is built.
type Options struct {
	// From holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (with
	// or without .gz), fsdd-recordings.zip and background-noise-8k.zip.
	From string
	// To is the folder to create. If it exists, it must be empty.
	To string
	// Components is the number of principal components that images keep; 0 means 3, as in the published script.
	Components int
	// SNR is the ratio of the recording's RMS to the noise's RMS, in dB.
	SNR float64
	// Validation is the number of rows at the end of the training images for validation; 0 means 5,000. The principal
	// components are computed without them, and they have separate recordings.
	Validation int
	// Seed chooses recordings and noises.
	Seed uint64
	// Progress, if not nil, is called after every block of rows with the numbers of rows written so far and in total.
	Progress func(done, total int)
}

// Report says what was built.
type Report struct {
	Folder string `json:"folder"`
	Files  []File `json:"files"` // in a fixed order
	// Explained is the share of the training images' variance that the components keep.
	Explained float64 `json:"explained"`
}

// File is a file of the data set.
type File struct {
	Path   string `json:"path"` // relative to the folder
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// part is one of the two halves of the published layout: 60,000 rows for training and validation, or 10,000 for testing.
type part struct {
	name       string // prefix of file names: train, test
	images     *images
	recordings []*recording // the recording of each row
	noises     []*recording
	stream     uint64 // distinguishes the random numbers of parts
}

// maximumSNR, in dB and of either sign, makes one of the two sounds inaudible.
const maximumSNR = 200

// block is the number of rows that are computed in parallel before they are written: 25 MB of spectrograms.
const block = 512

// Build builds the data set in a temporary folder next to To and renames it at the end, so To is either complete or missing.
// If ctx ends or anything fails, the temporary folder is removed. Errors name the file and, if possible, the row.
func Build(ctx context.Context, o Options) (Report, error) {
	if o.Components == 0 {
		o.Components = 3
	}
	if o.Validation == 0 {
		o.Validation = 5000
	}
	if o.From == "" || o.To == "" {
		return Report{}, errors.New("building AV-MNIST: name the folder to read from and the folder to create")
	}
	if !(math.Abs(o.SNR) <= maximumSNR) { // also refuses NaN
		return Report{}, fmt.Errorf("building AV-MNIST: a signal-to-noise ratio of %v dB: want -%d to %d", o.SNR, maximumSNR, maximumSNR)
	}
	to, err := filepath.Abs(o.To) // the temporary folder is next to it, which "." does not allow
	if err != nil {
		return Report{}, fmt.Errorf("building AV-MNIST: %w", err)
	}
	if err := checkEmpty(to); err != nil {
		return Report{}, fmt.Errorf("building AV-MNIST: %w", err)
	}
	parts, basis, err := prepare(ctx, o)
	if err != nil {
		return Report{}, fmt.Errorf("building AV-MNIST: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return Report{}, fmt.Errorf("building AV-MNIST: %w", err)
	}
	folder, err := os.MkdirTemp(filepath.Dir(to), filepath.Base(to)+".partial-*")
	if err != nil {
		return Report{}, fmt.Errorf("building AV-MNIST: %w", err)
	}
	files, err := writeParts(ctx, folder, parts, basis, o)
	if err == nil {
		err = os.Chmod(folder, 0o755)
	}
	if err == nil {
		err = replaceEmpty(folder, to)
	}
	if err != nil {
		_ = os.RemoveAll(folder)
		if errors.Is(err, syscall.ENOSPC) {
			err = fmt.Errorf("%w (%s needs %d MB)", err, to, bytesNeeded(parts)/1_000_000)
		}
		return Report{}, fmt.Errorf("building AV-MNIST: %w", err)
	}
	return Report{Folder: to, Files: files, Explained: basis.explained}, nil
}

// checkEmpty returns an error if the folder exists and is not empty.
func checkEmpty(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: name a new folder or remove its content", folder)
	}
	return nil
}

// replaceEmpty renames folder to the path to, and replaces an empty folder there.
func replaceEmpty(folder, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Rename(folder, to)
}

// prepare reads the ingredients and decides which recording goes with which row.
func prepare(ctx context.Context, o Options) ([]part, *basis, error) {
	train, err := readImages(ctx, o.From, "train")
	if err != nil {
		return nil, nil, err
	}
	test, err := readImages(ctx, o.From, "t10k")
	if err != nil {
		return nil, nil, err
	}
	if train.size != test.size {
		return nil, nil, fmt.Errorf("%s: images have %d pixels, but the training images have %d", test.path, test.size, train.size)
	}
	fitted := train.rows() - o.Validation
	if o.Validation < 0 || fitted < 2 {
		return nil, nil, fmt.Errorf("%s: of %d rows, %d are for validation: that leaves too few for training", train.path, train.rows(), o.Validation)
	}
	if o.Components < 1 || o.Components > train.size {
		return nil, nil, fmt.Errorf("%d principal components of %d pixels: want 1 to %d", o.Components, train.size, train.size)
	}
	speech, err := readRecordings(ctx, filepath.Join(o.From, "fsdd-recordings.zip"))
	if err != nil {
		return nil, nil, err
	}
	noise, err := readNoises(ctx, filepath.Join(o.From, "background-noise-8k.zip"))
	if err != nil {
		return nil, nil, err
	}
	components, err := principalComponents(ctx, train, fitted, o.Components)
	if err != nil {
		return nil, nil, err
	}
	parts := []part{
		{name: "train", images: train, noises: noise.train, stream: 0},
		{name: "test", images: test, noises: noise.test, stream: 1},
	}
	parts[0].recordings = append(
		speech.assign(train.labels[:fitted], forTraining, o.Seed),
		speech.assign(train.labels[fitted:], forValidation, o.Seed)...)
	parts[1].recordings = speech.assign(test.labels, forTesting, o.Seed)
	return parts, components, nil
}

// bytesNeeded is the size of the finished data set, without headers.
func bytesNeeded(parts []part) int64 {
	var total int64
	for _, p := range parts {
		total += int64(p.images.rows()) * int64(4*p.images.size+4*frames*bins+8)
	}
	return total
}

// writeParts writes all files below folder.
func writeParts(ctx context.Context, folder string, parts []part, b *basis, o Options) ([]File, error) {
	for _, name := range []string{"image", "audio"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
			return nil, err
		}
	}
	total, done := 0, 0
	for _, p := range parts {
		total += p.images.rows()
	}
	var files []File
	for _, p := range parts {
		written, err := writePart(ctx, folder, p, b, o, func(rows int) {
			done += rows
			if o.Progress != nil {
				o.Progress(done, total)
			}
		})
		if err != nil {
			return nil, err
		}
		files = append(files, written...)
	}
	return files, nil
}

// writePart writes the three files of a part, block by block.
func writePart(ctx context.Context, folder string, p part, b *basis, o Options, progress func(rows int)) ([]File, error) {
	rows := p.images.rows()
	outputs := make([]*output, 3)
	defer func() {
		for _, out := range outputs {
			if out != nil {
				out.file.Close()
			}
		}
	}()
	for i, spec := range []struct {
		path  string
		kind  npy.Type
		shape []int
	}{
		{"image/" + p.name + "_data.npy", npy.Float32, []int{rows, p.images.size}},
		{"audio/" + p.name + "_data.npy", npy.Float32, []int{rows, bins, frames}},
		{p.name + "_labels.npy", npy.Int64, []int{rows}},
	} {
		var err error
		if outputs[i], err = create(folder, spec.path, spec.kind, spec.shape); err != nil {
			return nil, err
		}
	}
	mixers := make([]*mixer, runtime.GOMAXPROCS(0))
	for i := range mixers {
		mixers[i] = newMixer()
	}
	// Files are synced every few blocks, so that the last sync does not wait for gigabytes.
	const blocksAtOnce = 4
	flushing := new(errgroup.Group)
	defer func() { _ = flushing.Wait() }()
	pixels, sounds, labels := make([]float32, block*p.images.size), make([]float32, block*bins*frames), make([]float32, block)
	for first := 0; first < rows; first += block {
		n := min(block, rows-first)
		group, blockCtx := errgroup.WithContext(ctx)
		for w, m := range mixers {
			group.Go(func() error {
				for i := w; i < n; i += len(mixers) {
					if err := blockCtx.Err(); err != nil {
						return err
					}
					row := first + i
					b.project(pixels[i*p.images.size:][:p.images.size], p.images.row(row))
					m.mix(sounds[i*bins*frames:][:bins*frames], p.recordings[row], p.noises, o.SNR, generator(o.Seed, p.stream, uint64(row)))
					labels[i] = float32(p.images.labels[row])
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		for i, values := range [][]float32{pixels[:n*p.images.size], sounds[:n*bins*frames], labels[:n]} {
			if err := outputs[i].array.Append(values); err != nil {
				return nil, err
			}
		}
		if first/block%blocksAtOnce == blocksAtOnce-1 {
			if err := flushing.Wait(); err != nil {
				return nil, err
			}
			flushing = new(errgroup.Group)
			for _, out := range outputs {
				flushing.Go(out.file.Sync)
			}
		}
		progress(n)
	}
	if err := flushing.Wait(); err != nil {
		return nil, err
	}
	files := make([]File, len(outputs))
	for i, out := range outputs {
		var err error
		if files[i], err = out.finish(); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// output is an npy file being written, with its digest.
type output struct {
	path  string
	file  *os.File
	hash  hash.Hash
	array *npy.Writer
}

func create(folder, path string, kind npy.Type, shape []int) (*output, error) {
	f, err := os.Create(filepath.Join(folder, filepath.FromSlash(path)))
	if err != nil {
		return nil, err
	}
	out := &output{path: path, file: f, hash: sha256.New()}
	if out.array, err = npy.NewWriter(io.MultiWriter(f, out.hash), kind, shape...); err != nil {
		f.Close()
		return nil, err
	}
	return out, nil
}

// finish makes the file durable, so that the renamed folder is complete even after a power cut.
func (out *output) finish() (File, error) {
	if err := out.array.Close(); err != nil {
		return File{}, err
	}
	if err := out.file.Sync(); err != nil {
		return File{}, err
	}
	info, err := out.file.Stat()
	if err != nil {
		return File{}, err
	}
	return File{out.path, hex.EncodeToString(out.hash.Sum(nil)), info.Size()}, nil
}
