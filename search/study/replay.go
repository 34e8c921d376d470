package study

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"

	"golang.org/x/sync/errgroup"

	"mixmas/search/choice"
	"mixmas/search/packed"
)

// Calibration counts how often the rule of [choice.Compare] is right.
type Calibration struct {
	Stages []StageCalibration `json:"stages"`
	Shares
}

// StageCalibration is that of one stage.
type StageCalibration struct {
	Stage string `json:"stage"`
	Shares
}

// Shares are what is counted.
type Shares struct {
	// Coverage is the share of pairs of candidates whose interval holds the true difference.
	Coverage float64 `json:"coverage"`
	// BestAmongTies is the share of replays in which the truly best candidate is the leader or ties with it.
	BestAmongTies float64 `json:"best_among_ties"`
	// Decided is the share of replays in which nobody ties with the leader.
	Decided float64 `json:"decided"`
}

// Calibrate replays each stage. A replay draws as many rows as the validation split has from all rows with replacement, and
// some of the recorded repeats without replacement, the same for all candidates, with their predictions after the last epoch. What is
// true of a candidate is its accuracy over all recorded runs and rows. The figures of all stages are their means.
func (r *Recording) Calibrate(ctx context.Context, layout Layout, repeats, replays int, seed uint64) (*Calibration, error) {
	stages, err := r.Stages(layout)
	if err != nil {
		return nil, err
	}
	c := &Calibration{}
	for i, stage := range stages {
		if len(stage.Keys) < repeats {
			return nil, fmt.Errorf("stage %s: %d repeats are wanted, but %d runs of all candidates are recorded", stage.Name, repeats, len(stage.Keys))
		}
		shares, err := newReplay(r, stage, repeats, seed+uint64(i)<<32).run(ctx, replays)
		if err != nil {
			return nil, fmt.Errorf("stage %s: %w", stage.Name, err)
		}
		c.Stages = append(c.Stages, StageCalibration{stage.Name, shares})
		c.Coverage += shares.Coverage / float64(len(stages))
		c.BestAmongTies += shares.BestAmongTies / float64(len(stages))
		c.Decided += shares.Decided / float64(len(stages))
	}
	return c, nil
}

// replay replays a stage.
type replay struct {
	right         [][]packed.Bits // candidates × keys, of validation and test rows
	truth         []float64
	best          int
	repeats       int
	rows, allRows int
	seed          uint64
}

func newReplay(r *Recording, s Stage, repeats int, seed uint64) *replay {
	p := &replay{repeats: repeats, rows: r.Validation, allRows: r.Validation + r.Test, seed: seed}
	for c, runs := range s.Runs {
		var all []packed.Bits
		right := 0
		for _, run := range runs {
			bits := joined(run.Last(), r.Validation, run.Test, r.Test)
			right += bits.Count()
			all = append(all, bits)
		}
		p.right = append(p.right, all)
		p.truth = append(p.truth, float64(right)/float64(p.allRows*len(runs)))
		if p.truth[c] > p.truth[p.best] {
			p.best = c
		}
	}
	return p
}

// joined is a list of bits with another behind it.
func joined(a packed.Bits, n int, b packed.Bits, m int) packed.Bits {
	bits := packed.NewBits(n + m)
	copy(bits, a)
	for i := range m {
		if b.Has(i) {
			bits.Set(n + i)
		}
	}
	return bits
}

// counts are sums over replays.
type counts struct{ held, pairs, ties, decided int }

func (p *replay) run(ctx context.Context, replays int) (Shares, error) {
	workers := min(runtime.GOMAXPROCS(0), replays)
	sums := make([]counts, workers)
	group, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		group.Go(func() error {
			for i := w; i < replays; i += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := p.once(uint64(i), &sums[w]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Shares{}, err
	}
	var all counts
	for _, s := range sums {
		all.held += s.held
		all.pairs += s.pairs
		all.ties += s.ties
		all.decided += s.decided
	}
	n := float64(replays)
	return Shares{float64(all.held) / float64(all.pairs), float64(all.ties) / n, float64(all.decided) / n}, nil
}

// draw draws repeats and rows.
func (p *replay) draw(rng *rand.Rand) choice.Runs {
	runs := choice.Runs{Rows: p.rows}
	keys := rng.Perm(len(p.right[0]))[:p.repeats]
	rows := make([]uint32, p.rows)
	for i := range rows {
		rows[i] = uint32(rng.IntN(p.allRows))
	}
	for _, candidate := range p.right {
		right, scores := make([]packed.Bits, p.repeats), make([]float64, p.repeats)
		for i, key := range keys {
			right[i] = gather(candidate[key], rows)
			scores[i] = float64(right[i].Count()) / float64(p.rows)
		}
		runs.Right, runs.Scores = append(runs.Right, right), append(runs.Scores, scores)
	}
	return runs
}

// once replays the stage once, with random numbers of its own.
func (p *replay) once(number uint64, sum *counts) error {
	rng := rand.New(rand.NewPCG(p.seed, number))
	s, err := choice.Compare(p.draw(rng))
	if err != nil {
		return err
	}
	order := rng.Perm(len(p.right))
	for i := 0; i+1 < len(order); i += 2 {
		a, b := order[i], order[i+1]
		low, high := s.Interval(a, b)
		if truth := p.truth[a] - p.truth[b]; low <= truth && truth <= high {
			sum.held++
		}
		sum.pairs++
	}
	if s.Ties[p.best] {
		sum.ties++
	}
	tied := 0
	for _, tie := range s.Ties {
		if tie {
			tied++
		}
	}
	if tied == 1 {
		sum.decided++
	}
	return nil
}

// gather are the bits of rows.
func gather(bits packed.Bits, rows []uint32) packed.Bits {
	some := packed.NewBits(len(rows))
	for w := range some {
		var word uint64
		for i, row := range rows[w*64 : min(w*64+64, len(rows))] {
			word |= bits[row/64] >> (row % 64) & 1 << i
		}
		some[w] = word
	}
	return some
}
