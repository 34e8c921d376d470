package model_test

import (
	"bytes"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/dataset/builtin"
	"mixmas/search/model"
	"mixmas/search/task"
)

// pair is an ensemble of two models of one modality each, which share no weights, and the members' weights.
func pair(t testing.TB) (model.Description, []nn.Weights) {
	t.Helper()
	d, w := small(t)
	other := d.Model
	other.Modalities = slices.Clone(other.Modalities)
	other.Modalities[0].Name, other.Modalities[0].Shape = "more", []int{3}
	d.Preprocessing = map[string]dataset.Standardisation{"numbers": d.Preprocessing["numbers"], "more": dataset.Uniform(1, 2)}
	d.Ensemble = &model.Ensemble{Mean: combine.Probabilities, Members: []model.Member{
		{Name: "first", Model: d.Model, Member: combine.Member{Weight: 0.25, Temperature: 2}, Training: d.Training},
		{Model: other, Member: combine.Member{Weight: 0.75, Temperature: 0.5}, Training: strings.Repeat("2", 64)}}}
	d.Model, d.Training = mixer.Specification{}, ""
	return d, []nn.Weights{w, initial(t, other)}
}

func TestEnsemblesAreReadAsWritten(t *testing.T) {
	d, members := pair(t)
	d.Thresholds = []float64{0.5, -2}
	m, err := model.Parse(written(t, d, model.Join(members)))
	if err != nil {
		t.Fatal(err)
	}
	d.Version, d.Weights = 4, safetensors.Digest(model.Join(members))
	if !reflect.DeepEqual(m.Description, d) {
		t.Errorf("got %+v, want %+v", m.Description, d)
	}
	parameters := 0
	for _, member := range d.Ensemble.Members {
		network, err := mixer.Build(member.Model)
		if err != nil {
			t.Fatal(err)
		}
		parameters += network.Parameters().Count()
	}
	if m.Parameters() != parameters || m.Reads() != "numbers (table of 2), more (table of 3)" {
		t.Errorf("%d parameters, want %d; reads %s", m.Parameters(), parameters, m.Reads())
	}
}

// What is wrong with an ensemble is named with the member, in a file and before one is written.
func TestWrongEnsemblesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(d *model.Description, members []nn.Weights)
		want   string
	}{
		"no members":      {func(d *model.Description, _ []nn.Weights) { d.Ensemble.Members = nil }, "the ensemble has no members"},
		"mean":            {func(d *model.Description, _ []nn.Weights) { d.Ensemble.Mean = "median" }, `mean "median": want probabilities or log_probabilities`},
		"no mean":         {func(d *model.Description, _ []nn.Weights) { d.Ensemble.Mean = "" }, `mean "": want probabilities`},
		"weight":          {func(d *model.Description, _ []nn.Weights) { d.Ensemble.Members[1].Weight = 0 }, "member 1: weight 0: want 1e-06 to 1e+06"},
		"temperature":     {func(d *model.Description, _ []nn.Weights) { d.Ensemble.Members[0].Temperature = -1 }, "member 0: temperature -1: want 1e-06 to 1e+06"},
		"two models":      {func(d *model.Description, _ []nn.Weights) { d.Model = d.Ensemble.Members[0].Model }, "it has both a model and an ensemble"},
		"classes":         {func(d *model.Description, _ []nn.Weights) { d.Ensemble.Members[1].Model.Classes = 3 }, "member 1: it predicts 3 classes, multi-label false, but member 0 predicts 2, false"},
		"kind":            {func(d *model.Description, _ []nn.Weights) { d.Ensemble.Members[1].Model.MultiLabel = true }, "member 1: it predicts 2 classes, multi-label true"},
		"form":            {func(d *model.Description, _ []nn.Weights) { d.Ensemble.Members[1].Model.Modalities[0].Name = "numbers" }, "member 1: it reads the modality numbers in another form than a member before it"},
		"member's tensor": {func(_ *model.Description, w []nn.Weights) { delete(w[1], "head.bias") }, "member 1: the tensors do not match the model: head.bias is missing"},
		"members beyond": {func(d *model.Description, _ []nn.Weights) { d.Ensemble.Members = d.Ensemble.Members[:1] },
			"the tensors do not match the model: the ensemble of 1 members has no member.1."},
		"thresholds":     {func(d *model.Description, _ []nn.Weights) { d.Thresholds = []float64{1} }, "1 thresholds for 2 classes"},
		"no preparation": {func(d *model.Description, _ []nn.Weights) { delete(d.Preprocessing, "more") }, "modality more has no preprocessing"},
	} {
		t.Run(name, func(t *testing.T) {
			d, members := pair(t)
			d.Version = 4
			c.change(&d, members)
			if _, err := model.Parse(older(t, d, model.Join(members))); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
			if err := model.Write(&bytes.Buffer{}, &d, model.Join(members)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("written with error %v, want one with %q", err, c.want)
			}
		})
	}
	d, members := pair(t)
	d.Version = 4
	weights := model.Join(members)
	for _, name := range []string{"head.bias", "member.00.head.bias", "member.2.head.bias", "member.-1.head.bias", "member.0"} {
		weights[name] = members[0]["head.bias"]
		if _, err := model.Parse(older(t, d, weights)); err == nil || !strings.Contains(err.Error(), "the ensemble of 2 members has no "+name) {
			t.Errorf("%s: error %v", name, err)
		}
		delete(weights, name)
	}
}

