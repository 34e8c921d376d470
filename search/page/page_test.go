package page

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mixmas/nn/mixer"
	"mixmas/search/assess"
	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

func scoredAs(score, low, high report.Number) *report.Scored {
	return &report.Scored{Score: score, Low: low, High: high}
}

// large are contents with so many candidates per stage, three repeats each, and names that begin with a text.
func large(candidates int, name string) Contents {
	d := report.Document{Name: name + "run", Dataset: report.Dataset{Name: name + "data", Fingerprint: strings.Repeat("0f", 32), Train: 5000, Validation: 1000, Test: 1000,
		Warnings: []string{name + "warning"}}, Sample: report.Sample{Size: 1000, Fraction: 0.2}, Machine: name + "machine", Command: "mixmas run " + name, Seconds: 3600, Trainings: 60,
		LeftOut: []string{name + "left out"}, Filled: []string{name + "filled"}}
	c := Contents{Document: d, Curves: map[string][]store.Epoch{}, Run: &runs.Run{ID: "20261128-074241-1f3a", State: runs.Finished, Started: time.Date(2026, 11, 28, 7, 0, 0, 0, time.UTC),
		Configuration: "name: x\nseed: 7\n# " + name + "\n", Version: "development", Numerics: "cpu/avx2"}}
	add := func(e runs.Event) {
		e.Time = c.Run.Started.Add(time.Duration(len(c.Events)) * time.Second)
		c.Events = append(c.Events, e)
	}
	for _, stage := range []string{"encoder/" + name + "left", "fuse"} {
		s := report.Stage{Name: stage, Metric: "accuracy", Winner: name + "candidate 3", Reason: "is " + name, Verdict: "not decided: " + name, Untried: []string{name + "untried"},
			LeftOut: []report.LeftOut{{Name: name + "large", Reason: "has 1,000,000 parameters, more than 10"}}}
		for k := range candidates / 2 {
			v := 0.9 - 0.01*float64(k)
			low, high := v-0.02, v+0.02
			candidate := report.Candidate{Name: fmt.Sprintf("%scandidate %d", name, k), Key: fmt.Sprintf("%s-%d-0", stage, k), Score: report.Number(v), Low: &low, High: &high, Standing: report.Tie,
				Params: 1000 * (k + 1), Cost: &report.Cost{FLOPs: int64(1e6 * (k + 1)), Latency1: 0.1 * float64(k+1), Memory: 1 << 20}, Seconds: 10}
			for r := range 3 {
				key := fmt.Sprintf("%s-%d-%d", stage, k, r)
				candidate.Repeats = append(candidate.Repeats, report.Repeat{Key: key, Score: report.Number(v), Seconds: 10})
				for e := range 100 {
					value := 1 - math.Exp(-float64(e+k+r)/20)
					c.Curves[key] = append(c.Curves[key], store.Epoch{TrainLoss: 1 - value, ValidationLoss: 1.1 - value, ValidationMetric: &value})
				}
				job := fmt.Sprintf("%s/%s (repeat %d)", stage, candidate.Name, r+1)
				add(runs.Event{Kind: runs.Trial, Trial: len(c.Events) + 1, Name: job, Stage: stage, Key: key})
				add(runs.Event{Kind: runs.Done, Trial: len(c.Events), Name: job, Stage: stage, Key: key})
			}
			s.Candidates = append(s.Candidates, candidate)
		}
		s.Candidates = append(s.Candidates, report.Candidate{Name: name + "broken", Score: report.Number(math.NaN()), Failed: name + "diverged"})
		c.Document.Stages = append(c.Document.Stages, s)
	}
	final := report.Final{Name: "searched", Path: name + "out/model.safetensors", Params: 4000, FLOPs: 4e6, Latency: 0.3, Validation: scoredAs(0.91, 0.89, 0.93), Test: scoredAs(0.9, 0.88, 0.92)}
	ensemble := final
	ensemble.Name, ensemble.Params, ensemble.Test, ensemble.Members = "ensemble of 3 models", 12000, scoredAs(0.95, 0.935, 0.962), []report.Member{{Name: name + "member", Key: "x"}}
	c.Document.Searched, c.Document.Ensemble, c.Document.Cheapest = &final, &ensemble, &final
	c.Document.Model = &report.Model{Name: name + "run", Path: final.Path, Params: 4000, Epochs: 10}
	c.Document.Answer = &report.Answer{Model: "ensemble", Path: name + "out/ensemble.safetensors", Reason: "it is best", Single: &report.Single{Model: "searched", Path: final.Path, Behind: 0.01, Low: -0.01, High: 0.03}}
	for _, b := range []struct {
		kind  string
		score report.Number
	}{{report.Majority, 0.3}, {report.SingleModality, 0.8}, {report.Linear, 0.7}, {report.LateFusionWinners, 0.945}, {report.Default, 0.97}} {
		c.Document.Baselines = append(c.Document.Baselines, report.Baseline{Kind: b.kind, Modality: name + "left",
			Final: report.Final{Name: name + b.kind, Params: 100, FLOPs: 1000, Validation: scoredAs(b.score, b.score-0.02, b.score+0.02), Test: scoredAs(b.score, b.score-0.015, b.score+0.015)}})
	}
	c.Model = &mixer.Specification{Classes: 30, Fusion: mixer.Fuse("concat")}
	c.Assessment = assessment(name)
	return c
}

