package strategy

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"mixmas/search/trial"
)

// stages is the search of the paper: it chooses an encoder for each modality, then the fusion function, then the fusion
// network.
type stages struct{}

func init() {
	Register(Default, "Chooses an encoder for each modality, then the fusion function, then the fusion network.", func() Strategy { return &stages{} })
}

// Search implements [Strategy].
func (*stages) Search(ctx context.Context, space *Space, e Evaluator, o Observer) (*Result, error) {
	if err := space.complete(); err != nil {
		return nil, err
	}
	encoders, err := chooseEncoders(ctx, space, e, o)
	if err != nil {
		return nil, err
	}
	// The function is chosen with the first network that constraints allow.
	functions := space.functions()
	chosen, first, err := space.fit(ctx, o, encoders, functions)
	if err != nil {
		return nil, err
	}
	fusion, function, err := decideFused(ctx, space, e, o, "fusion", nil, encoders, labels(functions), worthwhile(space.Repeats.Fusion, len(functions), space.Repeats.Network), func(i int) Choices {
		return Choices{chosen, functions[i], first}
	})
	if err != nil {
		return nil, err
	}
	// The trials of the first network already ran in the previous stage, as many as that had repeats.
	network, last, err := decideFused(ctx, space, e, o, "network", space.LeftNetworks, encoders, labels(space.Networks), worthwhile(space.Repeats.Network, len(space.Networks), 1), func(i int) Choices {
		return Choices{chosen, functions[function], space.Networks[i]}
	})
	if err != nil {
		return nil, err
	}
	return &Result{Stages: append(encoders, fusion, network), Choices: Choices{chosen, functions[function], space.Networks[last]},
		Winner: network.Winner, Reason: network.Reason}, nil
}

// chooseEncoders chooses the encoder of each modality independently.
func chooseEncoders(ctx context.Context, space *Space, e Evaluator, o Observer) ([]*Stage, error) {
	stages := make([]*Stage, len(space.Modalities))
	group, ctx := errgroup.WithContext(ctx)
	for i, m := range space.Modalities {
		group.Go(func() (err error) {
			name, jobs := encoderJobs(space, m)
			stages[i], _, err = space.decide(ctx, e, o, &Stage{Name: name, Metric: space.Metric, Left: slices.Clone(m.Left)}, jobs)
			return err
		})
	}
	return stages, group.Wait()
}

// encoderJobs returns the jobs of the encoders of a modality, and the name of their stage.
func encoderJobs(space *Space, m Modality) (stage string, jobs [][]trial.Job) {
	stage = "encoder/" + m.Name
	repeats := worthwhile(space.Repeats.Encoder, len(m.Encoders), max(space.Repeats.Fusion, space.Repeats.Network))
	for _, candidate := range m.Encoders {
		jobs = append(jobs, repeated(repeats, func(int) trial.Job { return space.Job(stage, candidate.Label, space.EncoderModel(m, candidate)) }))
	}
	return stage, jobs
}

// decideFused chooses one of the labelled candidates. with(i) returns the choices of the whole model with candidate i. If the
// space is warm, the encoders of repeat r start from repeat r of the winners of their stages.
func decideFused(ctx context.Context, space *Space, e Evaluator, o Observer, name string, left []LeftOut, encoders []*Stage, candidates []string,
	repeats int, with func(i int) Choices) (stage *Stage, winner int, err error) {
	var winners []*Tried
	for _, s := range encoders {
		winners = append(winners, s.Winner)
	}
	stage = &Stage{Name: name, Metric: space.Metric, Left: slices.Clone(left)}
	return space.decide(ctx, e, o, stage, fusedJobs(space, name, winners, candidates, repeats, with))
}

// fusedJobs returns the jobs of the labelled candidates, see [decideFused].
func fusedJobs(space *Space, name string, encoders []*Tried, candidates []string, repeats int, with func(i int) Choices) (jobs [][]trial.Job) {
	for i, label := range candidates {
		model := space.Model(with(i))
		jobs = append(jobs, repeated(repeats, func(r int) trial.Job {
			job := space.FusedJob(name, label, model)
			if space.Warm {
				for i, m := range space.Modalities {
					job.From(m.Name, encoders[i].Origin(r))
				}
				job.Specification.Frozen = space.Frozen
			}
			job.Settle()
			return job
		}))
	}
	return jobs
}

// worthwhile returns the repeats of a stage: if there is nothing to choose, only as many as the later stages start from.
func worthwhile(repeats, candidates, later int) int {
	if candidates == 1 {
		return min(repeats, later)
	}
	return repeats
}

// labels returns the labels of options.
func labels[C any](options []Option[C]) (list []string) {
	for _, o := range options {
		list = append(list, o.Label)
	}
	return list
}
