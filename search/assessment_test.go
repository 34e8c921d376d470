package search_test

import (
	"bytes"
	"encoding/json"
	"image/png"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mixmas/nn/mixer"
	"mixmas/search"
	"mixmas/search/assess"
	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/model"
	"mixmas/search/task"
)

// assessed runs everything and assesses it.
func (f *fixture) assessed(folder string) (*search.Answers, *assess.Assessment) {
	f.t.Helper()
	t, a, err := f.answers(f.t.Context(), folder)
	if err != nil {
		f.t.Fatal(err)
	}
	s, r := f.searched()
	out, err := s.Assess(f.t.Context(), r, t, a, []string{"odd"})
	if err != nil {
		f.t.Fatal(err)
	}
	return a, out
}

// scoreOf is the metric of a model file on the test split of data.
func (f *fixture) scoreOf(path, name string, data dataset.Dataset) float64 {
	f.t.Helper()
	m, err := model.Open(path)
	if err != nil {
		f.t.Fatal(err)
	}
	logits, err := m.Predict(f.t.Context(), f.device(), data, dataset.Test)
	if err != nil {
		f.t.Fatal(err)
	}
	values, err := metric.Evaluate(f.t.Context(), metric.Outputs{Logits: logits, Rows: data.Len(dataset.Test), Classes: len(m.Classes), Kind: data.Task().Kind, Thresholds: m.Thresholds,
		Label: func(row int, dst []float32) error { return data.Label(dataset.Test, row, dst) }})
	if err != nil {
		f.t.Fatal(err)
	}
	return metric.Value(values, name)
}

// blind are data whose rows lack a modality: it is all zeros after the standardisation.
type blind struct {
	dataset.Dataset
	modality int
}

func (b blind) Read(s dataset.Split, modality, row int, dst []float32) error {
	if modality == b.modality {
		clear(dst)
		return nil
	}
	return b.Dataset.Read(s, modality, row, dst)
}

func (b blind) Mask(s dataset.Split, modality, row int, dst []float32) error {
	if modality == b.modality {
		clear(dst)
		return nil
	}
	return b.Dataset.Mask(s, modality, row, dst)
}

// An assessment says of each final model what its file predicts, also without a modality.
func TestAssess(t *testing.T) {
	f := answering(t)
	answers, got := f.assessed(t.TempDir())
	if got.Metric != "accuracy" || len(got.Models) != 3 {
		t.Fatalf("%d models by %s", len(got.Models), got.Metric)
	}
	finals := map[string]float64{"searched": float64(answers.Searched.Test.Score), "ensemble": float64(answers.Ensemble.Test.Score)}
	for _, m := range got.Models {
		if m.Same != "" {
			if m.Field != "cheapest" || m.Confusion != nil {
				t.Errorf("%s is said to be the same as %s", m.Field, m.Same)
			}
			continue
		}
		if want, known := finals[m.Field]; known && want != float64(m.Score) {
			t.Errorf("%s scores %v, but the answers say %v", m.Field, m.Score, want)
		}
		right := 0
		for k, row := range m.Confusion {
			right += row[k]
		}
		if score := f.scoreOf(m.Path, "accuracy", f.data); score != float64(m.Score) || math.Abs(score-float64(right)/20) > 1e-12 || m.Split != "test" || m.Rows != 20 || m.Of != 20 {
			t.Errorf("%s: score %v, %d right of %d %s rows; its file scores %v", m.Field, m.Score, right, m.Rows, m.Split, score)
		}
		if len(m.Without) != 2 || !slices.Equal(m.Reads, []string{"picture", "numbers"}) {
			t.Fatalf("%s: without %d modalities", m.Field, len(m.Without))
		}
		for i, w := range m.Without {
			want := f.scoreOf(m.Path, "accuracy", blind{f.data, i})
			if w.Modality != f.data.Modalities()[i].Name || float64(w.Score) != want || w.With != m.Score || math.Abs(float64(w.Worth-(w.With-w.Score))) > 1e-12 ||
				!(w.Low <= w.Score && w.Score <= w.High) || !(w.WorthLow <= w.Worth && w.Worth <= w.WorthHigh) {
				t.Errorf("%s without %s: %+v, want %v", m.Field, w.Modality, w, want)
			}
		}
		for _, mistake := range m.Mistakes {
			shown := got.Shown[mistake.Shown]
			if shown.Split != "test" || shown.Row != mistake.Row || !slices.Equal(shown.True, mistake.True) || len(shown.Views) != 2 {
				t.Errorf("mistake %+v shows %+v", mistake, shown)
			}
		}
	}
	checkData(t, got)
	for _, want := range []string{"picture: no candidate of the configuration is one of ", "fusion functions that are no candidates"} {
		if !slices.ContainsFunc(got.Untested, func(text string) bool { return strings.HasPrefix(text, want) }) {
			t.Errorf("nothing begins with %q: %q", want, got.Untested)
		}
	}
}

