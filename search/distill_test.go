package search_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/search"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/model"
	"mixmas/search/store"
)

// distil trains the searched model of a fixture on what a teacher predicts, in a new folder.
func (f *fixture) distil(teacher search.Teacher, folder string) (*search.Trained, error) {
	f.t.Helper()
	s, r := f.searched()
	c, err := config.Parse("plan.yaml", []byte(f.plan))
	if err != nil {
		f.t.Fatal(err)
	}
	return s.Distill(f.t.Context(), "tiny", r.FullModel(), c.Train, teacher, folder)
}

// certain is a teacher that says of each training row that it has the class after its own; asked counts the calls.
func certain(next int, asked *int) search.Teacher {
	return search.Teacher{Name: "test", Predictions: map[string]int{"next": next}, Logits: func(context.Context) ([]float32, error) {
		*asked++
		var logits []float32
		for row := range (tiny{}).Len(dataset.Train) {
			z := []float32{-8, -8, -8}
			z[(row+next)%3] = 8
			logits = append(logits, z...)
		}
		return logits, nil
	}}
}

func TestDistilledModelsLearnFromTheirTeacher(t *testing.T) {
	f := newFixture(t)
	f.change("train:\n", "train:\n  select: metric\n")
	asked, folder := 0, t.TempDir()
	trained, err := f.train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	distilled, err := f.distil(certain(0, &asked), folder)
	if err != nil {
		t.Fatal(err)
	}
	if distilled.Score.Key == trained.Score.Key || distilled.Cached || asked != 1 || distilled.Job.Name != "distilled/tiny" {
		t.Errorf("%s has the key %s, cached %t, after %d calls of the teacher", distilled.Job.Name, distilled.Score.Key, distilled.Cached, asked)
	}
	m, err := model.Open(distilled.Path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Predict(t.Context(), f.device(), f.data, dataset.Test); err != nil || m.Parameters() != trained.Score.Parameters || m.Metrics["test"]["accuracy"] != distilled.Test["accuracy"] {
		t.Errorf("the model file has %d parameters, want %d, and says %v (%v)", m.Parameters(), trained.Score.Parameters, m.Metrics, err)
	}

	wrong, err := f.distil(certain(1, &asked), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if asked != 2 || !(wrong.Score.Curve[0].TrainLoss > distilled.Score.Curve[0].TrainLoss) {
		t.Errorf("%d calls; a teacher who is wrong leaves the loss %v, one who is right %v", asked, wrong.Score.Curve[0].TrainLoss, distilled.Score.Curve[0].TrainLoss)
	}

	again, err := f.distil(certain(0, &asked), t.TempDir())
	if err != nil || !again.Cached || asked != 2 || !maps.Equal(again.Test, distilled.Test) {
		t.Errorf("again: cached %t after %d calls, test %v (%v)", again.Cached, asked, again.Test, err)
	}
	soft := f.named("soft/test")
	if soft.Metrics["accuracy"] != 1 && soft.Metrics["accuracy"] != 0 {
		t.Errorf("the teacher's accuracy on the training rows is %v", soft.Metrics["accuracy"])
	}
	if v, bad := f.verify(); len(bad) > 0 || v.OtherRows != 0 || v.OtherData != 0 {
		t.Errorf("verified: %+v, %v", v, bad)
	}
}

// Pruned weights of a distilled model are trained again from the stored predictions, and if these are gone, from new ones.
func TestDistilledModelsAreTrainedAgain(t *testing.T) {
	f := newFixture(t)
	asked := 0
	first, err := f.distil(certain(0, &asked), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	prune := func() {
		if _, _, err := f.store.Prune(t.Context(), func(store.Score) bool { return false }); err != nil {
			t.Fatal(err)
		}
	}
	prune()
	again, err := f.distil(certain(0, &asked), t.TempDir())
	if err != nil || asked != 1 || again.Score.Weights != first.Score.Weights {
		t.Fatalf("%d calls (%v)", asked, err)
	}
	prune()
	soft := f.named("soft/test")
	if err := os.Remove(filepath.Join(f.store.Path()+".files", string(soft.Outputs[:2]), string(soft.Outputs))); err != nil {
		t.Fatal(err)
	}
	if again, err = f.distil(certain(0, &asked), t.TempDir()); err != nil || asked != 2 || again.Score.Weights != first.Score.Weights {
		t.Errorf("%d calls (%v)", asked, err)
	}
	if file, err := f.store.Outputs(soft); err != nil || len(file) == 0 {
		t.Errorf("the predictions are not stored again: %v", err)
	}
}

func TestTeacherThatFails(t *testing.T) {
	f := newFixture(t)
	teacher := search.Teacher{Name: "test", Predictions: 1, Logits: func(context.Context) ([]float32, error) { return nil, errors.New("no chalk") }}
	if _, err := f.distil(teacher, t.TempDir()); err == nil || err.Error() != "no chalk" {
		t.Errorf("got error %v", err)
	}
	teacher.Logits = func(context.Context) ([]float32, error) { return make([]float32, 7), nil }
	if _, err := f.distil(teacher, t.TempDir()); err == nil || !strings.Contains(err.Error(), "7 logits") {
		t.Errorf("got error %v", err)
	}
}