// assessment has 30 classes, as much as an assessment shows of everything, and some 550 KB of pictures.
func assessment(name string) *assess.Assessment {
	const classes = 30
	a := &assess.Assessment{Version: 1, Metric: "accuracy", Untested: []string{name + "untested"}, Data: assess.Data{Name: name + "data", Rows: [3]int{5000, 1000, 1000}, Surveyed: [3]int{5000, 1000, 1000},
		Duplicates: []string{name + "duplicate"}, Modalities: []assess.Modality{{Name: name + "left", Kind: "map", Form: "map 1×28×28", Shape: []int{1, 28, 28},
			Missing: [3]assess.Missing{{Rows: 3, Values: 5, Of: 100}}, Features: []assess.Feature{{Name: name + "feature", Missing: [3]int{1, 2, 3}}}}}}}
	for k := range classes {
		a.Data.Classes = append(a.Data.Classes, fmt.Sprintf("%sclass %d", name, k))
		for s := range 3 {
			a.Data.Counts[s] = append(a.Data.Counts[s], 30+k)
		}
	}
	for i := range 70 {
		views := []assess.View{{Modality: name + "left", Kind: assess.Picture, Image: bytes.Repeat([]byte{byte(i)}, 6000), Type: "image/png", Width: 28, Height: 28},
			{Modality: name + "text", Kind: assess.Text, Text: name + "\nline"},
			{Modality: name + "curve", Kind: assess.Curve, Names: []string{name + "a"}, Values: [][]report.Number{{1, 2, report.Number(math.NaN()), 3}}, More: 3},
			{Modality: name + "numbers", Kind: assess.Numbers, Names: []string{name + "age"}, Values: [][]report.Number{{42}}}, {Modality: "gone", Kind: assess.Nothing}}
		a.Shown = append(a.Shown, assess.Shown{Split: "train", Row: i, True: []string{a.Data.Classes[i%classes]}, Views: views})
		a.Data.Samples = append(a.Data.Samples, assess.Sample{Class: a.Data.Classes[i%classes], Shown: []int{i}})
	}
	for _, field := range []string{"searched", "ensemble"} {
		m := assess.Model{Field: field, Name: field, Split: "test", Rows: 1000, Of: 1000, Calibration: assess.Calibration{ECE: 0.02, Brier: 0.1}}
		if field == "ensemble" {
			m.Name = "ensemble of 3 models"
		}
		for k := range classes {
			counts := make([]int, classes)
			counts[k], counts[(k+1)%classes] = 30, 2
			m.Confusion = append(m.Confusion, counts)
			m.Classes = append(m.Classes, assess.Class{Class: k, Name: a.Data.Classes[k], Support: 32, Predicted: 33, Right: 30, Precision: 0.9, Recall: 0.94, F1: 0.92, AUROC: 0.99, AveragePrecision: 0.95,
				Threshold: 0.1, Cut: 0.52})
		}
		for k := range 13 {
			l := assess.Line{Class: k, Name: a.Data.Classes[k], Area: 0.99}
			if k == 12 {
				l.Class = -1
			}
			for i := range 101 {
				l.X, l.Y = append(l.X, report.Number(i)/100), append(l.Y, report.Number(math.Sqrt(float64(i)/100)))
			}
			m.ROC, m.PrecisionRecall = append(m.ROC, l), append(m.PrecisionRecall, l)
		}
		for i := range 10 {
			m.Calibration.Bins = append(m.Calibration.Bins, assess.Bin{Low: report.Number(i) / 10, High: report.Number(i+1) / 10, Count: 10 * i, Confidence: report.Number(i)/10 + 0.05,
				Share: report.Number(i) / 10, ShareLow: report.Number(i) / 11, ShareHigh: report.Number(i+1) / 10})
		}
		for i := range 12 {
			m.Mistakes = append(m.Mistakes, assess.Mistake{Row: i, True: []string{a.Data.Classes[i]}, Predicted: []string{a.Data.Classes[i+1]}, Probability: 0.9, Shown: i})
		}
		m.Without = []assess.Without{{Modality: name + "left", Rows: 1000, Score: 0.5, Low: 0.45, High: 0.55, With: 0.95, Worth: 0.45, WorthLow: 0.4, WorthHigh: 0.5}}
		a.Models = append(a.Models, m)
	}
	a.Models = append(a.Models, assess.Model{Field: "cheapest", Name: "searched", Same: "searched"})
	return a
}

