package trial

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
	"mixmas/search/store"
)

// realCheckpoint is a checkpoint of a small model after four of six epochs, and what reads it as the training would. content
// stands for all that it would go on from.
func realCheckpoint(t testing.TB) (file []byte, read func(file []byte) (epochs int, content string, err error)) {
	job := numbersJob(t)
	job.CheckpointFile = filepath.Join(t.TempDir(), "checkpoint")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := local().Run(ctx, job, &steps{limit: 17, cancel: cancel}); !errors.Is(err, context.Canceled) {
		t.Fatalf("the training that was to be interrupted ends with %v", err)
	}
	file, err := os.ReadFile(job.CheckpointFile)
	if err != nil {
		t.Fatal(err)
	}
	key, _, err := job.Specification.Key()
	if err != nil {
		t.Fatal(err)
	}
	parameters := built(t, job).Parameters()
	return file, func(file []byte) (int, string, error) {
		c, err := parseCheckpoint(file, key, job.Specification.Recipe, parameters)
		if err != nil {
			return 0, "", err
		}
		_, metadata, err := c.encode()
		return len(c.Curve), metadata[digestKey], err
	}
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
	err = safetensors.Write(&out, tensors, map[string]string{"training": progress, "sha256": checkpointDigest(tensors, progress)})
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
		"text":                 {[]byte("no tensors at all"), "not a file of tensors"},
		"half":                 {file[:len(file)/2], "does not fit"},
		"much more":            {append(slices.Clone(file), make([]byte, 1<<20)...), "more than"},
		"of an earlier mixmas": {earlier.Bytes(), "it has no digest: an earlier version of mixmas wrote it"},
		"another training":     {progress(func(p *fields) { p.Key = strings.Repeat("0", 64) }), "another training, 000000000000"},
		"no epoch":             {progress(func(p *fields) { p.Curve = nil }), "0 epochs"},
		"too many epochs":      {progress(func(p *fields) { p.Curve = improving }), "it has 9 epochs, but the training ends after 6"},
		"a better epoch":       {progress(func(p *fields) { p.Curve[0].ValidationLoss = 1e-9 }), "learning rate"},
		"learning rate":        {progress(func(p *fields) { p.Curve[1].LearningRate *= 2 }), "epoch 2 has the learning rate"},
		"metric":               {progress(func(p *fields) { p.Curve[1].ValidationMetric = new(0.5) }), "epoch 2 has the validation metric 0.5, but the loss selects"},
		"time":                 {progress(func(p *fields) { p.Curve[1].Seconds = -1 }), "took -1 seconds"},
		"more time":            {progress(func(p *fields) { p.Seconds = -1 }), "-1 seconds"},
		"infinite":             {text(`{"seconds": 1e999}`), "progress: "},
		"no progress":          {text(""), "progress: "},
		"state":                {tensor(func(w nn.Weights) { w["state"] = nn.Tensor{Shape: []int{1}, Data: []float32{1}} }), "the state has shape 1, want"},
		"no state":             {tensor(func(w nn.Weights) { delete(w, "state") }), "the state is missing"},
		"no number":            {tensor(func(w nn.Weights) { w["state"].Data[7] = float32(math.NaN()) }), "tensor state holds NaN"},
		"infinity":             {tensor(func(w nn.Weights) { w[best].Data[0] = float32(math.Inf(1)) }), "holds +Inf"},
		"no best weights":      {tensor(func(w nn.Weights) { delete(w, best) }), "the best weights lack"},
		"other best weights":   {tensor(func(w nn.Weights) { w[best] = nn.Tensor{Shape: []int{0}} }), "has shape 0, want"},
		"more best weights":    {tensor(func(w nn.Weights) { w["best.of.all"] = nn.Tensor{Shape: []int{1}, Data: []float32{1}} }), "best weights for"},
		"more tensors":         {tensor(func(w nn.Weights) { w["more"] = nn.Tensor{Shape: []int{1}, Data: []float32{1}} }), `unexpected tensor "more"`},
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
		err := safetensors.Write(&digested, tensors, map[string]string{"training": progress, "sha256": checkpointDigest(tensors, progress)})
		if err != nil {
			t.Fatal(err)
		}
		for _, candidate := range [][]byte{some, changed, digested.Bytes()} {
			epochs, _, err := read(candidate)
			if err != nil {
				continue
			}
			tensors, metadata, err := safetensors.Parse(candidate)
			if err != nil || epochs < 1 || epochs > 6 || metadata["sha256"] != checkpointDigest(tensors, metadata["training"]) {
				t.Errorf("%d epochs were taken with digest %s (%v)", epochs, metadata["sha256"], err)
			}
		}
	})
}

// A training that resumes from its file has the outputs of all asked epochs: after one of these the file is not used.
func TestOutputsOfInterruptedTraining(t *testing.T) {
	whole := numbersJob(t)
	whole.Outputs = []int{3, 5}
	want, err := local().Run(t.Context(), whole, &steps{})
	if err != nil || len(want.EpochOutputs) != 2 {
		t.Fatalf("%d outputs (%v)", len(want.EpochOutputs), err)
	}
	for _, c := range []struct{ interrupted, steps int }{{4*2 + 1, 4 * 4}, {4*3 + 1, 4 * 4}, {4*4 + 1, 4 * 6}} { // the previous file of the second is of 2 epochs
		job := whole
		job.CheckpointFile = filepath.Join(t.TempDir(), "checkpoint")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := local().Run(ctx, job, &steps{limit: c.interrupted, cancel: cancel}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		again := &steps{}
		got, err := local().Run(t.Context(), job, again)
		if err != nil || !bytes.Equal(got.Weights, want.Weights) || again.done != c.steps {
			t.Errorf("interrupted in step %d: %d steps, the same weights: %t (%v)", c.interrupted, again.done, bytes.Equal(got.Weights, want.Weights), err)
		}
		for epoch, file := range want.EpochOutputs {
			if !bytes.Equal(got.EpochOutputs[epoch], file) {
				t.Errorf("interrupted in step %d: outputs after epoch %d have %d bytes", c.interrupted, epoch, len(got.EpochOutputs[epoch]))
			}
		}
	}
}
