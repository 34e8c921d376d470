// Package survey reads all samples of a data set once: what the values of each feature are, how long sequences and texts are,
// what is missing, and which rows occur more than once.
package survey

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dustin/go-humanize"
	"golang.org/x/sync/errgroup"

	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
)

// Survey is what the samples of a data set are like.
type Survey struct {
	// Modalities are in the order of the data set.
	Modalities []Modality `json:"modalities"`
	Duplicates Duplicates `json:"duplicates"`
}

// Modality is what the samples of a modality are like in each split: training, validation, test.
type Modality [3]Samples

// Samples is what the samples of one modality and split are like. Values are those before the standardisation.
type Samples struct {
	// Features are those of a table or of the steps of a sequence, or the channels of a map. A text has none.
	Features []Feature `json:"features,omitempty"`
	// Lengths are the numbers of real steps of a masked modality, otherwise nil.
	Lengths *Lengths `json:"lengths,omitempty"`
}

// Feature is what the values of a feature are like. If none counts, all are 0.
type Feature struct {
	Count     int     `json:"count"` // of the elements that are real and not missing
	Missing   int     `json:"missing"`
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"` // the population standard deviation
	Minimum   float64 `json:"minimum"`
	Maximum   float64 `json:"maximum"`
}

// Lengths are numbers of real steps per row: of a sequence, the tokens of a text, or of a map or table 1 for a row that has it.
type Lengths struct {
	Minimum int     `json:"minimum"`
	Mean    float64 `json:"mean"`
	Maximum int     `json:"maximum"`
	Empty   int     `json:"empty"` // rows without a real step
}

// Duplicates are numbers of rows that are the same in all modalities.
type Duplicates struct {
	Train      int `json:"train"`      // training rows that are the same as an earlier training row
	Validation int `json:"validation"` // likewise
	Test       int `json:"test"`
	// Rows of one split that are the same as some row of another.
	ValidationInTrain int `json:"validation_in_train"`
	TestInTrain       int `json:"test_in_train"`
	TestInValidation  int `json:"test_in_validation"`
}

// Missing is the number of missing elements.
func (s Samples) Missing() (n int) {
	for _, f := range s.Features {
		n += f.Missing
	}
	return n
}

// Form describes what a modality's rows look like and how they are scaled.
func Form(m dataset.Modality, s dataset.Standardisation) string {
	if m.Kind == mixer.Text {
		return fmt.Sprintf("%s of %s", m.Kind, count(m.Steps(), "token", "tokens"))
	}
	return fmt.Sprintf("%s %s, %s", m.Kind, dimensions.Text(m.Shape), s.Text(m))
}

// Text describes the lengths of a modality.
func (l *Lengths) Text(m dataset.Modality) string {
	switch {
	case m.Steps() == 1 && l.Empty == 0:
		return "every row has it"
	case m.Steps() == 1:
		return count(l.Empty, "row lacks it", "rows lack it")
	}
	noun := "steps"
	if m.Kind == mixer.Text {
		noun = "tokens"
	}
	lines := fmt.Sprintf("%d to %d %s, %.1f on average", l.Minimum, l.Maximum, noun, l.Mean)
	if l.Empty > 0 {
		lines += "; " + count(l.Empty, "row has none", "rows have none")
	}
	return lines
}

// Sentences describe the duplicates that there are.
func (d Duplicates) Sentences() (list []string) {
	add := func(n int, one, more string) {
		if n > 0 {
			list = append(list, count(n, one, more))
		}
	}
	add(d.Train, "training row repeats an earlier one", "training rows repeat earlier ones")
	add(d.Validation, "validation row repeats an earlier one", "validation rows repeat earlier ones")
	add(d.Test, "test row repeats an earlier one", "test rows repeat earlier ones")
	add(d.ValidationInTrain, "validation row is a training row too", "validation rows are training rows too")
	add(d.TestInTrain, "test row is a training row too", "test rows are training rows too")
	add(d.TestInValidation, "test row is a validation row too", "test rows are validation rows too")
	return list
}

// count writes a number with its noun and verb.
func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + more
}

// parts is the number of parts of a split that are read in parallel. It does not depend on the machine, so that sums do not
// either.
const parts = 16

// Take surveys a data set. progress, if not nil, is called now and then with the number of rows read so far.
func Take(ctx context.Context, data dataset.Dataset, progress func(done, total int)) (*Survey, error) {
	return take(ctx, data, All(data), progress)
}

