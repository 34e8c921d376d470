package store

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// summaryOf is the summary of a score, by way of the whole score.
func summaryOf(sc Score, metrics ...string) Summary {
	out := Summary{Key: sc.Key, Name: sc.Name, Search: sc.Search, Status: sc.Status, Epochs: len(sc.Curve), Parameters: sc.Parameters,
		Seconds: sc.Seconds, Numerics: sc.Numerics, Finished: sc.Finished, Values: []float64{}}
	for _, name := range metrics {
		value, has := sc.Metrics[name]
		if !has {
			value = math.NaN()
		}
		out.Values = append(out.Values, value)
	}
	var of struct {
		Data string `json:"data"`
	}
	if json.Unmarshal(sc.Specification, &of) == nil {
		out.Data = of.Data
	}
	return out
}

// sameSummary compares summaries, in which NaN equals NaN.
func sameSummary(a, b Summary) bool {
	if len(a.Values) != len(b.Values) || !a.Finished.Equal(b.Finished) {
		return false
	}
	for i := range a.Values {
		if a.Values[i] != b.Values[i] && !(math.IsNaN(a.Values[i]) && math.IsNaN(b.Values[i])) {
			return false
		}
	}
	a.Values, b.Values, a.Finished, b.Finished = nil, nil, time.Time{}, time.Time{}
	return reflect.DeepEqual(a, b)
}

