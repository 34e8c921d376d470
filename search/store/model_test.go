package store

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// A store does what a map does.
func TestStoreIsAMap(test *testing.T) {
	rapid.Check(test, func(t *rapid.T) {
		s := temporaryStore(test)
		type kept struct {
			score            Score
			weights, outputs []byte // nil: not kept
		}
		model := map[string]*kept{}
		draw := func(t *rapid.T) int { return rapid.IntRange(0, 4).Draw(t, "trial") }
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				sc, weights, outputs := trial(draw(t))
				if rapid.Bool().Draw(t, "again slower") {
					sc.Seconds = 100
				}
				if rapid.Bool().Draw(t, "without weights") {
					weights = nil
				}
				stored, err := s.Put(t.Context(), sc, weights, outputs)
				if err != nil {
					t.Fatal(err)
				}
				if old := model[sc.Key]; old == nil || old.score.Status == Failed {
					sc.Weights, sc.Outputs = newBlob(weights).digest, newBlob(outputs).digest
					model[sc.Key] = &kept{sc, weights, outputs}
				}
				if want := model[sc.Key].score; !reflect.DeepEqual(stored, want) {
					t.Fatalf("put returned %+v, want %+v", stored, want)
				}
			},
			"fail": func(t *rapid.T) {
				sc := failedTrial(draw(t))
				if _, err := s.Put(t.Context(), sc, nil, nil); err != nil {
					t.Fatal(err)
				}
				if old := model[sc.Key]; old == nil || old.score.Status == Failed {
					model[sc.Key] = &kept{score: sc}
				}
			},
			"find": func(t *rapid.T) {
				sc, _, _ := trial(draw(t))
				found, err := s.Find(t.Context(), sc.Key[:20])
				if known := model[sc.Key] != nil; known && found.Key != sc.Key || known != (err == nil) || !known && !errors.Is(err, ErrNotFound) {
					t.Fatalf("known: %v, found %+v, %v", known, found, err)
				}
			},
			"remove": func(t *rapid.T) {
				sc, _, _ := trial(draw(t))
				err := s.Remove(t.Context(), sc.Key)
				if known := model[sc.Key] != nil; known != (err == nil) || !known && !errors.Is(err, ErrNotFound) {
					t.Fatalf("known: %v, %v", known, err)
				}
				delete(model, sc.Key)
			},
			"prune": func(t *rapid.T) {
				keep, _, _ := trial(draw(t))
				if _, _, err := s.Prune(t.Context(), func(sc Score) bool { return sc.Key == keep.Key }); err != nil {
					t.Fatal(err)
				}
				for key, k := range model {
					if key != keep.Key {
						k.weights = nil
					}
				}
			},
			"put weights": func(t *rapid.T) {
				sc, weights, _ := trial(draw(t))
				k := model[sc.Key]
				if k == nil {
					t.Skip("no score")
				}
				switch err := s.PutWeights(t.Context(), k.score, weights); {
				case k.score.Weights == "":
					if !errors.Is(err, ErrDiffers) {
						t.Fatal(err)
					}
				case err != nil:
					t.Fatal(err)
				default:
					k.weights = weights
				}
			},
			"move": func(t *rapid.T) {
				var archive bytes.Buffer
				if err := s.Export(t.Context(), &archive); err != nil {
					t.Fatal(err)
				}
				s = temporaryStore(test)
				if got, err := s.Import(t.Context(), &archive); got != (Imported{Added: len(model), Known: 0}) || err != nil {
					t.Fatalf("%+v, %v, want %d", got, err, len(model))
				}
			},
			"": func(t *rapid.T) {
				list, err := s.List(t.Context())
				if err != nil || len(list) != len(model) {
					t.Fatalf("%d scores, %v, want %d", len(list), err, len(model))
				}
				for _, sc := range list {
					want := model[sc.Key]
					if want == nil || !reflect.DeepEqual(sc, want.score) {
						t.Fatalf("listed %+v, want %+v", sc, want)
					}
					weights, err := s.Weights(sc)
					if !bytes.Equal(weights, want.weights) || (err == nil) != (want.weights != nil) || err != nil && !errors.Is(err, ErrPruned) {
						t.Fatalf("weights %v, %v, want %v", weights, err, want.weights)
					}
					outputs, err := s.Outputs(sc)
					if !bytes.Equal(outputs, want.outputs) || (err == nil) != (want.outputs != nil) {
						t.Fatalf("outputs %q, %v, want %q", outputs, err, want.outputs)
					}
				}
			},
		})
	})
}
