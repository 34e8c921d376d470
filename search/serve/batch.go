package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"mixmas/search/model"
)

// batcher predicts rows of several requests together. While a batch runs, the next ones gather.
type batcher struct {
	predictor *model.Predictor
	window    time.Duration
	jobs      chan *job // has room for all requests
	coming    atomic.Int64
	arrived   chan struct{} // coming has changed
	stop      chan struct{}
	ended     chan struct{}
	metrics   *metrics
}

// job is at most [model.Batch] rows of a request.
type job struct {
	ctx     context.Context
	samples model.Rows
	logits  []float32
	err     error
	done    chan struct{}
	state   atomic.Int32
}

// The states of a job.
const (
	waiting = iota
	running
	abandoned
)

var errStopped = errors.New("the server has stopped")

func newBatcher(p *model.Predictor, window time.Duration, requests int, m *metrics) *batcher {
	b := &batcher{predictor: p, window: window, jobs: make(chan *job, requests), arrived: make(chan struct{}, 1),
		stop: make(chan struct{}), ended: make(chan struct{}), metrics: m}
	go b.loop()
	return b
}

// add adds a job. It never blocks: a request has one job at a time.
func (b *batcher) add(j *job) { b.jobs <- j }

// came says that the rows of a request that was coming have been read, or that there are none.
func (b *batcher) came() {
	b.coming.Add(-1)
	select {
	case b.arrived <- struct{}{}:
	default:
	}
}

// wait waits for a job. When it returns, nothing reads the job's samples any more.
func (b *batcher) wait(j *job) error {
	select {
	case <-j.done:
		return j.err
	case <-j.ctx.Done():
	case <-b.ended:
	}
	if !j.state.CompareAndSwap(waiting, abandoned) {
		<-j.done
		return j.err
	}
	if err := j.ctx.Err(); err != nil {
		return err
	}
	return errStopped
}

// close ends the batcher after the batch that runs.
func (b *batcher) close() {
	select {
	case <-b.stop:
	default:
		close(b.stop)
	}
	<-b.ended
}

func (b *batcher) loop() {
	defer close(b.ended)
	var next *job
	var batch []*job
	for {
		select {
		case <-b.stop:
			return
		default:
		}
		if next == nil {
			select {
			case next = <-b.jobs:
			case <-b.stop:
				return
			}
		}
		batch, next = b.collect(append(batch[:0], next))
		batch = slices.DeleteFunc(batch, func(j *job) bool { return !j.state.CompareAndSwap(waiting, running) })
		if len(batch) == 0 {
			continue
		}
		b.predict(batch)
		for _, j := range batch {
			close(j.done)
		}
		clear(batch)
	}
}

// collect adds jobs to a batch: those that wait, and within the window those of requests that are being read. The job that does not
// fit begins the next batch.
func (b *batcher) collect(batch []*job) (_ []*job, next *job) {
	rows := batch[0].samples.Len()
	var late <-chan time.Time
	for rows < model.Batch {
		select {
		case next = <-b.jobs:
		default:
			if b.window == 0 || b.coming.Load() == 0 {
				return batch, nil
			}
			if late == nil {
				timer := time.NewTimer(b.window)
				defer timer.Stop()
				late = timer.C
			}
			select {
			case next = <-b.jobs:
			case <-b.arrived:
				continue
			case <-late:
				return batch, nil
			case <-b.stop:
				return batch, nil
			}
		}
		n := next.samples.Len()
		if rows+n > model.Batch {
			return batch, next
		}
		batch, rows = append(batch, next), rows+n
	}
	return batch, nil
}

// several are the rows of several jobs.
type several []*job

// Len implements [model.Rows].
func (s several) Len() (n int) {
	for _, j := range s {
		n += j.samples.Len()
	}
	return n
}

// Read implements [model.Rows].
func (s several) Read(row, input int, dst []float32) error {
	for _, j := range s {
		if n := j.samples.Len(); row >= n {
			row -= n
			continue
		}
		return j.samples.Read(row, input, dst)
	}
	return fmt.Errorf("row %d does not exist", row)
}

// predict predicts a batch. A row that cannot be predicted spoils no other request.
func (b *batcher) predict(batch several) {
	rows := batch.Len()
	logits := make([]float32, rows*len(b.predictor.Model().Classes))
	b.metrics.batch(rows)
	err := b.run(batch, logits)
	bad := new(model.NotFiniteError)
	if err != nil && !errors.As(err, &bad) && len(batch) > 1 { // perhaps of one job
		for i := range batch {
			b.predict(batch[i : i+1])
		}
		return
	}
	first := 0
	for _, j := range batch {
		n := j.samples.Len()
		copy(j.logits, logits[first*len(j.logits)/n:])
		switch {
		case err != nil && bad.Rows == nil:
			j.err = err
		default:
			own := &model.NotFiniteError{}
			for _, row := range bad.Rows {
				if row >= first && row < first+n {
					own.Rows = append(own.Rows, row-first)
				}
			}
			if own.Rows != nil {
				j.err = own
			}
		}
		first += n
	}
}

// run predicts rows. A panic, which would be a mistake of the program, is an error of these rows.
func (b *batcher) run(rows model.Rows, logits []float32) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("the program failed: %v", caught)
		}
	}()
	return b.predictor.Predict(context.Background(), rows, logits)
}
