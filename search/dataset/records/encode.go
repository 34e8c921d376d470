package records

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset"
	"mixmas/search/dataset/npy"
	"mixmas/search/packed"
)

// encoded are the columns of a modality: the samples of all rows of its binding, and behind them a row without anything for
// each split, if rows of the data set may be joined with none.
type encoded struct {
	samples, lengths dataset.Column
	full             bool // all rows that are used have all steps
}

// encoding is one modality that is being encoded.
type encoding struct {
	*session
	*binding
	name    string // of the modality
	encoder encoder
	used    packed.List // by row: 1 for the rows that are encoded
	stored  npy.Type
	shape   []int
	size    int // elements of a sample
	steps   int // of a full sample
	rows    int
	lengths packed.List
}

// newEncoding prepares to encode the rows that are marked.
func (s *session) newEncoding(name string, b *binding, e encoder, used packed.List) *encoding {
	kind, shape, _ := e.form()
	x := &encoding{session: s, binding: b, name: name, encoder: e, used: used, stored: e.stored(), shape: shape, size: dimensions.Product(shape), steps: kind.Steps(shape), rows: b.count()}
	if b.joined != nil {
		x.rows += len(dataset.Splits)
	}
	return x
}

// mostInMemory is the largest number of elements of samples that are kept in memory when they are read once.
const mostInMemory = 1 << 20

// inMemory returns the columns of a few rows, which no cache needs to keep.
func (x *encoding) inMemory(ctx context.Context) (*encoded, error) {
	x.lengths = packed.New(x.rows, uint32(x.steps))
	values, lengths := make([]float32, 0, x.rows*x.size), make([]float32, x.rows)
	err := x.run(ctx, func(some []float32) error {
		values = append(values, some...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for row := range lengths {
		lengths[row] = float32(x.lengths.At(row))
	}
	return &encoded{samples: dataset.NewNumbers(x.name, x.shape, values), lengths: dataset.NewNumbers(x.name+" lengths", nil, lengths)}, nil
}

// columns returns the columns of the modality, from the cache if they are in it. The key says what they are.
func (x *encoding) columns(ctx context.Context, key string) (*encoded, error) {
	name := x.name
	done := false
	var failed error // of a row: it says where it is
	run := func(add func(values []float32) error) error {
		x.lengths, done = packed.New(x.rows, uint32(x.steps)), false
		if failed = x.run(ctx, add); failed != nil {
			return failed
		}
		done = true
		return nil
	}
	samples, err := x.cache.Column(ctx, name, key, x.stored, x.shape, x.rows, run)
	if err != nil {
		return nil, cmp.Or(failed, err)
	}
	out := &encoded{samples: samples}
	out.lengths, err = x.cache.Column(ctx, name+" lengths", key+"\nlengths", npy.Int32, nil, x.rows, func(add func(values []float32) error) error {
		if !done {
			if err := run(func([]float32) error { return nil }); err != nil {
				return err
			}
		}
		for row := range x.rows {
			if err := add([]float32{float32(x.lengths.At(row))}); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		out.full, err = x.full(ctx, out.lengths)
	}
	if err != nil {
		if out.lengths != nil {
			err = errors.Join(err, out.lengths.Close())
		}
		return nil, errors.Join(err, samples.Close())
	}
	return out, nil
}

// full reports whether all rows that are used have all steps.
func (x *encoding) full(ctx context.Context, lengths dataset.Column) (bool, error) {
	if x.joined != nil && slices.Contains(x.joined, -1) {
		return false, nil
	}
	length := make([]float32, 1)
	for row := range x.count() {
		if row%4096 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		if x.used.At(row) == 0 {
			continue
		}
		if err := lengths.Read(row, nil, length); err != nil {
			return false, err
		}
		if int(length[0]) != x.steps {
			return false, nil
		}
	}
	return true, nil
}

// Rows are encoded in parallel, some at a time, and added in order.
const (
	mostTogether = 1 << 10 // rows
	mostElements = 1 << 22 // of their samples
)

// job is a row that is being encoded.
type job struct {
	row    int
	sample sample
	used   bool
	steps  int
	err    error
}

// run encodes all rows and adds their samples in order. Rows that are not used have nothing.
func (x *encoding) run(ctx context.Context, add func(values []float32) error) error {
	together := max(1, min(mostTogether, mostElements/x.size, x.rows))
	jobs, buffer := make([]job, 0, together), make([]float32, together*x.size)
	done := 0
	flush := func() error {
		if len(jobs) == 0 {
			return nil
		}
		if err := x.together(ctx, jobs, buffer); err != nil {
			return err
		}
		err := add(buffer[:len(jobs)*x.size])
		if done += len(jobs); err == nil && x.environment.Progress != nil {
			x.environment.Progress(x.name, done, x.rows)
		}
		jobs = jobs[:0]
		return err
	}
	var failed error // of encoding: it names its row itself
	err := x.each(ctx, x.session, func(row int, s *sample) error {
		j := job{row: row, used: x.used.At(row) == 1}
		if j.used {
			j.sample = sample{cells: make([]string, len(s.cells)), name: strings.Clone(s.name), read: s.read, values: slices.Clone(s.values)}
			for i, cell := range s.cells {
				j.sample.cells[i] = strings.Clone(cell)
			}
		}
		if jobs = append(jobs, j); len(jobs) < together {
			return nil
		}
		if failed = flush(); failed != nil {
			return errEnough
		}
		return nil
	})
	if err = errors.Join(failed, err); err != nil {
		return err
	}
	if x.joined != nil {
		for i := range dataset.Splits {
			jobs = append(jobs, job{row: x.count() + i})
		}
	}
	if len(jobs) > together {
		buffer = make([]float32, len(jobs)*x.size)
	}
	return flush()
}

// together encodes some rows in parallel. Its error is that of the first row that has one.
func (x *encoding) together(ctx context.Context, jobs []job, buffer []float32) error {
	workers := min(runtime.GOMAXPROCS(0), len(jobs))
	group, alive := errgroup.WithContext(ctx)
	for worker := range workers {
		group.Go(func() error {
			for i := worker; i < len(jobs); i += workers {
				if err := alive.Err(); err != nil {
					return err
				}
				j, dst := &jobs[i], buffer[i*x.size:][:x.size]
				if j.used {
					j.steps, j.err = x.encoder.encode(alive, &j.sample, dst)
				}
				if j.steps == 0 {
					lacking(x.stored, dst)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range jobs {
		if j := &jobs[i]; j.err != nil {
			err := x.wrap(j.err)
			if x.binding.rows == nil {
				return err
			}
			return x.binding.rows.locate(ctx, j.row, err)
		}
		x.lengths.Set(jobs[i].row, uint32(jobs[i].steps))
	}
	return nil
}
