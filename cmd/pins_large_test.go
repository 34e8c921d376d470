//go:build !race

// Searches of this size take the race detector half a minute, in which it sees nothing that smaller ones do not show.

package cmd_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestAVMNISTIsPinned runs the search of testdata/configs on a few rows in the layout of AV-MNIST: the models, their options
// and the recipe are those of the configuration, but for the number of rows and epochs and the batch. Those of
// avmnist-quick.yaml are among them.
func TestAVMNISTIsPinned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for split, rows := range map[string]int{"train": 8, "test": 2} {
		pixel := func(row, i int) float32 { return float32(hash(row, i) % 256) }
		w.writeNPY("data/avmnist/image/"+split+"_data.npy", "|u1", []int{rows, 784}, pixel)
		w.writeNPY("data/avmnist/audio/"+split+"_data.npy", "|u1", []int{rows, 112, 112}, pixel)
		w.writeNPY("data/avmnist/"+split+"_labels.npy", "|u1", []int{rows}, func(row, _ int) float32 { return float32(row % 2) })
	}
	plan, err := os.ReadFile(filepath.Join("..", "testdata", "configs", "avmnist.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	plan = change(t, plan, map[string]string{
		"path: ../../data/avmnist": "path: ../../data/avmnist\n  validation: 4",
		"distance: 0.05":           "distance: 0.6, size: 4",
		"[concat, mean, max]":      "[concat]", // the others cost time: builtin.yaml has them
		"batch: 64, epochs: 10":    "batch: 4, epochs: 1",
	})
	w.write("testdata/configs/plan.yaml", plan)
	document, _ := w.run("search", "testdata/configs/plan.yaml", "--json", "--workers", "2", "--store", "scores.db")
	w.pin("avmnist", document, nil)
}

// TestDefaultSearchIsPinned runs the built-in search as config init writes it, but with 200 samples and one epoch a trial.
func TestDefaultSearchIsPinned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template, _ := w.run("config", "init")
	before, after, ok := bytes.Cut(template, []byte("\ntrain:"))
	if !ok {
		t.Fatal("the template has no full training")
	}
	before = change(t, before, map[string]string{"epochs: 10": "epochs: 1", "size: 1000": "size: 200"})
	w.write("plan.yaml", slices.Concat(before, []byte("\ntrain:"), after))
	document, _ := w.run("search", "plan.yaml", "--json", "--workers", "2", "--store", "scores.db")
	w.pin("default", document, nil)
}

// change replaces the last of each of some texts in a plan, which must have it.
func change(t *testing.T, plan []byte, texts map[string]string) []byte {
	t.Helper()
	for old, new := range texts {
		at := bytes.LastIndex(plan, []byte(old))
		if at < 0 {
			t.Fatalf("the plan has no %q", old)
		}
		plan = slices.Concat(plan[:at], []byte(new), plan[at+len(old):])
	}
	return plan
}