// checkData checks what an assessment says of the tiny data.
func checkData(t *testing.T, a *assess.Assessment) {
	d := a.Data
	want := assess.Data{Name: "tiny", Format: "builtin", Fingerprint: strings.Repeat("ab", 32), Rows: [3]int{60, 30, 20}, Classes: []string{"a", "b", "c"},
		Counts: [3][]int{{20, 20, 20}, {10, 10, 10}, {7, 7, 6}}, Surveyed: [3]int{60, 30, 20}, Warnings: []string{"odd"}}
	if diff := cmp.Diff(want, d, cmpopts.IgnoreFields(assess.Data{}, "Modalities", "Samples")); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	if len(d.Modalities) != 2 || d.Modalities[0].Kind != "map" || d.Modalities[0].Missing[0].Of != 60*16 || d.Modalities[1].Missing != [3]assess.Missing{{Of: 180}, {Of: 90}, {Of: 60}} {
		t.Errorf("modalities %+v", d.Modalities)
	}
	if len(d.Samples) != 3 {
		t.Fatalf("samples of %d classes", len(d.Samples))
	}
	for k, s := range d.Samples {
		for _, i := range s.Shown {
			shown := a.Shown[i]
			if shown.Split != "train" || shown.Row%3 != k || !slices.Equal(shown.True, []string{s.Class}) {
				t.Errorf("a sample of %s is %s row %d of %v", s.Class, shown.Split, shown.Row, shown.True)
			}
			picture, numbers := shown.Views[0], shown.Views[1]
			drawn, err := png.Decode(bytes.NewReader(picture.Image))
			if err != nil || picture.Kind != assess.Picture || picture.Type != "image/png" || drawn.Bounds().Dx() != 4 || picture.Width != 4 {
				t.Errorf("picture %+v, error %v", picture, err)
			}
			if numbers.Kind != assess.Numbers || len(numbers.Values) != 3 || len(numbers.Names) != 3 {
				t.Errorf("numbers %+v", numbers)
			}
		}
	}
}

// The same bits come out at any number of workers, and when everything is in the store.
func TestAssessmentsAreReproducible(t *testing.T) {
	var texts []string
	for _, workers := range []int{1, 3} {
		f := answering(t)
		f.workers = workers
		folder := t.TempDir()
		for range 1 + workers/3 {
			_, a := f.assessed(folder)
			for i := range a.Models {
				a.Models[i].Path = ""
			}
			text, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(text))
			var again assess.Assessment
			if err := json.Unmarshal(text, &again); err != nil {
				t.Fatal(err)
			}
			if read, err := json.Marshal(again); err != nil || !bytes.Equal(read, text) {
				t.Errorf("read again it is another one, error %v", err)
			}
		}
	}
	for _, other := range texts[1:] {
		if diff := cmp.Diff(texts[0], other); diff != "" {
			t.Errorf("assessments differ:\n%s", diff)
		}
	}
}

