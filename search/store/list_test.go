package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// large returns a store of so many scores, each about as large as those of a search.
func large(t testing.TB, path string, scores int) *Store {
	t.Helper()
	s, err := open(t.Context(), &Store{path: path, noSync: true, step: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	_, typical, err := Key(map[string]any{"model": map[string]any{"modalities": []any{
		map[string]any{"name": "image", "encoder": map[string]any{"name": "mlp_mixer", "width": 64, "depth": 4, "token_width": 32, "channel_width": 256, "patch": 7}, "shape": []int{28, 28, 1}},
		map[string]any{"name": "audio", "encoder": map[string]any{"name": "monarch_mixer", "width": 64, "depth": 4, "token_width": 32, "channel_width": 256, "patch": 14}, "shape": []int{112, 112, 1}}},
		"fusion": "concat", "network": map[string]any{"name": "hyper_mixer", "depth": 2, "token_width": 32, "channel_width": 256}},
		"recipe": map[string]any{"epochs": 20, "batch": 64, "learning_rate": 0.001, "dropout": 0.1, "weight_decay": 0.01, "warmup": 100},
	})
	if err != nil {
		t.Fatal(err)
	}
	metrics := map[string]float64{}
	for i, name := range []string{"f1_macro", "f1_micro", "f1_weighted", "precision_macro", "recall_macro", "auroc_macro"} {
		metrics[name] = 0.123456789 * float64(i+1)
	}
	for done := 0; done < scores; {
		err := s.update(t.Context(), func(bucket *bbolt.Bucket) error {
			for range min(10_000, scores-done) {
				sc := Score{Name: "encoder/image/candidate-" + strconv.Itoa(done%100), Search: "digits", Status: Finished, Parameters: 1000 + done,
					Seconds: 1, Finished: time.Unix(1700000000+int64(done), 0), Numerics: "cpu/amd64/avx2", Machine: "a processor, 2 cores, linux/amd64",
					Weights: digest([]byte("w" + strconv.Itoa(done))), Outputs: digest([]byte("o" + strconv.Itoa(done)))}
				var err error
				if sc.Key, sc.Specification, err = Key(map[string]any{"data": fmt.Sprintf("%064x", done%3), "seed": done, "rest": typical}); err != nil {
					return err
				}
				sc.Metrics = map[string]float64{"accuracy": float64(done*7919%scores) / float64(scores), "loss": 1.23456789}
				for name, v := range metrics {
					sc.Metrics[name] = v
				}
				for e := range 20 {
					v := 0.5 + float64(e)/100
					sc.Curve = append(sc.Curve, Epoch{TrainLoss: 1.2345678 / float64(e+1), ValidationLoss: 1.3456789 / float64(e+1), ValidationMetric: &v, LearningRate: 0.00123456, Seconds: 1.2345678})
				}
				record, err := encode(sc)
				if err != nil {
					return err
				}
				if err := bucket.Put([]byte(sc.Key), record); err != nil {
					return err
				}
				done++
			}
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestMakeLargeStore makes a store of 100,000 scores for measurements by hand.
func TestMakeLargeStore(t *testing.T) {
	path := os.Getenv("MIXMAS_LARGE_STORE")
	if path == "" {
		t.Skip("MIXMAS_LARGE_STORE names no file to make")
	}
	large(t, path, 100_000)
}

func BenchmarkList(b *testing.B) {
	s := large(b, filepath.Join(b.TempDir(), "scores.db"), 10_000)
	for b.Loop() {
		if list, err := s.List(b.Context()); len(list) != 10_000 || err != nil {
			b.Fatal(len(list), err)
		}
	}
}
