package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
)

// With [Specification.Frozen] the encoders are those of the trainings to start from, in evaluation mode. Each runs once over the
// training and the scoring rows; the rest of the model is trained on the tokens that it made, which the trials of a search
// share. The weights of such a trial are those of the whole model: everything else takes it for an ordinary fused model.

// Build returns the model that a trial trains: the whole one, or the part behind frozen encoders.
func (s Specification) Build() (nn.Model, error) {
	if s.Frozen {
		return mixer.BuildFrozen(s.Model)
	}
	return mixer.Build(s.Model)
}

// checkFrozen returns an error unless all encoders of a job with frozen encoders come from earlier trainings.
func (j Job) checkFrozen() error {
	if !j.Specification.Frozen {
		return nil
	}
	for _, m := range j.Specification.Model.Modalities {
		if _, ok := j.Start[m.Name]; !ok {
			return fmt.Errorf("%s: its encoders are frozen, but that of modality %s starts from no training", j.Name, m.Name)
		}
	}
	return nil
}

// trainedEncoder is the finished training of a modality that a job starts from.
type trainedEncoder struct {
	modality mixer.Modality
	origin   Origin
	weights  nn.Weights // of its classifier
}

// startWeights reads the weights that a job starts from, in the order of the model's modalities.
func (l *Local) startWeights(job Job) (list []trainedEncoder, err error) {
	for _, m := range job.Specification.Model.Modalities {
		origin, ok := job.Start[m.Name]
		if !ok {
			continue
		}
		e := trainedEncoder{modality: m, origin: origin}
		file, err := l.Files.Weights(origin)
		if err == nil {
			e.weights, _, err = safetensors.Parse(file)
		}
		if err != nil {
			return nil, fmt.Errorf("weights of %s: %w", origin.Name, err)
		}
		list = append(list, e)
	}
	return list, nil
}

// encodedRows are the tokens of all modalities of some rows, with their masks and labels. It implements nn.Samples.
type encodedRows struct {
	rows   *dataset.Samples // their inputs are the masks
	inputs []encodedInput
}

// encodedInput is an input of a model with frozen encoders: tokens, or the mask with a number among the inputs of the rows.
type encodedInput struct {
	tokens *tokens
	mask   int
}

// Len implements nn.Samples, as do the other methods.
func (e *encodedRows) Len() int { return e.rows.Len() }

func (e *encodedRows) Read(row, input int, dst []float32) error {
	if in := e.inputs[input]; in.tokens == nil {
		return e.rows.Read(row, in.mask, dst)
	}
	return e.inputs[input].tokens.read(row, dst)
}

func (e *encodedRows) Label(row int, dst []float32) error { return e.rows.Label(row, dst) }

// encode runs the frozen encoders of a job over rows that choose selects with the inputs of a model, and that id identifies.
// release ends the use of the tokens.
func (l *Local) encode(ctx context.Context, job Job, encoders []trainedEncoder, id any, p *encoding, choose func(inputs []string) (*dataset.Samples, error)) (e *encodedRows, release func(), err error) {
	var releases []func()
	all := func() {
		for _, end := range releases {
			end()
		}
	}
	defer func() { // the results are nil after an error
		if err != nil {
			all()
		}
	}()
	e = &encodedRows{}
	var masks []string
	for _, encoder := range encoders {
		m, err := mixer.BuildEncoder(encoder.modality)
		if err != nil {
			return nil, nil, blame(ctx, err)
		}
		rows, err := choose(Inputs(m))
		if err != nil {
			return nil, nil, err
		}
		key, err := json.Marshal([]any{encoder.modality, encoder.origin.File, id, job.Specification.Recipe.Batch})
		if err != nil {
			return nil, nil, err
		}
		before := p.done
		made, end, err := l.tokens.get(ctx, string(key), rows.Len(), m.Classes(), l.Files.Temporary, func(t *tokens) error {
			return l.predict(ctx, m, job.Specification.Recipe.Batch, mixer.EncoderOf(encoder.weights), rows, func(batch []float32) error {
				p.reach(p.done + len(batch)/m.Classes())
				return t.add(batch)
			})
		})
		if err != nil {
			return nil, nil, blame(ctx, fmt.Errorf("frozen encoder of %s: %w", encoder.modality.Name, err))
		}
		p.reach(before + rows.Len())
		releases = append(releases, end)
		e.inputs = append(e.inputs, encodedInput{tokens: made})
		for _, in := range m.Inputs()[1:] {
			e.inputs = append(e.inputs, encodedInput{mask: len(masks)})
			masks = append(masks, in.Name)
		}
	}
	if e.rows, err = choose(masks); err != nil {
		return nil, nil, err
	}
	return e, all, nil
}

// encoding counts the rows that the frozen encoders of a training have run over.
type encoding struct {
	Progress
	done, all int
}

// reach reports that so many rows are done, unless they were before.
func (e *encoding) reach(done int) {
	if done > e.done {
		e.done = done
		e.Encoded(done, e.all)
	}
}

// freeze sets up a training with frozen encoders: the part of the model that is trained, on the tokens of its rows.
func (l *Local) freeze(ctx context.Context, t *training, encoders []trainedEncoder) (err error) {
	if t.model, err = mixer.BuildFrozen(t.Specification.Model); err != nil {
		return blame(ctx, err)
	}
	t.frozen = nn.Weights{}
	for _, e := range encoders {
		maps.Copy(t.frozen, mixer.WarmStart(e.modality.Name, mixer.EncoderOf(e.weights)))
	}
	spec := t.Specification
	p := &encoding{Progress: t.progress, all: len(encoders) * (spec.Sample.Count + t.scoring.Len())}
	train, release, err := l.encode(ctx, t.Job, encoders, spec.Sample, p, func(inputs []string) (*dataset.Samples, error) {
		return dataset.Select(l.Data, dataset.Train, t.Train, inputs)
	})
	if err != nil {
		return err
	}
	t.train, t.release = train, append(t.release, release)
	scored, release, err := l.encode(ctx, t.Job, encoders, []any{spec.Validation, spec.Unused}, p, func(inputs []string) (*dataset.Samples, error) {
		return Scoring(l.Data, t.Job, inputs)
	})
	if err != nil {
		return err
	}
	t.scored, t.release = scored, append(t.release, release)
	return nil
}

// blanks returns by modality the tokens that its frozen encoder makes of a row without the modality, if the job drops modalities and
// these are not zeros: those of sequences.
func (l *Local) blanks(ctx context.Context, job Job, encoders []trainedEncoder) (map[string][]float32, error) {
	if !job.Specification.Frozen || job.Specification.Recipe.DropModality == 0 {
		return nil, nil
	}
	list := map[string][]float32{}
	for _, e := range encoders {
		m, err := mixer.BuildEncoder(e.modality)
		if err != nil {
			return nil, blame(ctx, err)
		}
		if list[e.modality.Name], err = l.Predict(ctx, m, 1, mixer.EncoderOf(e.weights), blankRow{}); err != nil {
			return nil, blame(ctx, fmt.Errorf("frozen encoder of %s: %w", e.modality.Name, err))
		}
	}
	return list, nil
}

// blankRow is a row without any modality. It implements nn.Samples.
type blankRow struct{}

func (blankRow) Len() int { return 1 }

func (blankRow) Read(_, _ int, dst []float32) error {
	clear(dst)
	return nil
}

func (blankRow) Label(int, []float32) error { return nil }
