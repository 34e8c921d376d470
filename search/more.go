package search

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mixmas/nn/mixer"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/report"
	"mixmas/search/store"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// further is a training after that of the winner: of a baseline, or of a member of the ensemble.
type further struct {
	job trial.Job
	// kind is that of the baseline; empty for none. modality is set for a model of one modality.
	kind, modality string
}

// more reports whether anything follows the search and the full training of the winner.
func (s *Search) more() bool {
	return s.config.Search.Baselines || s.ensembles() || s.train && s.fitsThresholds()
}

// ensembles reports whether a run ends with an ensemble.
func (s *Search) ensembles() bool {
	return s.train && (s.config.Train.Ensemble.Size > 0 || s.config.Train.Distill == "ensemble")
}

// mostLinear is the largest number of elements of an input, times the classes, of which a linear model is trained.
const mostLinear = 1 << 24

// further returns what is trained after the search for the choices of a space: baselines, members of the ensemble, or both. Full
// trainings keep their checkpoints in the folder, if there is one.
func (s *Search) further(space *strategy.Space, choices strategy.Choices, folder string, baselines, members bool) (list []further, err error) {
	add := func(kind, modality, name string, model mixer.Specification) {
		if err != nil {
			return
		}
		var job trial.Job
		if job, err = s.fullJob(name, model, s.config.Train, folder); err == nil {
			list = append(list, further{job, kind, modality})
		}
	}
	plain, has := s.unsearched(space)
	if baselines {
		for _, m := range space.Modalities {
			if m.Size()*len(s.data.Task().Classes) <= mostLinear {
				linear := strategy.Candidate{Choice: mixer.Choice{Architecture: "linear"}}
				add(report.Linear, m.Name, "linear/"+m.Name, space.EncoderModel(m, linear))
			}
		}
		if has {
			list = append(list, further{space.Job("baseline", "default", space.Model(plain)), report.Default, ""})
		}
	}
	if members {
		for _, m := range space.Modalities {
			if len(space.Modalities) > 1 {
				add("", m.Name, m.Name+"/"+choices.Encoders[m.Name].Label, space.FullEncoderModel(m, choices.Encoders[m.Name]))
			}
		}
		if has {
			add(report.DefaultFull, "", "default", space.FullModel(plain))
		}
	}
	return list, err
}

// unstored returns the jobs after the winner's training that have no score yet.
func (s *Search) unstored(ctx context.Context, space *strategy.Space, choices strategy.Choices, stored *evaluate.Evaluator) (jobs []trial.Job, err error) {
	if !s.more() {
		return nil, nil
	}
	list, err := s.further(space, choices, "", s.config.Search.Baselines, s.ensembles() && s.config.Train.Ensemble.Full)
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		if _, err := stored.Score(ctx, f.job); errors.Is(err, evaluate.ErrUntrained) {
			jobs = append(jobs, f.job)
		}
	}
	return jobs, ctx.Err()
}

// unsearched returns what somebody would take who does not search: an MLP-Mixer for every modality and as the fusion network, an MLP
// for a table, all concatenated. Where a candidate of the space has the architecture it is taken, otherwise the sizes follow from
// the data. has is false if the data have a modality that none of them takes.
func (s *Search) unsearched(space *strategy.Space) (c strategy.Choices, has bool) {
	c.Encoders = map[string]strategy.Candidate{}
	tokens, width := 0, 0
	for _, m := range space.Modalities {
		name := "mlp_mixer"
		if m.Kind == mixer.Table {
			name = "simple_mlp"
		}
		candidate, found := s.ofArchitecture(m.Encoders, name, m.Input())
		if !found {
			return c, false
		}
		c.Encoders[m.Name] = candidate
		n, d, err := space.EncoderModel(m, candidate).Modalities[0].Output()
		if err != nil {
			return c, false
		}
		tokens, width = tokens+n, max(width, d)
	}
	c.Fusion = strategy.Function{Label: "concat", Choice: *mixer.Fuse("concat"), Full: *mixer.Fuse("concat")}
	c.Network, has = s.ofArchitecture(space.Networks, "mlp_mixer", mixer.Input{Kind: mixer.Tokens, Shape: []int{tokens, width}})
	return c, has
}

// ofArchitecture returns the first candidate of an architecture, or one with the options that suit the input.
func (s *Search) ofArchitecture(candidates []strategy.Candidate, name string, in mixer.Input) (strategy.Candidate, bool) {
	for _, c := range candidates {
		if c.Choice.Architecture == name {
			return c, true
		}
	}
	architecture, err := mixer.Lookup(name)
	if err != nil || architecture.Suit == nil {
		return strategy.Candidate{}, false
	}
	own := architecture.Suit(in, s.data.Len(dataset.Train))
	if own == nil {
		return strategy.Candidate{}, false
	}
	c := config.Candidate{Name: name, Label: name, Options: own}
	return strategy.Candidate{Label: name,
		Choice: mixer.Choice{Architecture: name, Options: c.WithDropout(s.config.Search.Training.Dropout)},
		Full:   mixer.Choice{Architecture: name, Options: c.WithDropout(s.config.Train.Training.Dropout)}}, true
}

// leftOut collects what was left out, and why. Its methods may be called from several goroutines at once.
type leftOut struct {
	mutex sync.Mutex
	texts []string
}

func (l *leftOut) add(format string, a ...any) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.texts = append(l.texts, fmt.Sprintf(format, a...))
}

// trainAll trains in parallel until a deadline, and returns the outcomes in order. An outcome is nil if the training was left out or
// failed.
func (s *Search) trainAll(ctx context.Context, list []further, deadline time.Time, left *leftOut) ([]*evaluate.Outcome, error) {
	outcomes := make([]*evaluate.Outcome, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(s.options.Workers, 1))
	for i, f := range list {
		group.Go(func() (err error) {
			outcomes[i], err = s.trainOne(ctx, f.job, deadline, left)
			return err
		})
	}
	return outcomes, group.Wait()
}

// trainOne trains unless the budget does not suffice for an epoch.
func (s *Search) trainOne(ctx context.Context, job trial.Job, deadline time.Time, left *leftOut) (*evaluate.Outcome, error) {
	job.Deadline = deadline
	if !deadline.IsZero() && s.tooLate(ctx, job) {
		left.add("%s: not trained, because the budget would not suffice", job.Name)
		return nil, nil
	}
	outcomes, err := s.evaluator.Score(ctx, job)
	if err != nil {
		return nil, err
	}
	o := outcomes[0]
	if job.CheckpointFile != "" && o.OutOfMemory == nil { // the store has what a stopped training resumes from
		if err := trial.RemoveCheckpoints(job.CheckpointFile); err != nil {
			return nil, err
		}
	}
	switch {
	case o.OutOfMemory != nil:
		left.add("%s: %v", job.Name, o.OutOfMemory)
		return nil, nil
	case o.Score.Status == store.Failed:
		left.add("%s: %s", job.Name, o.Score.Reason)
		return nil, nil
	case o.Best != nil:
		left.add("%s: the budget stopped its training after epoch %d; its best model so far is used", job.Name, len(o.Score.Curve))
	}
	return o, nil
}

// tooLate reports whether an epoch of a job that has no score would probably end after its deadline.
func (s *Search) tooLate(ctx context.Context, job trial.Job) bool {
	if _, err := s.stored().Score(ctx, job); err == nil {
		return false
	}
	left := job.Deadline.Sub(s.now()).Seconds()
	if pace := s.timing.Load(); pace != nil {
		left -= pace.Epoch(job) * pace.Drift()
	}
	return left <= 0
}
