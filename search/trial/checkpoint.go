package trial

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"mixmas/nn"
	"mixmas/nn/dimensions"
	"mixmas/nn/safetensors"
	"mixmas/search/atomicfile"
	"mixmas/search/regular"
)

// A checkpoint is a safetensors file with the tensor "state" and, if the recipe watches the validation rows, the best weights
// under their names with bestPrefix. Its metadata are the progress as JSON and a digest of the progress and the tensors. A
// training must resume from exactly the state that it would have reached, so a file is used only if all of it is valid.
const (
	stateTensor = "state"
	bestPrefix  = "best."
	// Not "progress", the name in files without a digest: versions that wrote those would resume wrongly from today's files.
	progressKey = "training"
	digestKey   = "sha256"
)

// checkpoint is the progress of a training with the trainer's state.
type checkpoint struct {
	progress
	state []float32
}

// encode returns the tensors and metadata of the file.
func (c *checkpoint) encode() (nn.Weights, map[string]string, error) {
	tensors := nn.Weights{stateTensor: {Shape: []int{len(c.state)}, Data: c.state}}
	for name, tensor := range c.best {
		tensors[bestPrefix+name] = tensor
	}
	text, err := json.Marshal(c.progress)
	if err != nil {
		return nil, nil, err
	}
	return tensors, map[string]string{progressKey: string(text), digestKey: checkpointDigest(tensors, string(text))}, nil
}

// checkpointDigest returns the SHA-256 of the tensors' digest followed by the progress.
func checkpointDigest(tensors nn.Weights, progress string) string {
	sum := sha256.Sum256([]byte(safetensors.Digest(tensors) + progress))
	return hex.EncodeToString(sum[:])
}

// parseCheckpoint reads a checkpoint of the training with the given key, recipe and parameters. It refuses a checkpoint that
// this training cannot have written.
func parseCheckpoint(file []byte, key string, recipe Recipe, parameters *nn.Parameters) (*checkpoint, error) {
	if limit := checkpointLimit(recipe, parameters); int64(len(file)) > limit {
		return nil, fmt.Errorf("it has more than %d bytes", limit)
	}
	tensors, metadata, err := safetensors.Parse(file)
	if err != nil {
		return nil, err
	}
	text, sum := metadata[progressKey], metadata[digestKey]
	switch {
	case sum == "":
		return nil, errors.New("it has no digest: an earlier version of mixmas wrote it")
	case sum != checkpointDigest(tensors, text):
		return nil, errors.New("its content does not match its SHA-256")
	}
	if err := tensors.CheckFinite(); err != nil {
		return nil, err
	}
	var written progress
	if err := json.Unmarshal([]byte(text), &written); err != nil {
		return nil, fmt.Errorf("progress: %w", err)
	}
	if written.Key != key {
		return nil, fmt.Errorf("it belongs to another training, %.12s", written.Key)
	}
	p, err := written.replay(recipe)
	if err != nil {
		return nil, err
	}
	state, ok := tensors[stateTensor]
	if !ok {
		return nil, errors.New("the state is missing")
	}
	if want := []int{parameters.StateSize()}; !slices.Equal(state.Shape, want) {
		return nil, fmt.Errorf("the state has shape %s, want %s", dimensions.Text(state.Shape), dimensions.Text(want))
	}
	delete(tensors, stateTensor)
	if p.best, err = bestWeights(tensors, p.bestEpoch > 0, parameters); err != nil {
		return nil, err
	}
	return &checkpoint{p, state.Data}, nil
}

// checkpointLimit returns an upper bound on the size of a checkpoint in bytes.
func checkpointLimit(recipe Recipe, parameters *nn.Parameters) int64 {
	const header, tensor, epoch = 1 << 16, 1 << 10, 1 << 9
	limit := int64(header) + tensor + 4*int64(parameters.StateSize()) + epoch*int64(min(recipe.Epochs, 1<<40))
	for _, q := range parameters.All() {
		limit += tensor + int64(len(q.Name)) + 4*int64(q.Size())
	}
	return limit
}

// bestWeights takes the best weights from the tensors of a checkpoint: those of all of the model's parameters, or none.
func bestWeights(tensors nn.Weights, wanted bool, parameters *nn.Parameters) (nn.Weights, error) {
	best := nn.Weights{}
	for name, tensor := range tensors {
		parameter, ok := strings.CutPrefix(name, bestPrefix)
		if !ok || !wanted {
			return nil, fmt.Errorf("unexpected tensor %q", name)
		}
		best[parameter] = tensor
	}
	if !wanted {
		return nil, nil
	}
	for _, q := range parameters.All() {
		tensor, ok := best[q.Name]
		if !ok {
			return nil, fmt.Errorf("the best weights lack %s", q.Name)
		}
		if !slices.Equal(tensor.Shape, q.Shape) {
			return nil, fmt.Errorf("best weights: %s has shape %s, want %s", q.Name, dimensions.Text(tensor.Shape), dimensions.Text(q.Shape))
		}
	}
	if len(best) != len(parameters.All()) {
		return nil, fmt.Errorf("it has best weights for %d parameters, want %d", len(best), len(parameters.All()))
	}
	return best, nil
}

