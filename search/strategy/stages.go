package strategy

import (
	"context"

	"golang.org/x/sync/errgroup"

	"mixmas/search/trial"
)

// stages is the search of the paper: an encoder for each modality, then the fusion function, then the fusion network.
type stages struct{}

func init() {
	Register(Default, "Chooses an encoder for each modality, then the fusion function, then the fusion network.", func() Strategy { return &stages{} })
}

// Search implements [Strategy].
func (*stages) Search(ctx context.Context, space *Space, e Evaluator, o Observer) (*Result, error) {
	encoders, chosen, err := chooseEncoders(ctx, space, e, o)
	if err != nil {
		return nil, err
	}
	// The function is chosen under the first network. One modality has nothing to fuse: all functions are the same, and only the
	// first is tried.
	functions := space.Fusions
	if len(space.Modalities) == 1 {
		functions = functions[:1]
	}
	fusion, function, err := decideFused(ctx, space, e, o, "fusion", encoders, labels(functions), func(i int) Choices {
		return Choices{chosen, functions[i], space.Networks[0]}
	})
	if err != nil {
		return nil, err
	}
	// The trial of the first network has run in the stage before.
	network, last, err := decideFused(ctx, space, e, o, "network", encoders, labels(space.Networks), func(i int) Choices {
		return Choices{chosen, functions[function], space.Networks[i]}
	})
	if err != nil {
		return nil, err
	}
	return &Result{Stages: append(encoders, fusion, network), Choices: Choices{chosen, functions[function], space.Networks[last]},
		Winner: network.Winner, Reason: network.Reason}, nil
}

// chooseEncoders chooses an encoder for each modality, independently of each other.
func chooseEncoders(ctx context.Context, space *Space, e Evaluator, o Observer) ([]*Stage, map[string]Candidate, error) {
	stages, winners := make([]*Stage, len(space.Modalities)), make([]int, len(space.Modalities))
	group, ctx := errgroup.WithContext(ctx)
	for i, m := range space.Modalities {
		group.Go(func() (err error) {
			name := "encoder/" + m.Name
			var jobs []trial.Job
			for _, candidate := range m.Encoders {
				jobs = append(jobs, space.Job(name, candidate.Label, space.EncoderModel(m, candidate)))
			}
			stages[i], winners[i], err = space.decide(ctx, e, o, name, jobs)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	chosen := map[string]Candidate{}
	for i, m := range space.Modalities {
		chosen[m.Name] = m.Encoders[winners[i]]
	}
	return stages, chosen, nil
}

// decideFused chooses one of candidates, each in a whole model of the choices with the candidate of that index, which starts from
// the winners of the encoders' stages.
func decideFused(ctx context.Context, space *Space, e Evaluator, o Observer, name string, encoders []*Stage, candidates []string,
	with func(i int) Choices) (stage *Stage, winner int, err error) {
	var jobs []trial.Job
	for i, label := range candidates {
		job := space.Job(name, label, space.Model(with(i)))
		for i, m := range space.Modalities {
			if space.Warm {
				job.From(m.Name, encoders[i].Winner.Origin())
			}
		}
		jobs = append(jobs, job)
	}
	return space.decide(ctx, e, o, name, jobs)
}

// labels are those of options.
func labels[C any](options []Option[C]) (list []string) {
	for _, o := range options {
		list = append(list, o.Label)
	}
	return list
}
