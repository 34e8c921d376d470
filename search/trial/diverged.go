package trial

import (
	"context"
	"errors"
	"time"

	"mixmas/nn"
)

// whereDiverged returns where a training that diverged first made an infinity or a NaN, to be added to the reason of its failure:
// it is run again to the epoch in which it did, and from there step by step. The text is empty if that leads nowhere. An error
// means that the context has ended.
func (l *Local) whereDiverged(ctx context.Context, t *training) (string, error) {
	t.close() // its memory is needed
	job, epoch := t.Job, len(t.state.Curve)
	job.Outputs, job.Deadline = nil, time.Time{}
	if t.ended { // the model of the last epoch predicts no numbers: the checkpoint of the epoch before it is needed
		epoch--
		if job.CheckpointFile != "" {
			job.CheckpointFile += previousSuffix
		}
	}
	fault, err := l.fault(ctx, job, epoch)
	if fault == nil || err != nil {
		return "", ctx.Err()
	}
	return "; " + fault.String(), nil
}

// fault returns the first fault of a training from an epoch on, counted from 0.
func (l *Local) fault(ctx context.Context, job Job, epoch int) (*nn.Fault, error) {
	t, err := l.start(ctx, job, quiet{})
	if err != nil {
		return nil, err
	}
	defer t.close()
	if err := t.begin(); err != nil {
		return nil, err
	}
	t.CheckpointFile = "" // nothing is to resume from here
	if err := t.trainTo(ctx, epoch); err != nil {
		return nil, err
	}
	if len(t.state.Curve) != epoch {
		return nil, errors.New("the training stopped at another epoch")
	}
	fault, err := t.trainer.Diagnose(ctx, t.train, epoch, t.state.rate(job.Specification.Recipe))
	if fault != nil || err != nil {
		return fault, err
	}
	return t.trainer.DiagnosePrediction(ctx, t.scored, epoch+1)
}

// quiet observes nothing.
type quiet struct{}

func (quiet) Started(int)       {}
func (quiet) Step(int, float64) {}
func (quiet) Encoded(int, int)  {}
func (quiet) Notice(string)     {}
