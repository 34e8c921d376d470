package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset/idx"
)

// digits is the number of classes.
const digits = 10

// uint8Type is IDX's code for unsigned bytes.
const uint8Type = 0x08

// mostPixels limits the size of an image, so that the covariance fits in memory. MNIST's images have 784 pixels.
const mostPixels = 2048

// images are labelled grey images, one byte per pixel.
type images struct {
	path   string // of the images
	size   int    // pixels per image
	pixels []byte
	labels []byte
}

func (s *images) rows() int          { return len(s.labels) }
func (s *images) row(row int) []byte { return s.pixels[row*s.size:][:s.size] }

// readImages reads MNIST's pair of files with the prefix "train" or "t10k".
func readImages(ctx context.Context, folder, prefix string) (*images, error) {
	const mostImages, mostLabels = 1 << 26, 1 << 22 // bytes; MNIST has 47 and 0.06 million
	imagePath, pixels, err := readBytes(ctx, folder, prefix+"-images-idx3-ubyte", 3, mostImages)
	if err != nil {
		return nil, err
	}
	labelPath, labels, err := readBytes(ctx, folder, prefix+"-labels-idx1-ubyte", 1, mostLabels)
	if err != nil {
		return nil, err
	}
	s := &images{path: imagePath, size: pixels.Shape[1] * pixels.Shape[2], pixels: pixels.Data, labels: labels.Data}
	if pixels.Shape[0] != labels.Shape[0] {
		return nil, fmt.Errorf("%s has %d images, %s %d labels", imagePath, pixels.Shape[0], labelPath, labels.Shape[0])
	}
	if len(labels.Data) == 0 || s.size == 0 {
		return nil, fmt.Errorf("%s has no images", imagePath)
	}
	if s.size > mostPixels {
		return nil, fmt.Errorf("%s: images have %d×%d pixels, want at most %d in all", imagePath, pixels.Shape[1], pixels.Shape[2], mostPixels)
	}
	for row, label := range labels.Data {
		if label >= digits {
			return nil, fmt.Errorf("%s: row %d: label %d is not a digit", labelPath, row, label)
		}
	}
	return s, nil
}

// readBytes reads an array of at most limit bytes with the given number of axes from name.gz or name.
func readBytes(ctx context.Context, folder, name string, axes int, limit int64) (string, idx.Array, error) {
	path := filepath.Join(folder, name+".gz")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if plain := filepath.Join(folder, name); fileExists(plain) {
			path = plain
		}
	}
	a, err := idx.ReadFile(ctx, path, limit)
	if err != nil {
		return path, a, err
	}
	if a.Type != uint8Type || len(a.Shape) != axes {
		return path, a, fmt.Errorf("%s: type %#02x with shape %s, want unsigned bytes with %d axes", path, a.Type, dimensions.Text(a.Shape), axes)
	}
	return path, a, nil
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// basis is a few principal components of images scaled to [0, 1].
type basis struct {
	mean       []float64   // per pixel
	components [][]float64 // orthonormal, by falling variance
	explained  float64
}

// principalComponents fits count components on the first rows of s. Sums are integers, so they are the same for any
// number of workers. Pixels that are 0, most of them, cost nothing.
func principalComponents(ctx context.Context, s *images, rows, count int) (*basis, error) {
	const most = 1 << 27 // bytes of products
	workers := min(runtime.GOMAXPROCS(0), max(1, most/(8*s.size*s.size)))
	sums, products := make([][]int64, workers), make([][]int64, workers)
	group, groupCtx := errgroup.WithContext(ctx)
	for w := range workers {
		group.Go(func() error {
			sum, product := make([]int64, s.size), make([]int64, s.size*s.size)
			lit := make([]int, 0, s.size)
			for row := w; row < rows; row += workers {
				if err := groupCtx.Err(); err != nil {
					return err
				}
				pixels := s.row(row)
				lit = lit[:0]
				for i, v := range pixels {
					if v != 0 {
						lit = append(lit, i)
						sum[i] += int64(v)
					}
				}
				for n, i := range lit {
					line, v := product[i*s.size:][:s.size], int64(pixels[i])
					for _, j := range lit[n:] {
						line[j] += v * int64(pixels[j])
					}
				}
			}
			sums[w], products[w] = sum, product
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for w := 1; w < workers; w++ {
		for i, v := range sums[w] {
			sums[0][i] += v
		}
		for i, v := range products[w] {
			products[0][i] += v
		}
	}
	return unlessDone(ctx, func() (*basis, error) { return diagonalise(sums[0], products[0], rows, count) })
}

// unlessDone returns the results of f, or the context's error as soon as it ends. The results of f are then dropped.
func unlessDone[A any](ctx context.Context, f func() (A, error)) (A, error) {
	type result struct {
		value A
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return *new(A), ctx.Err()
	}
}

// diagonalise turns sums and products (upper triangle) of bytes over rows into components.
func diagonalise(sums, products []int64, rows, count int) (*basis, error) {
	size, n := len(sums), float64(rows)
	b := &basis{mean: make([]float64, size)}
	covariance := mat.NewSymDense(size, nil)
	total := 0.0
	for i := range size {
		b.mean[i] = float64(sums[i]) / n / 255
		for j := i; j < size; j++ {
			centred := float64(products[i*size+j]) - float64(sums[i])*float64(sums[j])/n
			covariance.SetSym(i, j, centred/(n-1)/(255*255))
		}
		total += covariance.At(i, i)
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(covariance, true) {
		return nil, errors.New("the covariance of the training images has no eigenvectors")
	}
	values := eigen.Values(nil) // ascending
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	for k := range count {
		vector := mat.Col(nil, size-1-k, &vectors)
		b.components = append(b.components, vector)
		if total > 0 {
			b.explained += values[size-1-k] / total
		}
	}
	return b, nil
}

// project writes an image reduced to its components into dst; the mean is not added back. The sign of a component has no
// effect.
func (b *basis) project(dst []float32, pixels []byte) {
	image := make([]float64, len(pixels))
	for _, component := range b.components {
		score := 0.0
		for i, v := range pixels {
			score += (float64(v)/255 - b.mean[i]) * component[i]
		}
		for i, v := range component {
			image[i] += score * v
		}
	}
	for i, v := range image {
		dst[i] = float32(v)
	}
}