// All are the numbers of rows of the splits.
func All(data dataset.Dataset) (rows [3]int) {
	for _, split := range dataset.Splits {
		rows[split] = data.Len(split)
	}
	return rows
}

// Some surveys so many rows of each split, at most all, at equal distances.
func Some(ctx context.Context, data dataset.Dataset, rows [3]int) (*Survey, error) {
	return take(ctx, data, rows, nil)
}

func take(ctx context.Context, data dataset.Dataset, some [3]int, progress func(done, total int)) (*Survey, error) {
	s := &Survey{Modalities: make([]Modality, len(data.Modalities()))}
	total := 0
	for _, split := range dataset.Splits {
		some[split] = min(some[split], data.Len(split))
		total += some[split]
	}
	var done atomic.Int64
	var calls sync.Mutex
	var hashes [3][]uint64
	seed := maphash.MakeSeed()
	for _, split := range dataset.Splits {
		rows, all := some[split], data.Len(split)
		hashes[split] = make([]uint64, rows)
		n := parts
		if width(data) > 1<<20 { // sums of many features take much memory
			n = 1
		}
		found := make([][]*sums, n)
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(runtime.GOMAXPROCS(0))
		for p := range found {
			found[p] = newSums(data)
			group.Go(func() (err error) {
				r := dataset.NewRowReader(data, seed)
				count := func(modality int, sample []float32, steps int) { found[p][modality].count(sample, steps) }
				for row := p * rows / n; row < (p+1)*rows/n; row++ {
					if err := ctx.Err(); err != nil {
						return err
					}
					if hashes[split][row], err = r.Read(split, row*all/rows, count); err != nil {
						return err
					}
					if count := done.Add(1); progress != nil && count%256 == 0 {
						calls.Lock()
						progress(int(count), total)
						calls.Unlock()
					}
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		for i := range s.Modalities {
			all := found[0][i]
			for _, other := range found[1:] {
				all.add(other[i])
			}
			s.Modalities[i][split] = all.samples()
		}
	}
	s.Duplicates = duplicates(hashes)
	return s, nil
}

// Stored is Take, but a result in the cache is taken from there, unless verify is set, and a new one is stored in it. Cache may be
// nil.
func Stored(ctx context.Context, data dataset.Dataset, cache dataset.Cache, verify bool, progress func(done, total int)) (*Survey, error) {
	if cache == nil {
		return Take(ctx, data, progress)
	}
	key := "survey 1\n" + data.Fingerprint()
	for _, m := range data.Modalities() {
		key += fmt.Sprintf("\n%q %s %v", m.Name, m.Kind, m.Shape)
	}
	s := new(Survey)
	if text, ok := cache.Get(key); ok && !verify && json.Unmarshal(text, s) == nil && len(s.Modalities) == len(data.Modalities()) {
		return s, nil
	}
	s, err := Take(ctx, data, progress)
	if err != nil {
		return nil, err
	}
	const most = 1 << 20
	if text, err := json.Marshal(s); err == nil && len(text) <= most {
		_ = cache.Put(key, text) // a cache that cannot be written only costs time
	}
	return s, nil
}

// width is the number of features of all modalities.
func width(data dataset.Dataset) (n int) {
	for _, m := range data.Modalities() {
		n += Features(m)
	}
	return n
}

// newSums makes the sums of every modality.
func newSums(data dataset.Dataset) (all []*sums) {
	standard := data.Preprocessing()
	for _, m := range data.Modalities() {
		all = append(all, &sums{modality: m, standard: standard[m.Name], features: make([]sum, Features(m)), shortest: math.MaxInt})
	}
	return all
}

// sums are the sums of a modality's values.
type sums struct {
	modality dataset.Modality
	standard dataset.Standardisation
	features []sum

	rows, empty       int
	steps             float64
	shortest, longest int
}

// sum is the sum of a feature's values, less the origin: the first value, or the mean after sums were added.
type sum struct {
	count, missing       int
	origin, sum, squares float64
	smallest, greatest   float32
}

// moments returns the mean and the sum of the squares of the differences from it.
func (s sum) moments() (mean, squares float64) {
	if s.count == 0 {
		return 0, 0
	}
	mean = s.sum / float64(s.count)
	return s.origin + mean, max(0, s.squares-float64(s.sum*mean))
}

// count adds a sample with so many real steps.
func (s *sums) count(sample []float32, steps int) {
	s.rows++
	s.steps += float64(steps)
	s.shortest, s.longest = min(s.shortest, steps), max(s.longest, steps)
	if steps == 0 {
		s.empty++
	}
	n := len(s.features)
	switch {
	case n == 0 || steps == 0:
	case s.modality.Kind == mixer.Map:
		run := len(sample) / n
		for f := range s.features {
			s.features[f].addAll(sample[f*run:][:run])
		}
	case s.modality.Kind == mixer.Sequence:
		for sample = sample[:steps*n]; len(sample) > 0; sample = sample[n:] {
			for f := range s.features {
				s.features[f].add(sample[f])
			}
		}
	default:
		for f := range s.features {
			s.features[f].add(sample[f])
		}
	}
}

// addAll adds values.
func (s *sum) addAll(values []float32) {
	local := *s // in registers
	for _, v := range values {
		local.add(v)
	}
	*s = local
}

// add adds a value.
func (s *sum) add(v float32) {
	if v != v {
		s.missing++
		return
	}
	if s.count == 0 {
		s.origin, s.smallest, s.greatest = float64(v), v, v
	}
	s.count++
	d := float64(v) - s.origin
	s.sum += d
	s.squares += float64(d * d)
	s.smallest, s.greatest = min(s.smallest, v), max(s.greatest, v)
}

// add adds the sums of other rows.
func (s *sums) add(o *sums) {
	s.rows, s.empty, s.steps = s.rows+o.rows, s.empty+o.empty, s.steps+o.steps
	s.shortest, s.longest = min(s.shortest, o.shortest), max(s.longest, o.longest)
	for i := range s.features {
		s.features[i].join(o.features[i])
	}
}

// join adds the sum of other rows.
func (s *sum) join(o sum) {
	missing := s.missing + o.missing
	switch {
	case s.count == 0:
		*s = o
	case o.count > 0:
		mean, squares := s.moments()
		otherMean, otherSquares := o.moments()
		n, m := float64(s.count), float64(o.count)
		d := otherMean - mean
		*s = sum{count: s.count + o.count, origin: mean + float64(d*m)/(n+m), squares: squares + otherSquares + float64(float64(d*d)*n)*m/(n+m),
			smallest: min(s.smallest, o.smallest), greatest: max(s.greatest, o.greatest)}
	}
	s.missing = missing
}

// samples turns the sums into means and deviations.
func (s *sums) samples() (result Samples) {
	if s.rows > 0 && s.modality.Masked {
		result.Lengths = &Lengths{Minimum: s.shortest, Mean: s.steps / float64(s.rows), Maximum: s.longest, Empty: s.empty}
	}
	for i, f := range s.features {
		feature := Feature{Count: f.count, Missing: f.missing}
		if f.count > 0 {
			mean, squares := f.moments()
			feature.Mean = original(s.standard, i, mean)
			feature.Minimum, feature.Maximum = original(s.standard, i, float64(f.smallest)), original(s.standard, i, float64(f.greatest))
			feature.Deviation = math.Sqrt(squares/float64(f.count)) * scale(s.standard, i)
		}
		result.Features = append(result.Features, feature)
	}
	return result
}

// scale is the deviation that a feature was divided by.
func scale(s dataset.Standardisation, feature int) float64 {
	switch s.Per {
	case dataset.PerModality:
		return s.Deviation[0]
	case dataset.PerFeature:
		return s.Deviation[feature]
	}
	return 1
}

// duplicates counts rows with equal hashes.
func duplicates(hashes [3][]uint64) (d Duplicates) {
	var sorted [3][]uint64
	for s := range hashes {
		sorted[s] = slices.Clone(hashes[s])
		slices.Sort(sorted[s])
	}
	within := func(s dataset.Split) (n int) {
		for i := 1; i < len(sorted[s]); i++ {
			if sorted[s][i] == sorted[s][i-1] {
				n++
			}
		}
		return n
	}
	in := func(a, b dataset.Split) (n int) {
		for _, h := range hashes[a] {
			if _, found := slices.BinarySearch(sorted[b], h); found {
				n++
			}
		}
		return n
	}
	return Duplicates{
		Train: within(dataset.Train), Validation: within(dataset.Validation), Test: within(dataset.Test),
		ValidationInTrain: in(dataset.Validation, dataset.Train),
		TestInTrain:       in(dataset.Test, dataset.Train),
		TestInValidation:  in(dataset.Test, dataset.Validation),
	}
}
