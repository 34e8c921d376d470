package report

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mixmas/search/choice"
)

// repeated is a document of a search with repeats.
func repeated() Document {
	candidate := func(name, standing string, score, low, high float64, runs ...Number) Candidate {
		c := Candidate{Name: name, Key: "aa" + name, Score: Number(score), Low: &low, High: &high, Standing: standing, Metrics: map[string]Number{"accuracy": Number(score)}, Params: 1000, Seconds: 2}
		for _, x := range runs {
			r := Repeat{Key: "aa" + name, Score: x, Seconds: 2}
			if math.IsNaN(float64(x)) {
				r.Failed = "the training diverged:\nthe loss is NaN"
			}
			c.Repeats = append(c.Repeats, r)
		}
		return c
	}
	return Document{
		Dataset: Dataset{Name: "pets", Fingerprint: "0123456789abcdef", Train: 200, Validation: 100, Test: 100},
		ScoreAt: "best",
		Stages: []Stage{
			{Name: "encoder/image", Metric: "accuracy", Winner: "small", Reason: "needs 40% of the operations of large, which has the best score, and is within one standard error and one point of it",
				Verdict: "not decided: 2 of 3 cannot be told apart; the chosen one is at most 3.1 points below the best (95%); differences below 4.2 points would rarely show",
				LeftOut: []LeftOut{{"huge", "has 1,200,000 parameters, more than 50,000 (search.max_parameters)"}},
				Candidates: []Candidate{candidate("large", Tie, 0.9, 0.86, 0.93, 0.89, 0.9, 0.91), candidate("small", Tie, 0.895, 0.85, 0.925, 0.9, 0.9, 0.885),
					candidate("middle", Behind, 0.7, 0.65, 0.74, 0.7, 0.7, Number(math.NaN()))}},
			{Name: "encoder/audio", Metric: "accuracy", Winner: "large", Verdict: "ahead of all others (95%)",
				Candidates: []Candidate{candidate("large", Ahead, 0.9, 0.86, 0.93, 0.89, 0.9, 0.91), candidate("small", Behind, 0.8, 0.75, 0.84, 0.8, 0.8)}},
			{Name: "fusion", Metric: "accuracy", Winner: "concat", Verdict: "one run each: another initialisation may change this order; not tested",
				Candidates: []Candidate{candidate("concat", NotTested, 1, 0.963, 1, 1), candidate("mean", NotTested, 0.98, 0.93, 0.994, 0.98)}},
			{Name: "network", Metric: "accuracy", Winner: "mlp", Verdict: "one run each: another initialisation may change this order; not tested",
				Candidates: []Candidate{candidate("mlp", NotTested, 1, 0.963, 1, 1), candidate("hyper", NotTested, 0.98, 0.93, 0.994, 0.98)}},
			{Name: "head", Metric: "accuracy", Winner: "only", Verdict: "the only candidate", Candidates: []Candidate{candidate("only", NotTested, 1, 0.963, 1, 1)}},
		},
	}
}

