package search_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/store"
	"mixmas/search/study"
)

// A recording holds every candidate of every stage in every repeat on every draw, each with as many epochs and rows. What it says of
// the last epoch is what the stored scores say. Again it trains nothing, and gives the same bytes; with more repeats it
// trains only these.
func TestRecord(t *testing.T) {
	for _, start := range []string{"warm", "frozen"} {
		t.Run(start, func(t *testing.T) {
			f := newFixture(t)
			f.change("search:\n", "search:\n  start: "+start+"\n  score_at: best\n  score_on_unused: true\n  choose: cheapest_close\n")
			record := func(repeats int) (*study.Recording, []byte, int) {
				s, err := f.search()
				if err != nil {
					t.Fatal(err)
				}
				r, err := s.Record(t.Context(), repeats, 2)
				if err != nil {
					t.Fatal(err)
				}
				var file bytes.Buffer
				if err := study.Write(&file, r.Records, r.Validation, r.Test); err != nil {
					t.Fatal(err)
				}
				read, err := study.Read(t.Context(), "recording", bytes.NewReader(file.Bytes()), int64(file.Len()))
				if err != nil {
					t.Fatal(err)
				}
				if r.Failed != 0 {
					t.Errorf("%d trainings failed", r.Failed)
				}
				list, err := f.store.List(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return read, file.Bytes(), len(list)
			}
			r, file, scores := record(2)
			counts := map[string]int{}
			for _, run := range r.Runs {
				counts[run.Stage+" "+run.Candidate]++
				if len(run.Right) != 2 || run.FLOPs <= 0 || run.Repeat > 1 || run.Draw > 1 {
					t.Errorf("%+v has %d epochs", run.Description, len(run.Right))
				}
			}
			if r.Validation != 30 || r.Test != 20 || len(counts) != 2+1+2+2 {
				t.Errorf("%d and %d rows of %v", r.Validation, r.Test, counts)
			}
			for candidate, n := range counts {
				if n != 4 {
					t.Errorf("%s was recorded %d times, want 4", candidate, n)
				}
			}
			if want := 6 * 4; scores != want { // the first network ran in the stage before
				t.Errorf("%d scores are stored, want %d", scores, want)
			}
			list, err := f.store.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			accuracies := map[string]bool{}
			for _, sc := range list {
				if sc.Status == store.Finished {
					accuracies[fmt.Sprintf("%.6f", sc.Metrics["accuracy"])] = true
				}
			}
			for _, run := range r.Runs {
				if last := fmt.Sprintf("%.6f", float64(run.Last().Count())/30); !accuracies[last] {
					t.Errorf("%+v ends with the accuracy %s, which no score has", run.Description, last)
				}
			}
			_, again, more := record(2)
			if !bytes.Equal(again, file) || more != scores {
				t.Errorf("again: %d scores instead of %d, the same bytes: %t", more, scores, bytes.Equal(again, file))
			}
			if _, _, more := record(3); more != 6*6 {
				t.Errorf("with another repeat %d scores are stored, want %d", more, 6*6)
			}
		})
	}
}

// noTest is a data set without a test split.
type noTest struct{ tiny }

func (noTest) Len(s dataset.Split) int { return [...]int{60, 30, 0}[s] }

func TestRecordErrors(t *testing.T) {
	f := newFixture(t)
	f.data = noTest{}
	s, err := f.search()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Record(t.Context(), 1, 1); err == nil || !strings.Contains(err.Error(), "has no test split") {
		t.Errorf("without test rows: %v", err)
	}
	f.data = tiny{}
	f.change("sample: {size: 40, distance: 0.2}", "sample: {size: 60}")
	if s, err = f.search(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Record(t.Context(), 1, 2); err == nil || !strings.Contains(err.Error(), "want --draws 1") {
		t.Errorf("two draws of all rows: %v", err)
	}
}

// Trainings that fail are left out, and counted.
func TestRecordCountsFailures(t *testing.T) {
	f := newFixture(t)
	s, err := f.search()
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Record(t.Context(), 1, 1); err != nil || r.Failed != 0 || len(r.Records) != 7 {
		t.Fatalf("%d records, %d failed (%v)", len(r.Records), r.Failed, err)
	}
	list, err := f.store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, sc := range list { // as if a stored training had failed
		if strings.HasPrefix(sc.Name, "encoder/picture/monarch") {
			if err := f.store.Remove(t.Context(), sc.Key); err != nil {
				t.Fatal(err)
			}
			sc.Status, sc.Reason, sc.Metrics, sc.Curve, sc.EpochOutputs, sc.Weights, sc.Outputs = store.Failed, "the training diverged", nil, nil, nil, "", ""
			if _, err := f.store.Put(t.Context(), sc, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s, err = f.search(); err != nil {
		t.Fatal(err)
	}
	r, err := s.Record(t.Context(), 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Failed != 1 || len(r.Records) != 6 {
		t.Errorf("%d records, %d failed", len(r.Records), r.Failed)
	}
	for _, record := range r.Records {
		if math.IsNaN(record.FLOPs) || len(record.TrainLoss) != 2 || len(record.ValidationLoss) != 2 {
			t.Errorf("%+v", record.Details)
		}
	}
}