// A file that claims many members takes memory for those whose tensors it has.
func TestManyMembersTakeLittleMemory(t *testing.T) {
	d, members := pair(t)
	d.Version = 4
	for range 20_000 {
		d.Ensemble.Members = append(d.Ensemble.Members, d.Ensemble.Members[0])
	}
	file := older(t, d, model.Join(members))
	var err error
	if n := allocated(func() { _, err = model.Parse(file) }); n > 16*len(file) || err == nil || !strings.Contains(err.Error(), "tensors for 20002 members") {
		t.Errorf("a file of %d KiB takes %d KiB, with the error %v", len(file)>>10, n>>10, err)
	}
}

// An ensemble predicts the mean of what its members predict alone, and thresholds decide about its labels.
func TestEnsemblesPredictTheMean(t *testing.T) {
	file, err := os.ReadFile("testdata/version1.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	single, err := model.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	first, _, err := safetensors.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := builtin.Open(t.Context(), builtin.Options{Train: 60, Validation: 30, Test: 20, Classes: 10, Ambiguity: 0.6, Noise: 1, Seed: 1},
		dataset.Environment{Preprocessing: single.Preprocessing})
	if err != nil {
		t.Fatal(err)
	}
	d := single.Description
	weights := []nn.Weights{first, initial(t, d.Model)}
	members := []combine.Member{{Weight: 0.25, Temperature: 2}, {Weight: 0.75, Temperature: 0.5}}
	device := cpu.New(cpu.Options{Workers: 1})
	var logits [][]float32
	for _, w := range weights {
		alone, err := model.Parse(written(t, d, w))
		if err != nil {
			t.Fatal(err)
		}
		z, err := alone.Predict(t.Context(), device, data, dataset.Test)
		if err != nil {
			t.Fatal(err)
		}
		logits = append(logits, z)
	}
	for _, mean := range []combine.Mean{combine.Probabilities, combine.LogProbabilities} {
		e := &model.Ensemble{Mean: mean}
		for _, m := range members {
			e.Members = append(e.Members, model.Member{Model: d.Model, Member: m})
		}
		together := d
		together.Model, together.Ensemble, together.Thresholds = mixer.Specification{}, e, make([]float64, 10)
		together.Thresholds[3] = -1000
		m, err := model.Parse(written(t, together, model.Join(weights)))
		if err != nil {
			t.Fatal(err)
		}
		if m.Version != 4 || m.Parameters() != 2*single.Parameters() {
			t.Errorf("version %d, %d parameters", m.Version, m.Parameters())
		}
		got, err := m.Predict(t.Context(), device, data, dataset.Test)
		if err != nil {
			t.Fatal(err)
		}
		want := combine.Logits(task.OneLabel, 10, mean, members, logits)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", mean, got[:10], want[:10])
		}
		if labels := m.Labels(got[:10]); len(labels) != 1 || labels[0] != m.Classes[3] {
			t.Errorf("%s: the threshold of class %s is low, but the label is %v", mean, m.Classes[3], labels)
		}
		sum := float32(0)
		for _, p := range m.Probabilities(got[:10]) {
			sum += p
		}
		if sum < 0.999 || sum > 1.001 {
			t.Errorf("%s: probabilities %v", mean, m.Probabilities(got[:10]))
		}
	}
}

// A single model may have thresholds too: its logits and probabilities stay, its labels change.
func TestThresholdsDecide(t *testing.T) {
	d, w := small(t)
	d.Model.MultiLabel = true
	d.Thresholds = []float64{0.5, -2}
	m, err := model.Parse(written(t, d, w))
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != 4 || m.Kind() != task.MultiLabel {
		t.Errorf("version %d, %v", m.Version, m.Kind())
	}
	for _, c := range []struct {
		logits []float32
		want   []string
	}{{[]float32{0.4, -2.5}, []string{}}, {[]float32{0.6, -1.5}, []string{"cat", "dog"}}, {[]float32{0.5, -1.5}, []string{"dog"}}} {
		if got := m.Labels(c.logits); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.logits, got, c.want)
		}
	}
	if p := m.Probabilities([]float32{0, 0}); p[0] != 0.5 || p[1] != 0.5 {
		t.Errorf("probabilities %v", p)
	}
}
