package search_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/safetensors"
	"mixmas/search"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/store"
)

// watching is a fixture whose full training, of 6 epochs of 4 steps, watches the validation loss.
func watching(t testing.TB) *fixture {
	f := newFixture(t)
	f.change("training: {batch: 16, epochs: 3, dropout: 0.1}",
		"training: {batch: 16, epochs: 6, learning_rate: 0.03, dropout: 0.1}\n  plateau: {factor: 0.5, patience: 1}\n  early_stopping: 5")
	return f
}

// interrupted trains in full until a number of steps, and returns the checkpoint that is left.
func (f *fixture) interrupted(folder string, steps int) string {
	f.t.Helper()
	f.run()
	ctx, cancel := context.WithCancel(f.t.Context())
	defer cancel()
	f.watch = &counter{limit: steps, cancel: cancel}
	if _, err := f.train(ctx, folder); !errors.Is(err, context.Canceled) {
		f.t.Fatalf("the training that was to be interrupted ends with %v", err)
	}
	f.watch = nil
	found, err := filepath.Glob(filepath.Join(folder, "checkpoint-*.safetensors"))
	if err != nil || len(found) != 1 {
		f.t.Fatalf("the folder has the checkpoints %v (%v), want one", found, err)
	}
	return found[0]
}

// numbers is the tiny data set with its second modality alone, for a model of few parameters.
type numbers struct{ tiny }

func (numbers) Modalities() []dataset.Modality { return tiny{}.Modalities()[1:] }

const numbersPlan = `
name: tiny
data: {format: builtin}
sample: {size: 40, distance: 0.2}
search:
  encoders:
    numbers:
      candidates: [{name: simple_mlp, width: 2, hidden: 2, layers: 1}]
  fusions: [concat]
  networks:
    candidates: [{name: mlp_mixer, depth: 1, token_width: 1, channel_width: 2}]
  training: {batch: 16, epochs: 1}
train:
  training: {batch: 16, epochs: 6, learning_rate: 0.03, dropout: 0.1}
  plateau: {factor: 0.5, patience: 1}
  early_stopping: 5
`

// realCheckpoint is a checkpoint of a small model after four of six epochs, and what reads it.
func realCheckpoint(t testing.TB) (file []byte, read func(file []byte) (int, string, error)) {
	f := newFixture(t)
	f.data, f.plan = numbers{}, numbersPlan
	file = readFile(t, f.interrupted(t.TempDir(), 17))
	s, r := f.searched()
	c, err := config.Parse("plan.yaml", []byte(f.plan))
	if err != nil {
		t.Fatal(err)
	}
	if read, err = s.CheckpointReader(s.FullModel(r), c.Train); err != nil {
		t.Fatal(err)
	}
	return file, read
}