// A record is summarised as its score is, without being decoded.
func TestSummaries(t *testing.T) {
	wanted := []string{"accuracy", "an other \"one\"", "loss"}
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`"`, `\`, `\"`, "\x1b[31m", "\u2028<&>", `{"data":"x"}`, `],"key":"`, "\xff"}))
	rapid.Check(t, func(t *rapid.T) {
		specification := rapid.MapOf(text, rapid.OneOf(rapid.Map(text, func(s string) any { return s }), rapid.Map(rapid.Float64(), func(f float64) any { return f }),
			rapid.Map(rapid.SliceOf(text), func(s []string) any { return s }))).Draw(t, "specification")
		if rapid.Bool().Draw(t, "has data") {
			specification["data"] = text.Draw(t, "data")
		}
		sc := Score{Name: "n" + strings.ToValidUTF8(text.Draw(t, "name"), "?"), Search: strings.ToValidUTF8(text.Draw(t, "search"), "?"),
			Status: rapid.SampledFrom([]Status{Finished, Failed}).Draw(t, "status"), Reason: text.Draw(t, "reason"),
			Parameters: rapid.IntRange(0, 1<<40).Draw(t, "parameters"), Seconds: rapid.Float64Range(0, 1e9).Draw(t, "seconds"),
			Numerics: "cpu/portable", Finished: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "finished"), 12345).UTC()}
		if rapid.Bool().Draw(t, "has metrics") {
			sc.Metrics = map[string]float64{"accuracy": rapid.Float64Range(0, 1).Draw(t, "accuracy"), `an other "one"`: 3, "z": -1e-300}
		}
		for range rapid.IntRange(0, 3).Draw(t, "epochs") {
			sc.Curve = append(sc.Curve, Epoch{TrainLoss: rapid.Float64Range(-1e9, 1e9).Draw(t, "loss"), LearningRate: 0.1})
		}
		var err error
		if sc.Key, sc.Specification, err = Key(specification); err != nil {
			t.Skip("not a specification")
		}
		record, err := encode(sc)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := decode(sc.Key, record)
		if err != nil {
			t.Fatal(err)
		}
		got, err := (&Store{}).summarise(sc.Key, record, false, wanted)
		if want := summaryOf(stored, wanted...); err != nil || !sameSummary(got, want) {
			t.Errorf("%s\nsummarised as %+v (%v), want %+v", record, got, err, want)
		}
		sum, _ := recordSum(record)
		if _, ok := scan(record, wanted, sum); !ok && sc.Metrics == nil {
			t.Errorf("%s was decoded, which takes long", record)
		}
	})
}

// All kinds of records are in the list: ended, failed, partial, of older versions without a checksum, and damaged ones in the error.
func TestSummariesOfAStore(t *testing.T) {
	s := temporaryStore(t)
	for i := range 5 {
		put(t, s, i)
	}
	if _, err := s.Put(t.Context(), failedTrial(7), nil, nil); err != nil {
		t.Fatal(err)
	}
	putPartial(t, s, 8, 2)
	list, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var damaged, old string
	err = s.update(t.Context(), func(scores *bbolt.Bucket) error {
		damaged, old = list[0].Key, list[1].Key
		record := scores.Get([]byte(old))
		end := strings.LastIndex(string(record), recordEnd)
		if err := scores.Put([]byte(old), append(record[:end:end], '}')); err != nil {
			return err
		}
		record = scores.Get([]byte(damaged))
		return scores.Put([]byte(damaged), []byte(strings.Replace(string(record), "encoder", "encoded", 1)))
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Summaries(t.Context(), "accuracy")
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), damaged) || len(got) != len(list)-1 {
		t.Errorf("%d summaries of %d scores, %v", len(got), len(list), err)
	}
	statuses := map[Status]int{}
	for _, sc := range got {
		stored, err := s.Find(t.Context(), sc.Key)
		if want := summaryOf(stored, "accuracy"); err != nil || !sameSummary(sc, want) {
			t.Errorf("summarised as %+v, want %+v, %v", sc, want, err)
		}
		statuses[sc.Status]++
	}
	if statuses[Failed] != 1 || statuses[Partial] != 1 {
		t.Errorf("statuses %v", statuses)
	}
}

// An index has what a fresh reading has, after each change, and keeps what has not changed.
func TestIndex(t *testing.T) {
	s := temporaryStore(t)
	x := s.Index("accuracy")
	check := func(what string) {
		t.Helper()
		want, wantErr := s.Summaries(t.Context(), "accuracy")
		got, err := x.Summaries(t.Context())
		if len(got) != len(want) || (err == nil) != (wantErr == nil) {
			t.Fatalf("%s: %d summaries, want %d; %v, want %v", what, len(got), len(want), err, wantErr)
		}
		for i := range want {
			if !sameSummary(got[i], want[i]) {
				t.Errorf("%s: %+v, want %+v", what, got[i], want[i])
			}
		}
	}
	check("empty")
	putPartial(t, s, 8, 2)
	put(t, s, 3)
	check("a score and a partial one")
	first, _ := x.Summaries(t.Context())
	put(t, s, 1)
	putPartial(t, s, 8, 3)
	put(t, s, 5)
	check("more of them")
	again, _ := x.Summaries(t.Context())
	kept := 0
	for _, a := range first {
		for _, b := range again {
			if &a.Values[0] == &b.Values[0] {
				kept++
			}
		}
	}
	if kept != 1 { // the partial one has changed
		t.Errorf("%d of 2 were kept", kept)
	}
	put(t, s, 8)
	check("the partial one has ended")
	err := s.update(t.Context(), func(scores *bbolt.Bucket) error {
		key, record := scores.Cursor().First()
		record = []byte(string(record[:len(record)-3]) + `x"}`)
		return scores.Put([]byte(string(key)), record)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	check("a damaged one")
	check("again")
}

// FuzzScan: no bytes crash the scanner, and what it accepts as an object is one.
func FuzzScan(f *testing.F) {
	sc, _, _ := trial(1)
	record, err := encode(sc)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(record)
	f.Add(record[:len(record)/2])
	f.Add([]byte(`{"a":[[{}],"\\"],"metrics":{"accuracy":1e3},"checksum":""}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		var of struct {
			Checksum string `json:"checksum"`
		}
		_ = json.Unmarshal(record, &of)
		scan(record, []string{"accuracy"}, of.Checksum)
	})
}