// Without a test split the validation rows are assessed, and that is said. After a search alone there is no model.
func TestAssessWithoutTestSplit(t *testing.T) {
	f := answering(t)
	f.data = untested{}
	_, a := f.assessed(t.TempDir())
	for _, m := range a.Models {
		if m.Same == "" && (m.Split != "validation" || m.Rows != 30 || m.Of != 30 || len(m.Without) != 2) {
			t.Errorf("%s: %d of %d %s rows", m.Field, m.Rows, m.Of, m.Split)
		}
	}
	if !slices.ContainsFunc(a.Untested, func(text string) bool { return strings.HasPrefix(text, "there is no test split") }) {
		t.Errorf("not said: %q", a.Untested)
	}
	s, r := f.searched()
	answers, err := s.Answers(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, err = s.Assess(t.Context(), r, nil, answers, nil); err != nil || len(a.Models) != 0 || len(a.Shown) == 0 || !slices.Contains(a.Untested, "no model was trained in full, so none is assessed") {
		t.Errorf("%d models, %q, error %v", len(a.Models), a.Untested, err)
	}
}

// assessTraining trains without a search, and assesses the model.
func (f *fixture) assessTraining() (*search.Trained, *assess.Assessment) {
	f.t.Helper()
	trained, err := f.train(f.t.Context(), f.t.TempDir())
	if err != nil {
		f.t.Fatal(err)
	}
	s, err := f.search()
	if err != nil {
		f.t.Fatal(err)
	}
	a, err := s.Assess(f.t.Context(), nil, trained, nil, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return trained, a
}

// A training without a search is assessed too.
func TestAssessTraining(t *testing.T) {
	f := newFixture(t)
	trained, a := f.assessTraining()
	if len(a.Models) != 1 || a.Models[0].Field != "searched" || float64(a.Models[0].Score) != trained.Test["accuracy"] || a.Models[0].Path != trained.Path ||
		a.Untested[0] != "nothing was searched: the architecture was given" {
		t.Errorf("%d models, %+v", len(a.Models), a.Untested)
	}
}

// tagged are data with several labels per row, one of which has no rows on test; a series and a text of which some rows lack one, and
// more test rows than modalities are left out on.
type tagged struct {
	tiny
	tests int
}

func (tagged) Task() task.Task {
	return task.Task{Kind: task.MultiLabel, Classes: []string{"a", "b", "<b>c\u202e"}}
}
func (d tagged) Len(s dataset.Split) int { return [...]int{60, 30, d.tests}[s] }
func (tagged) Modalities() []dataset.Modality {
	return []dataset.Modality{{Name: "series", Kind: mixer.Sequence, Shape: []int{6, 2}, Masked: true}, {Name: "words", Kind: mixer.Text, Shape: []int{4}, Vocabulary: 9, Masked: true}}
}
func (tagged) Preprocessing() map[string]dataset.Standardisation {
	return map[string]dataset.Standardisation{"series": dataset.Uniform(1, 2), "words": {Per: dataset.None}}
}
func (tagged) steps(modality, row int) int { return row % ([...]int{7, 5}[modality]) }
func (d tagged) Read(s dataset.Split, modality, row int, dst []float32) error {
	rng := rand.New(rand.NewPCG(uint64(s)<<32|uint64(row), uint64(modality)))
	clear(dst)
	for i := range d.steps(modality, row) {
		if modality == 1 {
			dst[i] = float32(2 + (row+i)%3)
			continue
		}
		dst[2*i], dst[2*i+1] = float32(rng.NormFloat64())+float32(row%3), float32(rng.NormFloat64())
	}
	return nil
}
func (d tagged) Mask(_ dataset.Split, modality, row int, dst []float32) error {
	clear(dst)
	for i := range d.steps(modality, row) {
		dst[i] = 1
	}
	return nil
}
func (d tagged) Label(s dataset.Split, row int, dst []float32) error {
	clear(dst)
	dst[row%2] = 1
	if row%3 == 0 && s != dataset.Test {
		dst[2] = 1
	}
	if row%5 == 0 {
		clear(dst)
	}
	return nil
}

func TestAssessMultiLabel(t *testing.T) {
	f := newFixture(t)
	f.data = tagged{tests: 5000}
	f.plan = strings.NewReplacer("picture:", "series:", "numbers:", "words:", "candidates: [simple_mlp]", "candidates: [mlp_mixer]",
		"{width: 8, depth: 1, patch: 2, token_width: 4, channel_width: 8}", "{width: 8, depth: 1, token_width: 4, channel_width: 8}",
		"{width: 8, hidden: 8, layers: 1}", "{width: 8, depth: 1, token_width: 4, channel_width: 8}", "search:\n", "search:\n  metric: f1_macro\n").Replace(f.plan)
	_, a := f.assessTraining()
	m := a.Models[0]
	if want := f.scoreOf(m.Path, "f1_macro", f.data); math.Abs(float64(m.Score)-want) > 1e-12 || m.Rows != 5000 {
		t.Errorf("score %v of %d rows, want %v", m.Score, m.Rows, want)
	}
	if never := m.Classes[2]; never.Support != 0 || !math.IsNaN(float64(never.Recall)) || !math.IsNaN(float64(never.AUROC)) || float64(never.Cut) != 0.5 {
		t.Errorf("a class without rows: %+v", never)
	}
	if len(m.ROC) != 3 || m.Confusion != nil || len(m.Without) != 2 || m.Without[0].Rows != 4096 {
		t.Errorf("%d curves, without %+v", len(m.ROC), m.Without)
	}
	if !slices.Contains(a.Untested, "what each modality is worth was measured on 4096 of 5000 test rows") {
		t.Errorf("not said: %q", a.Untested)
	}
	if a.Data.Unlabelled != [3]int{12, 6, 1000} || a.Data.Modalities[0].Missing[0].Rows != 9 || !strings.Contains(a.Data.Modalities[1].Lengths[0], "0 to 4 tokens") {
		t.Errorf("data %+v", a.Data)
	}
	kinds := map[string]int{}
	for _, shown := range a.Shown {
		for _, v := range shown.Views {
			kinds[v.Kind]++
		}
	}
	if kinds[assess.Curve] == 0 || kinds[assess.Text] == 0 || kinds[assess.Nothing] == 0 {
		t.Errorf("kinds of views: %v", kinds)
	}
	if last := a.Data.Samples[len(a.Data.Samples)-1]; last.Class != "" || len(last.Shown) != 2 {
		t.Errorf("samples without a class: %+v", last)
	}
	// With as many rows as are looked at, a missing series is one of length 0.
	f.data, f.store = tagged{tests: 200}, newFixture(t).store
	_, a = f.assessTraining()
	for i, w := range a.Models[0].Without {
		if want := f.scoreOf(a.Models[0].Path, "f1_macro", blind{f.data, i}); math.Abs(float64(w.Score)-want) > 1e-12 {
			t.Errorf("without %s: %v, want %v", w.Modality, w.Score, want)
		}
	}
}

// A run with drop_modality ends with models that do without a modality, and ensembles of which other members were trained without it;
// the assessment says which model was trained for what it is measured on.
func TestAssessWithoutModalities(t *testing.T) {
	for _, dropped := range []bool{false, true} {
		f := answering(t)
		if dropped {
			f.change("epochs: 3, dropout: 0.1", "epochs: 3, dropout: 0.1, drop_modality: 0.4")
		}
		answers, got := f.assessed(t.TempDir())
		fields := map[string]bool{}
		for _, m := range got.Models {
			if m.Same != "" {
				continue
			}
			fields[m.Field] = true
			file, err := model.Open(m.Path)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range m.Without {
				if optional := file.Modalities()[i].Optional; w.Trained != optional || m.Field == "searched" && optional != dropped {
					t.Errorf("dropped %t: %s: trained without %s: %t, the file says %t", dropped, m.Field, w.Modality, w.Trained, optional)
				}
			}
			sentence := m.NotTrained()
			if trained := m.Without[0].Trained && m.Without[1].Trained; trained != (sentence == "The model was trained to do without each of them.") {
				t.Errorf("%s: %s", m.Field, sentence)
			}
		}
		if !fields["searched"] || !fields["ensemble"] || answers.Ensemble == nil {
			t.Fatalf("the models are %v", fields)
		}
		var text strings.Builder
		if err := got.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(text.String()), "\n")
		advised := lines[len(lines)-1] == "  drop_modality trains models to do without modalities"
		if lines[0] != "without a modality: accuracy on 20 test rows" || len(lines) < 1+len(fields) || advised != (len(lines) == 2+len(fields)) || !dropped && !advised {
			t.Errorf("said:\n%s", text.String())
		}
		searched, mark := got.Models[0], ""
		if dropped {
			mark = " (trained for that)"
		}
		if want := "  searched  with all " + searched.Score.Text() + ", without picture " + searched.Without[0].Score.Text() + ", without numbers " + searched.Without[1].Score.Text(); lines[1] != strings.NewReplacer(", without numbers", mark+", without numbers").Replace(want)+mark {
			t.Errorf("said %q, want %q", lines[1], want)
		}
	}
}