// No flipped bit makes another training.
func TestFlippedBitsOfCheckpoints(t *testing.T) {
	file, read := realCheckpoint(t)
	epochs, want, err := read(file)
	if err != nil || epochs != 4 {
		t.Fatalf("the checkpoint has %d epochs, want 4 (%v)", epochs, err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	header := bytes.IndexByte(file[8:], 0)
	refused := 0
	for i := range 400 {
		at := rng.IntN(len(file))
		if i%2 == 0 {
			at = rng.IntN(min(header, len(file)))
		}
		flipped := slices.Clone(file)
		flipped[at] ^= 1 << rng.IntN(8)
		_, content, err := read(flipped)
		if err != nil {
			refused++
		} else if content != want {
			t.Errorf("byte %d of %d: %#x in place of %#x was taken", at, len(file), flipped[at], file[at])
		}
	}
	if refused < 350 {
		t.Errorf("%d of 400 flipped bits were refused", refused)
	}
}

// rewrite changes a checkpoint and gives it the digest of its new content.
func rewrite(t testing.TB, file []byte, change func(tensors nn.Weights, progress string) (string, nn.Weights)) []byte {
	t.Helper()
	tensors, metadata, err := safetensors.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	progress, tensors := change(tensors, metadata["training"])
	var out bytes.Buffer
	err = safetensors.Write(&out, tensors, map[string]string{"training": progress, "sha256": search.CheckpointDigest(tensors, progress)})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A checkpoint that this training cannot have written is refused, whatever its digest.
func TestForgedCheckpoints(t *testing.T) {
	file, read := realCheckpoint(t)
	tensor := func(change func(tensors nn.Weights)) []byte {
		return rewrite(t, file, func(tensors nn.Weights, progress string) (string, nn.Weights) {
			change(tensors)
			return progress, tensors
		})
	}
	type fields struct {
		Key     string        `json:"key"`
		Curve   []store.Epoch `json:"curve"`
		Seconds float64       `json:"seconds"`
	}
	progress := func(change func(p *fields)) []byte {
		return rewrite(t, file, func(tensors nn.Weights, text string) (string, nn.Weights) {
			var p fields
			if err := json.Unmarshal([]byte(text), &p); err != nil {
				t.Fatal(err)
			}
			change(&p)
			changed, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			return string(changed), tensors
		})
	}
	text := func(progress string) []byte {
		return rewrite(t, file, func(tensors nn.Weights, _ string) (string, nn.Weights) { return progress, tensors })
	}
	improving := make([]store.Epoch, 9)
	for i := range improving {
		improving[i] = store.Epoch{ValidationLoss: 1 / float64(i+1), LearningRate: 0.03}
	}
	var earlier bytes.Buffer
	if err := safetensors.Write(&earlier, nn.Weights{}, map[string]string{"progress": "{}"}); err != nil {
		t.Fatal(err)
	}
	best := ""
	for name := range tensorsOf(t, file) {
		if strings.HasPrefix(name, "best.") {
			best = name
		}
	}
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"nothing":              {nil, "too few"},
		"text":                 {[]byte("no tensors at all"), "no file of tensors"},
		"half":                 {file[:len(file)/2], "does not fit"},
		"much more":            {append(slices.Clone(file), make([]byte, 1<<20)...), "more than"},
		"of an earlier mixmas": {earlier.Bytes(), "it has no digest: an earlier version of mixmas wrote it"},
		"another training":     {progress(func(p *fields) { p.Key = strings.Repeat("0", 64) }), "another training, 000000000000"},
		"no epoch":             {progress(func(p *fields) { p.Curve = nil }), "0 epochs"},
		"too many epochs":      {progress(func(p *fields) { p.Curve = improving }), "it has 9 epochs, the training ends after 6"},
		"a better epoch":       {progress(func(p *fields) { p.Curve[0].ValidationLoss = 1e-9 }), "learning rate"},
		"learning rate":        {progress(func(p *fields) { p.Curve[1].LearningRate *= 2 }), "epoch 2 has the learning rate"},
		"time":                 {progress(func(p *fields) { p.Curve[1].Seconds = -1 }), "took -1 seconds"},
		"more time":            {progress(func(p *fields) { p.Seconds = -1 }), "-1 seconds"},
		"infinite":             {text(`{"seconds": 1e999}`), "progress: "},
		"no progress":          {text(""), "progress: "},
		"state":                {tensor(func(w nn.Weights) { w["state"] = nn.Tensor{Shape: []int{1}, Data: []float32{1}} }), "the state has shape 1, want"},
		"no state":             {tensor(func(w nn.Weights) { delete(w, "state") }), "the state is missing"},
		"no number":            {tensor(func(w nn.Weights) { w["state"].Data[7] = float32(math.NaN()) }), "tensor state holds NaN"},
		"infinity":             {tensor(func(w nn.Weights) { w[best].Data[0] = float32(math.Inf(1)) }), "holds +Inf"},
		"no best weights":      {tensor(func(w nn.Weights) { delete(w, best) }), "are missing"},
		"other best weights":   {tensor(func(w nn.Weights) { w[best] = nn.Tensor{Shape: []int{0}} }), "have shape 0, want"},
		"more best weights":    {tensor(func(w nn.Weights) { w["best.of.all"] = nn.Tensor{Shape: []int{1}, Data: []float32{1}} }), "best weights of"},
		"more tensors":         {tensor(func(w nn.Weights) { w["more"] = nn.Tensor{Shape: []int{1}, Data: []float32{1}} }), `"more" too many`},
	} {
		if epochs, _, err := read(c.file); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %d epochs were taken (%v), want an error with %q", name, epochs, err, c.says)
		}
	}
	if epochs, _, err := read(progress(func(*fields) {})); err != nil || epochs != 4 {
		t.Errorf("the real one, written again: %d epochs (%v)", epochs, err)
	}
}

func tensorsOf(t testing.TB, file []byte) nn.Weights {
	t.Helper()
	tensors, _, err := safetensors.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	return tensors
}

// Damaged checkpoints are set aside, and the training goes on from the last good one, or begins again: the model is the same,
// bit for bit.
func TestDamagedCheckpointsAreSetAside(t *testing.T) {
	undisturbed, err := watching(t).train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := watching(t)
	path := f.interrupted(t.TempDir(), 17)
	last, before := readFile(t, path), readFile(t, path+".previous")
	flipped := func(file []byte) []byte {
		file = slices.Clone(file)
		file[len(file)-5] ^= 4
		return file
	}
	const all = 6 * 4
	for name, c := range map[string]struct {
		last, before []byte // nil: a folder; empty: none
		setAside     int
		steps        int // that are trained after it
	}{
		"none is":          {last, before, 0, all - 4*4},
		"the last":         {flipped(last), before, 1, all - 3*4},
		"the one before":   {last, flipped(before), 0, all - 4*4},
		"both":             {flipped(last), flipped(before), 2, all},
		"the last is gone": {[]byte{}, before, 0, all - 3*4},
		"cut":              {last[:100], before, 1, all - 3*4},
		"a folder":         {nil, before, 1, all - 3*4},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, filepath.Base(path))
			for path, file := range map[string][]byte{path: c.last, path + ".previous": c.before} {
				var err error
				if file == nil {
					err = os.Mkdir(path, 0o755)
				} else if len(file) > 0 {
					err = os.WriteFile(path, file, 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			l := &listener{}
			f.watch = l
			trained, err := f.train(t.Context(), folder)
			if err != nil {
				t.Fatal(err)
			}
			defer f.store.Remove(t.Context(), trained.Score.Key) // so that the next one trains again
			if trained.Score.Weights != undisturbed.Score.Weights || len(trained.Score.Curve) != len(undisturbed.Score.Curve) {
				t.Errorf("the weights are %s after %d epochs, want %s", trained.Score.Weights, len(trained.Score.Curve), undisturbed.Score.Weights)
			}
			if l.steps != c.steps {
				t.Errorf("trained %d steps, want %d", l.steps, c.steps)
			}
			said := strings.Join(l.notices, "\n")
			if n := strings.Count(said, "full/tiny: checkpoint "+path); n != c.setAside || strings.Contains(said, "full/tiny: starts afresh") != (c.steps == all) ||
				strings.Contains(said, "full/tiny: goes on from the checkpoint before, after epoch 3 of 6") != (c.setAside == 1) {
				t.Errorf("it said:\n%s", said)
			}
			files, err := os.ReadDir(folder)
			if err != nil || len(files) != 2+c.setAside {
				t.Errorf("the folder holds %v (%v), want the model, its description and %d files that were set aside", files, err, c.setAside)
			}
		})
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// FuzzCheckpoint reads any file, a checkpoint that is another in one place, and any progress with the right digest. Short
// inputs leave the time to the checkpoint.
func FuzzCheckpoint(f *testing.F) {
	file, read := realCheckpoint(f)
	tensors, metadata, err := safetensors.Parse(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint16(0), []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"), metadata["training"])
	f.Add(uint16(8), []byte(`{"__metadata__": {"sha256": "", "training": ""}, `), `{"key": "", "curve": [{}], "seconds": 1}`)
	f.Add(uint16(len(file)-4), []byte{0, 0, 0xc0, 0x7f}, `{"curve": [{"learning_rate": 0.03}]}`)
	f.Fuzz(func(t *testing.T, at uint16, some []byte, progress string) {
		changed := slices.Clone(file)
		copy(changed[int(at)%len(file):], some)
		var digested bytes.Buffer
		err := safetensors.Write(&digested, tensors, map[string]string{"training": progress, "sha256": search.CheckpointDigest(tensors, progress)})
		if err != nil {
			t.Fatal(err)
		}
		for _, candidate := range [][]byte{some, changed, digested.Bytes()} {
			epochs, _, err := read(candidate)
			if err != nil {
				continue
			}
			tensors, metadata, err := safetensors.Parse(candidate)
			if err != nil || epochs < 1 || epochs > 6 || metadata["sha256"] != search.CheckpointDigest(tensors, metadata["training"]) {
				t.Errorf("%d epochs were taken with digest %s (%v)", epochs, metadata["sha256"], err)
			}
		}
	})
}
