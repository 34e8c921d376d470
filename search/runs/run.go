package runs

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"mixmas/search/store"
)

// Errors of this package, to be tested for with errors.Is.
var (
	// ErrNotFound means that there is no such run, or no such attachment of a run.
	ErrNotFound = store.ErrUnrecorded
	// ErrAmbiguous means that several runs fit a text.
	ErrAmbiguous = errors.New("ambiguous")
	// ErrRunning means that a run cannot be removed because its process lives.
	ErrRunning = store.ErrRunning
)

// State is how a run goes, or how it ended.
type State string

const (
	Running  State = "running"
	Finished State = "finished"
	// Failed means that it ended with an error.
	Failed State = "failed"
	// Interrupted means that it was stopped, by a signal or because its process has gone without an end.
	Interrupted State = "interrupted"
)

// The kinds of runs are the names of the commands.
const (
	KindRun      = "run"
	KindSearch   = "search"
	KindTrain    = "train"
	KindEnsemble = "ensemble"
)

// Run is what is known of a run. Its JSON form is stored.
type Run struct {
	// ID sorts by time, such as 20261128-074241-1f3a.
	ID string `json:"id"`
	// Name is the name of the search, and Kind one of the kinds above.
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Command are the words of the command line.
	Command []string `json:"command,omitempty"`
	// Configuration is the complete configuration in YAML, with every value.
	Configuration string `json:"configuration,omitempty"`
	// Metric is the metric that selects the winner.
	Metric string `json:"metric,omitempty"`
	Data   Data   `json:"data"`
	// Machine describes the hardware, Numerics is the kernel set, and Version that of the program.
	Machine  string `json:"machine,omitempty"`
	Numerics string `json:"numerics,omitempty"`
	Version  string `json:"version,omitempty"`
	// Started and Ended are in UTC. Ended is zero while it runs; of a run whose process has gone without an end, it is the time of
	// the last event.
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	State   State     `json:"state"`
	// Error is the error that it ended with.
	Error string `json:"error,omitempty"`
	// Out is the absolute path of the folder of its models, of an ensemble that of its file; "" if there is none.
	Out string `json:"out,omitempty"`
	// Score is the value of Metric that the run ended with, on the validation split; nil if there is none.
	Score *float64 `json:"score,omitempty"`
	// Trainings is the number of trainings that were run, not found in the store.
	Trainings int `json:"trainings,omitempty"`

	files map[string]store.Digest
}

// Data are the data of a run, with the number of rows per split.
type Data struct {
	Name        string `json:"name"`
	Format      string `json:"format,omitempty"`
	Fingerprint string `json:"fingerprint"`
	Train       int    `json:"train"`
	Validation  int    `json:"val"`
	Test        int    `json:"test"`
}

// Seconds is how long the run took, or has taken until now.
func (r Run) Seconds(now time.Time) float64 {
	end := r.Ended
	if r.State == Running || end.IsZero() {
		end = now
	}
	return max(0, end.Sub(r.Started).Seconds())
}

// decode returns the run of a record.
func decode(ctx context.Context, s *store.Store, record store.RunRecord) (Run, error) {
	r := Run{}
	if err := json.Unmarshal(record.Content, &r); err != nil {
		return Run{}, fmt.Errorf("store %s: %w: run %s: %w", s.Path(), store.ErrDamaged, record.ID, err)
	}
	r.ID, r.files = record.ID, record.Files
	if r.State == Running && !s.RunHeld(r.ID) {
		r.State, r.Ended = Interrupted, r.Started
		if path, err := s.RunEvents(r.ID); err == nil {
			if info, err := os.Stat(path); err == nil && info.ModTime().After(r.Started) {
				r.Ended = info.ModTime().UTC()
			}
		}
		if time.Since(r.Ended) > justNow {
			return r, nil
		}
		// It may have ended well after the record was read, and released its lease before it was asked for: its record knows.
		if again, err := s.Run(ctx, r.ID); err == nil && !bytes.Equal(again.Content, record.Content) {
			return decode(ctx, s, again)
		}
	}
	return r, nil
}

// justNow is longer than a process takes from the last event of its run to its end.
const justNow = time.Minute

// record returns the record of a run.
func (r Run) record() store.RunRecord { return store.RunRecord{ID: r.ID, Files: r.files} }

// List returns all runs, the newest first. If records are damaged it still returns the others, with the error store.ErrDamaged,
// which has one line per damaged record.
func List(ctx context.Context, s *store.Store) ([]Run, error) {
	records, damaged := s.Runs(ctx)
	if damaged != nil && !errors.Is(damaged, store.ErrDamaged) {
		return nil, damaged
	}
	list := make([]Run, 0, len(records))
	for _, record := range records {
		if r, err := decode(ctx, s, record); err != nil {
			damaged = errors.Join(damaged, err)
		} else {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b Run) int { return cmp.Or(b.Started.Compare(a.Started), strings.Compare(b.ID, a.ID)) })
	return list, damaged
}

// Get returns the run with an ID.
func Get(ctx context.Context, s *store.Store, id string) (Run, error) {
	record, err := s.Run(ctx, id)
	if err != nil {
		return Run{}, err
	}
	return decode(ctx, s, record)
}

// Find returns the run that a text names: by its ID or the beginning of it, "last" for the newest, or the name that one run alone
// has. The error is ErrNotFound or ErrAmbiguous.
func Find(ctx context.Context, s *store.Store, text string) (Run, error) {
	list, damaged := List(ctx, s)
	if damaged != nil && !errors.Is(damaged, store.ErrDamaged) {
		return Run{}, damaged
	}
	if i := slices.IndexFunc(list, func(r Run) bool { return r.ID == text }); i >= 0 {
		return list[i], nil
	}
	if text == "last" && len(list) > 0 {
		return list[0], nil
	}
	var found []Run
	for _, fits := range []func(Run) bool{
		func(r Run) bool { return text != "" && strings.HasPrefix(r.ID, text) },
		func(r Run) bool { return r.Name == text },
	} {
		for _, r := range list {
			if fits(r) {
				found = append(found, r)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	switch len(found) {
	case 0:
		err := fmt.Errorf("store %s: run %.200q: %w", s.Path(), text, ErrNotFound)
		return Run{}, errors.Join(err, damaged)
	case 1:
		return found[0], nil
	}
	var ids []string
	for _, r := range found[:min(len(found), 10)] {
		ids = append(ids, r.ID)
	}
	if more := len(found) - len(ids); more > 0 {
		ids = append(ids, fmt.Sprintf("and %d more", more))
	}
	return Run{}, fmt.Errorf("run %.200q is %w: %d runs fit: %s", text, ErrAmbiguous, len(found), strings.Join(ids, ", "))
}

// Remove removes a run with its files, whether or not its record is damaged. Its scores stay. It refuses one whose process lives with
// ErrRunning.
func Remove(ctx context.Context, s *store.Store, id string) error { return s.RemoveRun(ctx, id) }

// Attachment returns a file of a run by its name, such as "assessment.json". The error is ErrNotFound if the run has none.
func Attachment(_ context.Context, s *store.Store, r Run, name string) ([]byte, error) {
	return s.RunFile(r.record(), name)
}
