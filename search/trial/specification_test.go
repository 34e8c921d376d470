package trial

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

// Rows are identified by the SHA-256 of their numbers as 64-bit integers; all rows of a split by that of all numbers.
func TestIdentify(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(0, 3000).Draw(t, "length")
		rows := make([]int, length)
		var content []byte
		for i := range rows {
			rows[i] = i
			content = binary.LittleEndian.AppendUint64(content, uint64(i))
		}
		sum := sha256.Sum256(content)
		want := Rows{Count: length, Digest: hex.EncodeToString(sum[:])}
		if got := Identify(rows, 9999); got != want {
			t.Errorf("a list of %d rows is %v, want %v", length, got, want)
		}
		if got := Identify(nil, length); got != want {
			t.Errorf("all %d rows are %v, want %v", length, got, want)
		}
	})
}

// The digest is in every key: it must not change between versions.
func TestIdentifyIsPinned(t *testing.T) {
	want := Rows{Count: 5000, Digest: "a3d44437f284b46e5d827df6101e63efe16f752040ad67db809c061bc367bde5"}
	if got := Identify(nil, 5000); got != want {
		t.Errorf("5000 rows are %v, want %v", got, want)
	}
}

// labelled is data that has a task and nothing else.
type labelled struct {
	dataset.Dataset
	task task.Task
}

func (l labelled) Task() task.Task { return l.task }

// Every kind of task has models.
func TestModel(t *testing.T) {
	for _, kind := range task.Kinds() {
		spec := Model(labelled{task: task.Task{Kind: kind, Classes: []string{"a", "b", "c"}}})
		if spec.Classes != 3 || task.KindOf(spec.MultiLabel) != kind {
			t.Errorf("%v: %+v", kind, spec)
		}
		spec.Modalities = []mixer.Modality{{Name: "x", Kind: mixer.Table, Shape: []int{2}, Encoder: mixer.Choice{Architecture: "simple_mlp"}}}
		if _, err := mixer.Build(spec); err != nil {
			t.Errorf("%v: %v", kind, err)
		}
	}
}
