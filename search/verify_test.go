package search_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"mixmas/search"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/store"
)

// edit replaces bytes of a record in the bbolt file, as an editor of such files would. unsigned drops its checksum, so that
// it is a record of an older version.
func (f *fixture) edit(key, old, new string, unsigned bool) {
	f.t.Helper()
	db, err := bbolt.Open(f.store.Path(), 0o644, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		scores := tx.Bucket([]byte("scores"))
		record := bytes.Replace(scores.Get([]byte(key)), []byte(old), []byte(new), 1)
		if !bytes.Contains(record, []byte(new)) {
			return fmt.Errorf("no %s in %s", old, record)
		}
		if unsigned {
			record = append(record[:bytes.LastIndex(record, []byte(`,"checksum"`))], '}')
		}
		return scores.Put([]byte(key), record)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		f.t.Fatal(err)
	}
}

// verify measures the kept scores again and returns what is wrong.
func (f *fixture) verify() (v search.Verified, wrong []string) {
	f.t.Helper()
	c, err := config.Parse("plan.yaml", []byte(f.plan))
	if err != nil {
		f.t.Fatal(err)
	}
	if v, err = search.Verify(f.t.Context(), c, f.data, f.store, func(err error) { wrong = append(wrong, err.Error()) }); err != nil {
		f.t.Fatal(err)
	}
	return v, wrong
}

// An accuracy that somebody edited decides no search: its checksum is wrong, and without one its outputs tell.
func TestEditedScoreIsFound(t *testing.T) {
	f := newFixture(t)
	r := f.run()
	if v, wrong := f.verify(); v != (search.Verified{Measured: 6}) || wrong != nil {
		t.Fatalf("before: %+v, %q", v, wrong)
	}
	loser := r.Stages[0].Outcomes()[1]
	was := fmt.Sprintf(`"accuracy":%s`, number(loser.Score.Metrics["accuracy"]))
	f.edit(loser.Score.Key, was, `"accuracy":0.99`, false)
	s, err := f.search()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context()); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), loser.Score.Key) {
		t.Errorf("the search took the edited record: %v", err)
	}
	if v, _ := f.verify(); v.Measured != 5 {
		t.Errorf("measured %d scores, want those that can be read", v.Measured)
	}
	f.edit(loser.Score.Key, `"accuracy":0.99`, `"accuracy":0.99`, true)
	v, wrong := f.verify()
	want := fmt.Sprintf("store: score %.12s (%s): its record says accuracy 0.99, but its outputs give %s",
		loser.Score.Key, loser.Score.Name, number(loser.Score.Metrics["accuracy"]))
	if v.Measured != 6 || !slices.Equal(wrong, []string{want}) {
		t.Errorf("%+v, got %q, want %q", v, wrong, want)
	}
}

func number(x float64) string {
	text, err := json.Marshal(x)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// Scores on drawn validation rows, on all of them and on the test split are measured on theirs.
func TestVerifyKnowsTheRows(t *testing.T) {
	f := newFixture(t)
	f.change("distance: 0.2}", "distance: 0.2, error: 0.2, validation: formula}")
	if _, err := f.train(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	v, wrong := f.verify()
	if want := (search.Verified{Measured: 8}); v != want || wrong != nil { // 6 trials, the full training and its test
		t.Errorf("%+v, %q, want %+v", v, wrong, want)
	}
	f.change("search:\n", "search:\n  score_on_unused: true\n")
	f.run()
	if v, wrong := f.verify(); v.Measured != 14 || v.OtherRows != 0 || wrong != nil {
		t.Errorf("with training rows that score too: %+v, %q, want 6 scores more", v, wrong)
	}
	f.change("score_on_unused: true", "score_on_unused: false")
	if v, wrong := f.verify(); v.Measured != 8 || v.OtherRows != 6 || wrong != nil {
		t.Errorf("with training rows that scored before: %+v, %q, want 6 scores on other rows", v, wrong)
	}
	test := f.named("test/tiny")
	f.edit(test.Key, `"loss":`+number(test.Metrics["loss"]), `"loss":0.01`, true)
	if _, wrong := f.verify(); len(wrong) != 1 || !strings.Contains(wrong[0], "test/tiny") {
		t.Errorf("an edited test score: %q", wrong)
	}
	f.change("error: 0.2", "error: 0.3")
	if v, _ := f.verify(); v.OtherRows != 12 || v.Measured != 2 {
		t.Errorf("another plan: %+v, want 12 scores on other rows", v)
	}
	f.data = other{}
	if v, _ := f.verify(); v != (search.Verified{OtherData: 14}) {
		t.Errorf("other data: %+v", v)
	}
}

// other is the tiny data set with another fingerprint.
type other struct{ tiny }

func (other) Fingerprint() string { return strings.Repeat("cd", 32) }

// named is the only score of the name.
func (f *fixture) named(name string) store.Score {
	f.t.Helper()
	list, err := f.store.List(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(sc store.Score) bool { return sc.Name == name })
	if i < 0 {
		f.t.Fatalf("no score %s", name)
	}
	return list[i]
}

// cancelling ends a context when a validation label is read.
type cancelling struct {
	dataset.Dataset
	cancel func()
}

func (c cancelling) Label(split dataset.Split, row int, dst []float32) error {
	if split == dataset.Validation {
		c.cancel()
	}
	return c.Dataset.Label(split, row, dst)
}

// Ctrl-C while a score is measured again is no fault of the score.
func TestInterruptedVerification(t *testing.T) {
	f := newFixture(t)
	f.run()
	c, err := config.Parse("plan.yaml", []byte(f.plan))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = search.Verify(ctx, c, cancelling{f.data, cancel}, f.store, func(err error) { t.Errorf("blamed: %v", err) })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the verification ends with %v", err)
	}
}
