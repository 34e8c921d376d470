package runs

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"mixmas/search/report"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// Recorder records a run. A nil Recorder records nothing: a run whose recording cannot start goes on without.
type Recorder struct {
	store  *store.Store
	lease  *store.Lease
	events *eventLog

	trainings atomic.Int64 // that ended

	mu  sync.Mutex
	run Run
}

// Start records the start of a run: it fills in ID, State, Started (unless it is set) and Machine. The run lasts until Finish, or the
// end of the process.
func Start(ctx context.Context, s *store.Store, r Run) (_ *Recorder, err error) {
	r.Started = cmp.Or(r.Started, time.Now()).UTC()
	r.State, r.Ended, r.Error, r.Machine, r.files = Running, time.Time{}, "", cmp.Or(r.Machine, trial.Machine()), nil
	rec := &Recorder{store: s}
	for range 100 { // an ID of the same second may be taken
		r.ID = newID(r.Started)
		if rec.lease, err = s.LeaseRun(r.ID); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("recording the run: %w", err)
	}
	rec.run = r
	defer func() {
		if err != nil {
			rec.abandon()
			err = fmt.Errorf("recording the run: %w", err)
		}
	}()
	path, err := s.RunEvents(r.ID)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	rec.events = newEventLog(file)
	return rec, rec.put(ctx, nil)
}

// newID returns an ID that sorts by time.
func newID(t time.Time) string {
	var word [2]byte
	for i := range word {
		word[i] = byte(rand.Uint32())
	}
	return t.UTC().Format("20060102-150405-") + hex.EncodeToString(word[:])
}

// abandon removes what a start that failed left.
func (r *Recorder) abandon() {
	if r.events != nil {
		_ = r.events.close()
	}
	path, err := r.store.RunEvents(r.run.ID)
	if err == nil {
		_ = os.Remove(path)
	}
	r.lease.Release() // pruning removes the folder
}

// put stores the record of the run, with files.
func (r *Recorder) put(ctx context.Context, files map[string][]byte) error {
	content, err := json.Marshal(r.run)
	if err != nil {
		return err
	}
	return r.store.PutRun(ctx, r.run.ID, content, files)
}

// Run returns the run as it was recorded last.
func (r *Recorder) Run() Run {
	if r == nil {
		return Run{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.run
}

// Attach stores a file of the run by name, such as "assessment.json"; one of this name is replaced. Names consist of small letters,
// digits, dots, hyphens and underscores. It may be called until Finish.
func (r *Recorder) Attach(ctx context.Context, name string, content []byte) error {
	if r == nil {
		return nil
	}
	return r.store.PutRun(ctx, r.run.ID, nil, map[string][]byte{name: content})
}

// finishTime is how long the last record of a run may take after its context has ended.
const finishTime = 10 * time.Second

// Finish records how the run ended: with a document, which may be nil, or with an error. It also works after the context has ended,
// and may be called once.
func (r *Recorder) Finish(ctx context.Context, d *report.Document, failed error) error {
	if r == nil {
		return nil
	}
	stopped := ctx.Err() != nil && errors.Is(failed, context.Canceled)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	defer r.lease.Release()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run.Ended = time.Now().UTC()
	switch {
	case failed == nil:
		r.run.State = Finished
	case stopped:
		r.run.State = Interrupted
	default:
		r.run.State, r.run.Error = Failed, failed.Error()
	}
	r.run.Trainings = int(r.trainings.Load())
	var files map[string][]byte
	var broken error
	if d != nil {
		text, err := json.Marshal(storedDocument{*d, d.Plain, d.Files})
		if err != nil {
			broken = err
		} else {
			files = map[string][]byte{documentName: text}
		}
		r.run.Trainings = d.Trainings
		r.run.Score = outcome(d, r.run.Metric)
	}
	r.events.flush()
	err := r.put(ctx, files)
	r.events.add(Event{Time: r.run.Ended, Kind: End, State: r.run.State, Error: r.run.Error, Seconds: r.run.Ended.Sub(r.run.Started).Seconds()})
	if err := errors.Join(broken, err, r.events.close()); err != nil {
		return fmt.Errorf("recording the run: %w", err)
	}
	return nil
}
