package search_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
	"mixmas/search/model"
	"mixmas/search/task"
)

// illustrated is a data set of texts, half of which have a picture. Both tell a little about three classes. noise is what the
// columns hold where there is no picture or no word.
func illustrated(t testing.TB, noise float32, change func(*dataset.Contents)) dataset.Dataset {
	t.Helper()
	const rows, tokens = 120, 6
	random := rand.New(rand.NewPCG(1, 2))
	var ids, lengths, pictures, present, labels []float32
	for row := range rows {
		class := row % 3
		length := random.IntN(tokens + 1)
		for i := range tokens {
			id := float32(2 + random.IntN(8))
			if i == 0 || i < length && random.IntN(2) == 0 {
				id = float32(10 + class)
			}
			if i >= length {
				id = noise
			}
			ids = append(ids, id)
		}
		has := row / 3 % 2
		for i := range 16 {
			x := float32(random.NormFloat64())
			if i%3 == class {
				x++
			}
			if has == 0 {
				x = noise
			}
			pictures = append(pictures, x)
		}
		lengths, present, labels = append(lengths, float32(length)), append(present, float32(has)), append(labels, float32(class))
	}
	split := func(c dataset.Column) [3]dataset.Part {
		return [3]dataset.Part{{Column: c, Rows: dataset.Rows{Count: 60}}, {Column: c, Rows: dataset.Rows{First: 60, Count: 30}}, {Column: c, Rows: dataset.Rows{First: 90, Count: 30}}}
	}
	column := func(name string, values []float32, shape ...int) [3]dataset.Part {
		return split(dataset.NewNumbers(name, shape, values))
	}
	contents := dataset.Contents{Name: "illustrated", Task: task.Task{Classes: []string{"a", "b", "c"}}, Labels: column("labels", labels),
		Sources: []dataset.Source{
			{Modality: dataset.Modality{Name: "picture", Kind: mixer.Map, Shape: []int{1, 4, 4}}, Per: dataset.PerFeature,
				Samples: column("pictures", pictures, 1, 4, 4), Lengths: column("present", present)},
			{Modality: dataset.Modality{Name: "words", Kind: mixer.Text, Shape: []int{tokens}, Vocabulary: 13},
				Samples: column("ids", ids, tokens), Lengths: column("lengths", lengths)},
		}}
	if change != nil {
		change(&contents)
	}
	d, err := dataset.Assemble(t.Context(), contents, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const illustratedPlan = `
name: illustrated
data: {format: builtin}
sample: {size: 45, distance: 0.3}
search:
  encoders:
    picture:
      defaults: {width: 8, depth: 1, patch: 2, token_width: 4, channel_width: 8}
      candidates: [mlp_mixer, hyper_mixer]
    words:
      defaults: {width: 8, depth: 1, token_width: 4, channel_width: 8}
      candidates: [hyper_mixer, mlp_mixer, {name: monarch_mixer, width: 8, depth: 1}]
  fusions: [concat, mean]
  networks:
    defaults: {depth: 1, token_width: 4, channel_width: 8}
    candidates: [hyper_mixer, mlp_mixer]
  training: {batch: 16, epochs: 4, learning_rate: 0.01}
train:
  training: {batch: 16, epochs: 12, learning_rate: 0.01, dropout: 0.1}
`

// Texts, and pictures that half of the rows lack, are searched, trained and predicted from. What the columns hold where there
// is nothing makes no difference to anything but the fingerprint.
func TestTextsAndMissingPictures(t *testing.T) {
	f := newFixture(t)
	f.plan, f.data = illustratedPlan, illustrated(t, 0, nil)
	trained, err := f.train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if got := trained.Test["accuracy"]; got < 0.6 {
		t.Errorf("the accuracy on the test split is %v, want at least 0.6", got)
	}
	m, err := model.Open(trained.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"kind": "text"`, `"vocabulary": 13`} {
		if text, err := os.ReadFile(filepath.Join(filepath.Dir(trained.Path), "model.json")); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("the description has no %s (%v): %s", want, err, text)
		}
	}
	predict := func(d dataset.Dataset) []float32 {
		logits, err := m.Predict(t.Context(), f.device(), d, dataset.Test)
		if err != nil {
			t.Fatal(err)
		}
		return logits
	}
	logits := predict(f.data)
	right := 0
	for row := range 30 {
		if m.Labels(logits[3*row:][:3])[0] == m.Classes[row%3] {
			right++
		}
	}
	if got := float64(right) / 30; got != trained.Test["accuracy"] {
		t.Errorf("the model file's accuracy on the test split is %v, that of the training was %v", got, trained.Test["accuracy"])
	}
	if other := illustrated(t, 7, nil); other.Fingerprint() == f.data.Fingerprint() || !slices.Equal(predict(other), logits) {
		t.Error("the numbers where there is nothing make a difference, or none to the fingerprint")
	}
	for want, change := range map[string]func(*dataset.Contents){
		"modality words: the data set has a vocabulary of 20 tokens, but the model reads one of 13": func(c *dataset.Contents) { c.Sources[1].Modality.Vocabulary = 20 },
		"modality picture: the model reads the lengths of its rows":                                 func(c *dataset.Contents) { c.Sources[0].Lengths = [3]dataset.Part{} },
	} {
		if _, err := m.Predict(t.Context(), f.device(), illustrated(t, 0, change), dataset.Test); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("predicting from other data ends with %v, want %q", err, want)
		}
	}
}

// The tables of words start from the data set's word vectors, in the encoders' trainings and in those of whole models from
// scratch; they are part of the fingerprint.
func TestWordVectors(t *testing.T) {
	vectors := make([]float32, 13*5)
	for class := range 3 {
		vectors[(10+class)*5+class] = 1
	}
	with := func(c *dataset.Contents) { c.Sources[1].Vectors = dataset.NewNumbers("vectors", []int{5}, vectors) }
	f := newFixture(t)
	f.plan, f.data = illustratedPlan, illustrated(t, 0, with)
	if f.data.Fingerprint() == illustrated(t, 0, nil).Fingerprint() {
		t.Error("word vectors are not part of the fingerprint")
	}
	f.change("epochs: 12, learning_rate: 0.01", "epochs: 1, learning_rate: 1e-12") // so that the table stays what it was
	trained, err := f.train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(trained.Path)
	if err != nil {
		t.Fatal(err)
	}
	weights, _, err := safetensors.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	table := weights["encoders.words.embed.table"]
	if !slices.Equal(table.Shape, []int{13, 5}) {
		t.Fatalf("the table has shape %v", table.Shape)
	}
	for class := range 3 {
		for k, x := range table.Data[(10+class)*5:][:5] {
			if (math.Abs(float64(x)) > 1e-6) != (k == class) {
				t.Errorf("the word of class %d has the row %v", class, table.Data[(10+class)*5:][:5])
				break
			}
		}
	}
}

// Trainings on texts give the same bits with any number of workers, and when they go on after an interruption.
func TestTrainingsOnTextsAreTheSame(t *testing.T) {
	two, one := newFixture(t), newFixture(t)
	for _, f := range []*fixture{two, one} {
		f.plan, f.data = illustratedPlan, illustrated(t, 0, nil)
	}
	one.workers = 1
	folder := t.TempDir()
	one.interrupted(folder, 9)
	resumed, err := one.train(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	undisturbed, err := two.train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if resumed.Score.Weights != undisturbed.Score.Weights {
		t.Error("the resumed training has other weights")
	}
	if !slices.Equal(readFile(t, resumed.Path), readFile(t, undisturbed.Path)) {
		t.Error("the resumed training has another model file")
	}
}