// The previous epoch's checkpoint is kept too, and damaged ones are set aside, at most one of each.
const (
	previousSuffix = ".previous"
	damagedSuffix  = ".damaged"
)

// checkpoint returns the training's checkpoint as the tensors and metadata of a file.
func (t *training) checkpoint() (nn.Weights, map[string]string, error) {
	state, _, err := t.trainer.State()
	if err != nil {
		return nil, nil, err
	}
	c := checkpoint{t.state, state}
	c.Key, c.Seconds = t.key, t.seconds()
	return c.encode()
}

// saveCheckpoint writes a checkpoint to the job's file, if the job names one.
func (t *training) saveCheckpoint() error {
	if t.CheckpointFile == "" {
		return nil
	}
	tensors, metadata, err := t.checkpoint()
	if err != nil {
		return err
	}
	keepPrevious(t.CheckpointFile)
	return atomicfile.Replace(t.CheckpointFile, func(w io.Writer) error { return safetensors.Write(w, tensors, metadata) })
}

// keepPrevious gives the checkpoint that is about to be replaced a second name, in case the disk damages the new one. It
// costs space on the disk and no time. A file system without hard links keeps no previous checkpoint.
func keepPrevious(path string) {
	if _, err := os.Lstat(path); err != nil { // it was set aside, so the previous one is the last good one
		return
	}
	_ = os.Remove(path + previousSuffix)
	_ = os.Link(path, path+previousSuffix)
}

// RemoveCheckpoints removes the checkpoint files of a training that has ended. It leaves files that were set aside.
func RemoveCheckpoints(path string) error {
	return errors.Join(atomicfile.Remove(path), atomicfile.Remove(path+previousSuffix))
}

// resume resumes from the last good checkpoint, if there is one.
func (t *training) resume() error {
	c, err := t.lastCheckpoint()
	if c == nil || err != nil {
		return err
	}
	t.state = c.progress
	return t.trainer.Restore(c.state, len(c.Curve)*t.trainer.Steps(t.train.Len()))
}

// lastCheckpoint returns the last good checkpoint, or nil: that of the job's file, which is written after every epoch, or the
// one that the job resumes. Damaged files are set aside. The job's file does not hold the outputs of requested epochs, so it
// is not used if it was written after such an epoch.
func (t *training) lastCheckpoint() (*checkpoint, error) {
	notice := func(format string, a ...any) { t.progress.Notice(t.Name + ": " + fmt.Sprintf(format, a...)) }
	passed := false
	var files []string
	if t.CheckpointFile != "" {
		files = []string{t.CheckpointFile, t.CheckpointFile + previousSuffix}
	}
	for _, path := range files {
		c, err := t.readCheckpoint(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if bad := new(badCheckpoint); errors.As(err, bad) {
			if err := os.Rename(path, path+damagedSuffix); err != nil {
				return nil, fmt.Errorf("checkpoint %s cannot be used (%v) and cannot be set aside: %w", path, bad, err)
			}
			notice("checkpoint %s cannot be used and was set aside as %s: %v", path, path+damagedSuffix, bad)
			passed = true
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("checkpoint: %w", err)
		}
		if slices.ContainsFunc(t.Outputs, func(epoch int) bool { return epoch <= len(c.Curve) }) {
			notice("checkpoint %s is not used: it does not hold the wanted outputs of an earlier epoch", path)
			passed = true
			continue
		}
		if passed {
			notice("resumes from the previous checkpoint, after epoch %d of %d", len(c.Curve), t.Specification.Recipe.Epochs)
		}
		return c, nil
	}
	if t.Resume != nil {
		c, err := t.readOrigin(*t.Resume)
		if err == nil {
			return c, nil
		}
		notice("cannot resume from the stored checkpoint: %v", err)
		passed = true
	}
	if passed {
		notice("starts from the beginning")
	}
	return nil, nil
}

// readOrigin reads the stored checkpoint that the job resumes.
func (t *training) readOrigin(o Origin) (*checkpoint, error) {
	file, err := t.files.Checkpoint(o)
	if err != nil {
		return nil, err
	}
	return parseCheckpoint(file, t.key, t.Specification.Recipe, t.model.Parameters())
}

// badCheckpoint is the reason why a training cannot resume from a file.
type badCheckpoint struct{ error }

// readCheckpoint reads the training's checkpoint at path.
func (t *training) readCheckpoint(path string) (*checkpoint, error) {
	f, err := regular.Open(path)
	if errors.Is(err, regular.ErrIrregular) {
		return nil, badCheckpoint{err}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	recipe, parameters := t.Specification.Recipe, t.model.Parameters()
	file, err := io.ReadAll(io.LimitReader(f, checkpointLimit(recipe, parameters)+1))
	if err != nil {
		return nil, err
	}
	c, err := parseCheckpoint(file, t.key, recipe, parameters)
	if err != nil {
		return nil, badCheckpoint{err}
	}
	return c, nil
}