// Whatever the run was, the first sentences read well.
func TestLeadOfEveryRun(t *testing.T) {
	nan := report.Number(math.NaN())
	baseline := func(kind string, score report.Number, members ...string) report.Baseline {
		b := report.Baseline{Kind: kind, Modality: "left", Final: report.Final{Name: kind, Validation: scoredAs(score, score-0.02, score+0.02), Test: scoredAs(score, score-0.02, score+0.02)}}
		for _, key := range members {
			b.Members = append(b.Members, report.Member{Key: key})
		}
		return b
	}
	for name, c := range map[string]struct {
		change func(c *Contents)
		want   []string
	}{
		"no test split": {func(c *Contents) {
			c.Document.Ensemble.Test, c.Document.Searched.Test = nil, nil
			c.Document.Ensemble.Name, c.Document.Baselines = "ensemble of 3 models", []report.Baseline{baseline(report.Majority, 0.3)}
		}, []string{"The model to use, an ensemble of 3 models, is right for 91.0% of 1,000 validation rows (95% interval 89.0% to 93.0%), which had a part in choosing it: on other rows it may do worse.",
			"It beats the most frequent class by 61 points."}},
		"itself a late fusion": {func(c *Contents) {
			c.Document.Ensemble.Name, c.Document.Ensemble.Members = "late fusion of 2 models", []report.Member{{Key: "a"}, {Key: "b"}}
			c.Document.Baselines = []report.Baseline{baseline(report.Majority, 0.3), baseline(report.LateFusionWinners, 0.94, "c", "d"), baseline(report.LateFusionAll, 0.95, "b", "a")}
		}, []string{"The model to use, a late fusion of 2 models, is right for 95.0% of 1,000 test rows (95% interval 93.5% to 96.2%), which had no part in the search.",
			"It is itself a late fusion of trained encoders; it beats the most frequent class by 65 points."}},
		"another late fusion": {func(c *Contents) {
			c.Document.Ensemble.Name, c.Document.Ensemble.Members = "late fusion of 2 models", []report.Member{{Key: "a"}, {Key: "b"}}
			c.Document.Baselines = []report.Baseline{baseline(report.LateFusionAll, 0.95, "a", "b", "c")}
			c.Document.Baselines[0].Name = "late fusion of all 3 trained encoders"
		}, []string{"The model to use, a late fusion of 2 models, is right for 95.0% of 1,000 test rows (95% interval 93.5% to 96.2%), which had no part in the search.",
			"It is not clearly better than the late fusion of all 3 trained encoders (equal)."}},
		"a tie, and the single modality": {func(c *Contents) {
			c.Document.Answer.Model, c.Document.Baselines = "searched", []report.Baseline{baseline(report.SingleModality, 0.89), baseline(report.Default, 0.9)}
			c.Document.Baselines[1].Beats = true
		}, []string{"The model to use, the searched model, is right for 90.0% of 1,000 test rows (95% interval 88.0% to 92.0%), which had no part in the search.",
			"It is not clearly better than the best single modality (left: 1 point ahead, which may be chance) and a default architecture (equal)."}},
		"the default itself": {func(c *Contents) {
			c.Document.Answer.Model, c.Document.Baselines = "searched", []report.Baseline{baseline(report.SingleModality, 0.8), baseline(report.DefaultFull, 0.91)}
		}, []string{"The model to use, the searched model, is right for 90.0% of 1,000 test rows (95% interval 88.0% to 92.0%), which had no part in the search.",
			"It is itself the default architecture; it beats the best single modality (left) by 10 points."}},
		"nothing tested": {func(c *Contents) {
			c.Document.Answer.Model, c.Document.Searched.Test = "searched", scoredAs(0.9, nan, nan)
			c.Document.Baselines = []report.Baseline{baseline(report.Majority, 0.3), baseline(report.Linear, 0.95)}
			for i := range c.Document.Baselines {
				c.Document.Baselines[i].Test = scoredAs(c.Document.Baselines[i].Test.Score, nan, nan)
			}
		}, []string{"The model to use, the searched model, is right for 90.0% of 1,000 test rows, which had no part in the search.",
			"It was not tested against the most frequent class (60 points ahead) and linear models (5 points behind)."}},
		"an undefined metric": {func(c *Contents) {
			for i := range c.Document.Stages {
				c.Document.Stages[i].Metric = "auroc_macro"
			}
			c.Document.Ensemble.Test, c.Document.Ensemble.Validation = nil, scoredAs(nan, nan, nan)
		}, []string{"The model to use, an ensemble of 3 models, cannot be judged: its macro AUROC is undefined on the 1,000 validation rows."}},
		"several labels": {func(c *Contents) {
			c.Assessment.Data.MultiLabel, c.Document.Baselines = true, nil
		}, []string{"The model to use, an ensemble of 3 models, gets all labels right in 95.0% of 1,000 test rows (95% interval 93.5% to 96.2%), which had no part in the search.",
			"It was compared with no baseline."}},
		"a metric of several labels": {func(c *Contents) {
			for i := range c.Document.Stages {
				c.Document.Stages[i].Metric = "precision_weighted"
			}
			c.Document.Baselines = nil
		}, []string{"The model to use, an ensemble of 3 models, has a weighted precision of 0.950 on 1,000 test rows (95% interval 0.935 to 0.962), which had no part in the search.",
			"It was compared with no baseline."}},
		"one modality": {func(c *Contents) {
			c.Assessment.Data.Modalities = c.Assessment.Data.Modalities[:1]
			c.Document.Baselines = []report.Baseline{baseline(report.Majority, 0.3), baseline(report.SingleModality, 0.99), baseline(report.Linear, 0.7)}
		}, []string{"The model to use, an ensemble of 3 models, is right for 95.0% of 1,000 test rows (95% interval 93.5% to 96.2%), which had no part in the search.",
			"It beats the most frequent class by 65 points and linear models by 25 points."}},
		"a single model of the ensemble": {func(c *Contents) {
			c.Document.Ensemble.Name, c.Document.Ensemble.Members, c.Document.Baselines = "ensemble of one: full/left", nil, nil
		}, []string{"The model to use, the single model full/left, is right for 95.0% of 1,000 test rows (95% interval 93.5% to 96.2%), which had no part in the search.",
			"It was compared with no baseline."}},
		"distilled": {func(c *Contents) {
			distilled := *c.Document.Ensemble
			distilled.Name = "distilled"
			c.Document.Distilled, c.Document.Answer.Model, c.Document.Baselines = &distilled, "distilled", nil
		}, []string{"The model to use, the distilled model, is right for 95.0% of 1,000 test rows (95% interval 93.5% to 96.2%), which had no part in the search.",
			"It was compared with no baseline."}},
		"a training alone": {func(c *Contents) {
			c.Document = report.Document{Dataset: c.Document.Dataset, Model: &report.Model{Name: "x", Metrics: map[string]report.Number{"accuracy": 0.9}}}
		}, []string{"The trained model is right for 90.0% of 1,000 validation rows (95% interval 88.0% to 91.7%), which had a part in choosing it: on other rows it may do worse.",
			"It was compared with no baseline."}},
	} {
		contents := large(6, "")
		contents.Assessment.Data.Modalities = append(contents.Assessment.Data.Modalities[:1:1], contents.Assessment.Data.Modalities[0])
		searched, ensemble := *contents.Document.Searched, *contents.Document.Ensemble
		contents.Document.Searched, contents.Document.Ensemble = &searched, &ensemble
		c.change(&contents)
		if got := contents.lead(); strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func written(t *testing.T, list ...Contents) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, list...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The first sentences say what a manager asks: how good, how sure, and what it beats and does not beat by how much.
func TestLead(t *testing.T) {
	c := large(6, "")
	c.Assessment.Data.Modalities = append(c.Assessment.Data.Modalities[:1:1], c.Assessment.Data.Modalities[0]) // two
	want := []string{
		"The model to use, an ensemble of 3 models, is right for 95.0% of 1,000 test rows (95% interval 93.5% to 96.2%), which had no part in the search.",
		"It beats the most frequent class by 65 points, the best single modality (left) by 15 points and linear models by 25 points; " +
			"it is not clearly better than late fusion (0.5 points ahead, which may be chance); it is behind a default architecture by 2 points.",
	}
	if got := c.lead(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	c.Document.Stages[1].Metric = "loss" // lower is better
	c.Document.Ensemble.Test, c.Document.Baselines = scoredAs(0.2, 0.18, 0.22), c.Document.Baselines[:2]
	want[1] = "It beats the most frequent class by 0.100 and the best single modality (left) by 0.600."
	want[0] = "The model to use, an ensemble of 3 models, has a loss of 0.200 on 1,000 test rows (95% interval 0.180 to 0.220), which had no part in the search."
	if got := c.lead(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	two := c.Assessment
	c = large(6, "")
	c.Assessment, c.Document.Baselines = two, c.Document.Baselines[:3]
	c.Document.Baselines[2].Test = nil
	want[1] = "It beats the most frequent class by 65 points and the best single modality (left) by 15 points; it was not compared with linear models, for lack of a score on these rows."
	if got := c.lead()[1]; got != want[1] {
		t.Errorf("without a score: got %s", got)
	}
	c.Assessment.Data.Modalities = c.Assessment.Data.Modalities[:1]
	want[1] = "It beats the most frequent class by 65 points; it was not compared with linear models, for lack of a score on these rows."
	if got := c.lead()[1]; got != want[1] {
		t.Errorf("of one modality: got %s", got)
	}
	searched := Contents{Document: report.Document{Stages: c.Document.Stages[:1]}}
	if got := strings.Join(searched.lead(), " "); !strings.HasPrefix(got, "The best architecture of stage encoder/left is candidate 3, ") && got != "" {
		t.Errorf("a search alone: %s", got)
	}
	stopped := Contents{Partial: true, Run: &runs.Run{State: runs.Interrupted}}
	if got := strings.Join(stopped.lead(), " "); got != "No stage of the search has ended yet, so there is no result to report." {
		t.Errorf("a stopped search: %s", got)
	}
}

// A training that is scored at its end only has a curve all the same: the losses on the training rows.
func TestCourse(t *testing.T) {
	value := 0.5
	every := []store.Epoch{{TrainLoss: 3, ValidationMetric: &value}, {TrainLoss: 2, ValidationMetric: &value}}
	end := []store.Epoch{{TrainLoss: 3}, {TrainLoss: 2, ValidationLoss: 9, ValidationMetric: &value}}
	for _, test := range []struct {
		curve []store.Epoch
		kind  int
		want  string
	}{{every, validationMetric, "[0.5 0.5]"}, {end, trainLoss, "[3 2]"}, {end[1:], validationMetric, "[0.5]"}, {[]store.Epoch{{TrainLoss: 3, ValidationLoss: 8}, end[1]}, validationLoss, "[8 9]"}} {
		if kind, y := course(test.curve); kind != test.kind || fmt.Sprint(y) != test.want {
			t.Errorf("%v: kind %d, %v", test.curve, kind, y)
		}
	}
}

// Curves of one drawing show the same thing; it says how many trainings do not have it.
func TestCurvesLeftOut(t *testing.T) {
	c := large(6, "")
	s := c.Document.Stages[0]
	c.Curves[s.Candidates[0].Key] = []store.Epoch{{TrainLoss: 3}, {TrainLoss: 2}}
	f, others := c.curves(s)
	if others != 1 || len(f.Series) != 8 || f.Y != "accuracy on validation rows" {
		t.Errorf("%d curves of %s, %d others", len(f.Series), f.Y, others)
	}
	if text := written(t, c); !strings.Contains(text, "Without 1 training of which this is not known in every epoch.") {
		t.Error("the page does not say what is left out")
	}
}

// The interval of a difference is that of Newcombe's paper.
func TestDifference(t *testing.T) {
	// Newcombe 1998, table II, method 10: 56/70 and 48/80: 0.2 [0.0524, 0.3339].
	own, other := scoredAs(0.8, 0.6918, 0.8769), scoredAs(0.6, 0.4904, 0.7004) // Wilson's intervals
	d, low, high := difference("accuracy", own, other)
	if math.Abs(d-0.2) > 1e-9 || math.Abs(low-0.0524) > 5e-4 || math.Abs(high-0.3339) > 5e-4 {
		t.Errorf("got %.4f [%.4f, %.4f], want 0.2 [0.0524, 0.3339]", d, low, high)
	}
	if d, low, high = difference("loss", own, other); math.Abs(d+0.2) > 1e-9 || math.Abs(low+0.3339) > 5e-4 || math.Abs(high+0.0524) > 5e-4 {
		t.Errorf("loss: got %.4f [%.4f, %.4f], want -0.2 [-0.3339, -0.0524]", d, low, high)
	}
}

// The report of a search of 20 candidates, with pictures, is at most 1.5 MB, has all sections, and each figure its table.
func TestSize(t *testing.T) {
	text := written(t, large(20, ""))
	if len(text) > 1_500_000 {
		t.Errorf("the report has %d bytes", len(text))
	}
	for _, id := range []string{"found", "models", "modalities", "data", "search", "cost", "timeline", "untried", "reproduce"} {
		if !strings.Contains(text, `<section id="r1-`+id+`"`) {
			t.Errorf("there is no section %s", id)
		}
	}
	if !strings.Contains(text, "default-src &#39;none&#39;; style-src &#39;sha256-") {
		t.Error("the page has no content security policy")
	}
	if n := strings.Count(text, "<figure"); n < 20 || strings.Count(text, "<table") < n {
		t.Errorf("%d figures, %d tables", n, strings.Count(text, "<table"))
	}
}

// A report of many candidates draws the first ones, and does not grow without bounds.
func TestManyCandidates(t *testing.T) {
	c := large(1000, "")
	c.Assessment = nil
	text := written(t, c)
	if !strings.Contains(text, "The first 40 of 501 candidates.") || !strings.Contains(text, "candidate 499") || len(text) > 6_000_000 {
		t.Errorf("%d bytes", len(text))
	}
}

// Whatever is missing of the contents, there is a page, and texts never become HTML, terminal escapes or formulas.
func TestAnyContents(t *testing.T) {
	const evil = "<script>alert(1)</script>\x1b[31m\u202e\"'>{{.}}\x00\r\n=1+1 "
	whole := large(6, evil)
	variants := map[string]Contents{"whole": whole, "nothing": {}, "partial": {Partial: true, Run: &runs.Run{State: runs.Running, Error: evil}}}
	for name, change := range map[string]func(c *Contents){
		"no assessment": func(c *Contents) { c.Assessment = nil },
		"no run":        func(c *Contents) { c.Run = nil },
		"no curves":     func(c *Contents) { c.Curves = nil },
		"no answer": func(c *Contents) {
			c.Document.Answer, c.Document.Searched, c.Document.Ensemble, c.Document.Cheapest = nil, nil, nil, nil
		},
		"failed": func(c *Contents) { c.Run = &runs.Run{State: runs.Failed, Error: evil} },
		"cut":    func(c *Contents) { c.Events = c.Events[:7] },
		"odd shown": func(c *Contents) {
			c.Assessment = &assess.Assessment{Models: []assess.Model{{Field: "ensemble", Name: evil, Confusion: [][]int{{1, 2, 3}, nil}, Mistakes: []assess.Mistake{{Shown: -1}, {Shown: 99}},
				ROC: []assess.Line{{X: []report.Number{1}}}, Classes: []assess.Class{{}}}}, Data: assess.Data{Samples: []assess.Sample{{Shown: []int{-1, 5}}}}}
		},
		"a specification that cannot be built": func(c *Contents) { c.Model = &mixer.Specification{} },
	} {
		c := large(6, evil)
		change(&c)
		variants[name] = c
	}
	for name, c := range variants {
		text := written(t, c)
		if strings.Contains(text, "<script") || strings.ContainsAny(text, "\x1b\x00\u202e\r") {
			t.Errorf("%s: the page has what the texts have", name)
		}
		if name == "failed" || name == "cut" || strings.HasPrefix(name, "no ") {
			continue // their figures are among those of the others
		}
		folder := t.TempDir()
		n, err := Figures(filepath.Join(folder, "figures"), c)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		files, err := filepath.Glob(filepath.Join(folder, "figures", "*"))
		if err != nil || len(files) != 2*n {
			t.Errorf("%s: %d files of %d figures: %v", name, len(files), n, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(file) == ".csv" {
				rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
				if err != nil {
					t.Errorf("%s: %s: %v", name, file, err)
				}
				for _, cell := range rows {
					for _, text := range cell {
						if strings.HasPrefix(text, "=") || strings.ContainsAny(text, "\x1b\u202e\r\n") {
							t.Errorf("%s: %s has the cell %q", name, file, text)
						}
					}
				}
			} else if err := xml.Unmarshal(content, new(struct{ XMLName xml.Name })); err != nil || bytes.ContainsAny(content, "\x1b\u202e") {
				t.Errorf("%s: %s: %v", name, file, err)
			}
		}
	}
	if text := written(t, whole, variants["no run"]); strings.Count(text, "<article") != 2 || !strings.Contains(text, `id="r2-found"`) || strings.Count(text, "<h1>") != 1 {
		t.Error("a page of two runs does not have two reports below one heading")
	}
}

// The names of figures are names of files, each once.
func TestNamesOfFigures(t *testing.T) {
	c := large(6, "../x ")
	seen := map[string]bool{}
	for _, f := range allFigures(newReport(&c, "")) {
		if seen[f.Name] || strings.Trim(f.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("a figure is named %q", f.Name)
		}
		seen[f.Name] = true
	}
	if len(seen) < 15 {
		t.Errorf("%d figures", len(seen))
	}
}

// Tables read well in narrow windows: the path of a file, which is long, is the last column, and cells know the heads of their columns.
func TestNarrowTables(t *testing.T) {
	c := large(6, "")
	models := c.finals()
	if last := len(models.Head) - 1; models.Head[last] != "file" || models.number(last) || !models.number(last-1) || models.Rows[0].Cells[last] != "out/model.safetensors" {
		t.Errorf("the table of models is %v", models)
	}
	text := written(t, c)
	for _, want := range []string{`<td role="cell" data-head="file">out/model.safetensors</td>`, `<td role="cell" data-head="parameters" class="n">12,000</td>`, `class="stack" role="table"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

// A curve without values has no ends.
func TestEnds(t *testing.T) {
	nan := math.NaN()
	for want, values := range map[string][]float64{"1 to 3": {nan, 3, 1}, "2 to 2": {2}, "all missing": {nan, nan}} {
		if got := ends(values); got != want {
			t.Errorf("%v: got %s, want %s", values, got, want)
		}
	}
	if got := ends(nil); got != "all missing" {
		t.Errorf("nothing: got %s", got)
	}
}
