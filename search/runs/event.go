package runs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"mixmas/search/report"
	"mixmas/search/store"
)

// The kinds of events.
const (
	Estimated = "estimated" // what the search will probably cost: Candidates, Trainings, Stored, Workers, Least, Most, Full, More, Expected
	Stage     = "stage"     // a stage starts: Stage, Candidates, Repeats, LeftOut
	Trial     = "trial"     // a training starts: Trial, Name, Steps, Stage, Candidate, Key, Repeat
	Step      = "step"      // Trial, Name, Step, Steps, Loss; the first and the last of each training, and between them at most two a second after the first second
	Done      = "done"      // a job ended: Trial (0 if it was found in the store), Name, Stage, Candidate, Key, Repeat, Metric, Score, Seconds, Cached, Untried, Error
	Decided   = "decided"   // a stage ended: Stage, Name (the winner), Reason, Text (how it stands), Tested
	Training  = "training"  // a full training starts: Name (the model), or with More that many others
	Notice    = "notice"    // Text
	End       = "end"       // the run ended: State, Error, Seconds
)

// Event is something that happened in a run, a line of its file of events. Fields that do not belong to its kind are absent.
type Event struct {
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`
	// Stage is the name of a stage, such as "encoder/image".
	Stage string `json:"stage,omitempty"`
	// Trial tells trainings of this run apart.
	Trial int `json:"trial,omitempty"`
	// Name is that of a job, such as "encoder/image/mlp_mixer (repeat 2)", and Candidate its label in the stage, "mlp_mixer".
	Name      string `json:"name,omitempty"`
	Candidate string `json:"candidate,omitempty"`
	// Key is the key of the score, and Repeat counts from 1.
	Key    string `json:"key,omitempty"`
	Repeat int    `json:"repeat,omitempty"`
	// Step counts from 1; Steps is their number.
	Step  int `json:"step,omitempty"`
	Steps int `json:"steps,omitempty"`
	// Loss and Score are NaN if they are undefined.
	Loss    report.Number `json:"loss,omitzero"`
	Metric  string        `json:"metric,omitempty"`
	Score   report.Number `json:"score,omitzero"`
	Seconds float64       `json:"seconds,omitempty"`
	Cached  bool          `json:"cached,omitempty"`
	Untried bool          `json:"untried,omitempty"`
	// Of a stage: the numbers of candidates that are trained, of repeats each, and of candidates that were left out. Of an estimate,
	// Candidates are those of all stages; events of earlier versions have none.
	Candidates int    `json:"candidates,omitempty"`
	Repeats    int    `json:"repeats,omitempty"`
	LeftOut    int    `json:"left_out,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Text       string `json:"text,omitempty"`
	Tested     bool   `json:"tested,omitempty"`
	State      State  `json:"state,omitempty"`
	Error      string `json:"error,omitempty"`
	// Of an estimate: trainings to come, trainings whose scores are stored, trainings in parallel, and seconds: bounds of the
	// search's, of the full training and of those after it, and the expected ones of trainings by name. Of the event training, More
	// is a number of trainings.
	Trainings int                `json:"trainings,omitempty"`
	Stored    int                `json:"stored,omitempty"`
	Workers   int                `json:"workers,omitempty"`
	Least     float64            `json:"least,omitempty"`
	Most      float64            `json:"most,omitempty"`
	Full      float64            `json:"full,omitempty"`
	More      float64            `json:"more,omitempty"`
	Expected  map[string]float64 `json:"expected,omitempty"`

	// Offset is the position after the event's line in the file, from which [Follow] continues.
	Offset int64 `json:"-"`
}

// longestEvent is the length of a line that is read; longer ones are skipped.
const longestEvent = 4 << 20

// Events returns the events of a run, in order. Lines that are not complete are ignored: the process may have been killed, or the
// disk full. A run without the file has no events.
func Events(ctx context.Context, s *store.Store, r Run) (list []Event, err error) {
	return EventsFrom(ctx, s, r, 0)
}

// EventsFrom is [Events] from a byte offset on, which is 0 or the Offset of an event.
func EventsFrom(ctx context.Context, s *store.Store, r Run, from int64) (list []Event, err error) {
	file, err := openEvents(s, r)
	if file == nil {
		return nil, err
	}
	defer file.Close()
	err = readEvents(ctx, file, from, func(e Event) { list = append(list, e) })
	return list, err
}

// openEvents opens the file of events; nil without an error if there is none.
func openEvents(s *store.Store, r Run) (*os.File, error) {
	path, err := s.RunEvents(r.ID)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", r.ID, err)
	}
	return file, nil
}

// readEvents calls yield with the complete events from an offset on.
func readEvents(ctx context.Context, file io.ReaderAt, from int64, yield func(Event)) error {
	var line []byte // without its end so far
	skip := false   // the line is too long
	buffer := make([]byte, 64<<10)
	for position := from; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := file.ReadAt(buffer, position)
		position += int64(n)
		for rest := buffer[:n]; len(rest) > 0; {
			part, after, ended := bytes.Cut(rest, []byte("\n"))
			if skip = skip || len(line)+len(part) > longestEvent; !skip {
				line = append(line, part...)
			}
			rest = after
			if !ended {
				break
			}
			var e Event
			if !skip && json.Unmarshal(line, &e) == nil && e.Kind != "" {
				e.Offset = position - int64(len(rest))
				yield(e)
			}
			line, skip = line[:0], false
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Unfinished returns the trainings that have started and not ended: of each the event of its start, with the step and the loss of the
// last event about it.
func Unfinished(events []Event) (list []Event) {
	for _, e := range events {
		i := slices.IndexFunc(list, func(t Event) bool { return t.Trial == e.Trial })
		switch {
		case e.Kind == Trial:
			list = append(list, e)
		case i < 0 || e.Trial == 0:
		case e.Kind == Step:
			list[i].Step, list[i].Loss, list[i].Time = e.Step, e.Loss, e.Time
		case e.Kind == Done:
			list = slices.Delete(list, i, i+1)
		}
	}
	return list
}