// What a reader sees of repeats, ties, cheaper winners and orders that nobody tested.
func TestTablesOfRepeats(t *testing.T) {
	var text, page strings.Builder
	if err := WriteText(&text, repeated(), TextOptions{}); err != nil {
		t.Fatal(err)
	}
	want := `
encoder/image, 3 runs each
     rank  candidate  mean accuracy, 95% interval  standing  params  seconds
        1  large            0.9000 [0.860, 0.930]  tie        1,000      2.0
  *     2  small            0.8950 [0.850, 0.925]  tie        1,000      2.0
        3  middle           0.7000 [0.650, 0.740]  behind     1,000      2.0  1 of 3 runs failed: the training diverged: the loss is NaN
  small needs 40% of the operations of large, which has the best score, and is within one standard error and one point of it
  not decided: 2 of 3 cannot be told apart; the chosen one is at most 3.1 points below the best (95%); differences below 4.2 points would rarely show
  left out: huge has 1,200,000 parameters, more than 50,000 (search.max_parameters)

encoder/audio, 3 runs each
     rank  candidate  mean accuracy, 95% interval  standing  params  seconds
  *     1  large            0.9000 [0.860, 0.930]  ahead      1,000      2.0
        2  small            0.8000 [0.750, 0.840]  behind     1,000      2.0  2 runs
  ahead of all others (95%)

fusion
     rank  candidate  accuracy, 95% interval  params  seconds
  *     1  concat      1.0000 [0.963, 1.000]   1,000      2.0
        2  mean        0.9800 [0.930, 0.994]   1,000      2.0

network
     rank  candidate  accuracy, 95% interval  params  seconds
  *     1  mlp         1.0000 [0.963, 1.000]   1,000      2.0
        2  hyper       0.9800 [0.930, 0.994]   1,000      2.0

head
     rank  candidate  accuracy, 95% interval  params  seconds
  *     1  only        1.0000 [0.963, 1.000]   1,000      2.0

note    fusion, network: one run each: another initialisation may change this order; not tested
note    candidates with all modalities are scored at their best epoch, which is optimistic: by 0.6 to 1.5 points where it was measured
`
	_, got, _ := strings.Cut(text.String(), "\n")
	got, _, _ = strings.Cut(got, "\nwinner")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if err := WriteMarkdown(&page, Page{Title: "Results", Documents: []Document{repeated()}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"### encoder/image, 3 runs each\n", "\n- not decided: 2 of 3", "\n- left out: huge", "\n- fusion, network: one run each", "\n- candidates with all modalities"} {
		if strings.Count(page.String(), want) != 1 {
			t.Errorf("the page has %d of %q:\n%s", strings.Count(page.String(), want), want, page.String())
		}
	}
}

// Documents with a half-width alone show Wilson's interval.
func TestIntervalOfHalfWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(1, 100_000).Draw(t, "rows")
		p := float64(rapid.IntRange(0, rows).Draw(t, "right")) / float64(rows)
		c := Candidate{Score: Number(p), Interval: Interval("accuracy", p, rows)}
		low, high, known := c.Ends()
		wantLow, wantHigh := choice.Wilson(p, rows)
		if !known || math.Abs(low-wantLow) > 1e-6 || math.Abs(high-wantHigh) > 1e-6 {
			t.Errorf("%v of %d rows: [%v, %v] %t, want [%v, %v]", p, rows, low, high, known, wantLow, wantHigh)
		}
	})
	for _, c := range []Candidate{{}, {Score: 0.5}, {Score: Number(math.NaN()), Interval: 0.1}, {Score: 2, Interval: 0.1}, {Score: 0.5, Interval: math.NaN()}} {
		if low, high, known := c.Ends(); known {
			t.Errorf("%+v has the interval [%v, %v]", c, low, high)
		}
	}
	for _, half := range []float64{0.4999, 0.5, 0.6, 1e300, 1e-300} { // of broken documents: no panic, and ends in order
		c := Candidate{Score: 0.5, Interval: half}
		if low, high, known := c.Ends(); known && !(low <= 0.5 && 0.5 <= high && low >= 0 && high <= 1) {
			t.Errorf("half-width %v: [%v, %v]", half, low, high)
		}
	}
}

// What a document of the paper's settings hides in JSON stays in the document.
func TestSaved(t *testing.T) {
	d := repeated()
	if diff := cmp.Diff(d.Stages, d.Saved().Stages, sameNumber); diff != "" {
		t.Errorf("not plain: %s", diff)
	}
	d.Plain = true
	saved := d.Saved()
	if c := saved.Stages[0].Candidates[0]; c.Low != nil || c.High != nil || c.Standing != "" || c.Repeats != nil || saved.Stages[0].Verdict != "" {
		t.Errorf("plain: %+v", c)
	}
	if diff := cmp.Diff(repeated().Stages, d.Stages, sameNumber); diff != "" {
		t.Errorf("the document itself changed: %s", diff)
	}
}
