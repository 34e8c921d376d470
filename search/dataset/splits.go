package dataset

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"math"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"mixmas/search/packed"
	"mixmas/search/task"
)

// CheckSplits looks at the splits of a data set before anything is trained. It returns an error if a class has validation or
// test rows but no training rows (for multi-label data, a warning). It warns if a class's proportion differs by more than
// distance between training and validation rows, and by more than chance explains (3 standard errors), if the validation rows are
// of fewer than [EnoughGroups] groups, and if validation or test rows are identical to others.
//
// Identical rows are only looked for in data of up to 2²⁸ numbers, 1 GiB, and the result is stored in the cache, because all rows
// must be read.
func CheckSplits(ctx context.Context, d Dataset, distance float64, cache Cache) (warnings []string, err error) {
	if g, ok := d.(interface{ Generated() bool }); ok && g.Generated() {
		return nil, nil
	}
	if warnings, err = checkClasses(ctx, d, distance); err != nil {
		return nil, fmt.Errorf("data set %s: %w", d.Name(), err)
	}
	if text := fewGroups(d); text != "" {
		warnings = append(warnings, text)
	}
	same, err := identicalRows(ctx, d, cache)
	return append(warnings, same...), err
}

// CountClasses returns the number of rows of a split that have each class.
func CountClasses(ctx context.Context, d Dataset, split Split) ([]int, error) {
	const between = 1 << 12 // rows
	t := d.Task()
	counts, label := make([]int, len(t.Classes)), make([]float32, t.Width())
	for row := range d.Len(split) {
		if row%between == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := d.Label(split, row, label); err != nil {
			return nil, err
		}
		task.Count(t.Kind, counts, label)
	}
	return counts, nil
}

// checkClasses compares the classes of the splits.
func checkClasses(ctx context.Context, d Dataset, distance float64) (warnings []string, err error) {
	t := d.Task()
	var counts [3][]int
	for _, s := range Splits {
		if counts[s], err = CountClasses(ctx, d, s); err != nil {
			return nil, err
		}
	}
	for _, s := range []Split{Validation, Test} {
		var untrained []string
		for class, n := range counts[s] {
			if n > 0 && counts[Train][class] == 0 {
				untrained = append(untrained, fmt.Sprintf("%q (%d)", t.Classes[class], n))
			}
		}
		if len(untrained) == 0 {
			continue
		}
		text := fmt.Sprintf("these classes have %s rows but no training rows: %s", s, some(untrained))
		if t.Kind != task.OneLabel {
			warnings = append(warnings, text)
			continue
		}
		return nil, fmt.Errorf("%s: no model can learn them; if the rows are sorted, shuffle them before they are split", text)
	}
	if text := compareProportions(d, counts, distance); text != "" {
		warnings = append(warnings, text)
	}
	return warnings, nil
}

// compareProportions warns if the classes of training and validation rows differ.
func compareProportions(d Dataset, counts [3][]int, distance float64) string {
	train, validation := float64(d.Len(Train)), float64(d.Len(Validation))
	if train == 0 || validation == 0 {
		return ""
	}
	type difference struct {
		class       int
		train, val  float64
		differsByAt float64
	}
	var found []difference
	for class := range counts[Train] {
		p, q := float64(counts[Train][class])/train, float64(counts[Validation][class])/validation
		both := float64(counts[Train][class]+counts[Validation][class]) / (train + validation)
		chance := 3 * math.Sqrt(both*(1-both)*(1/train+1/validation))
		if by := math.Abs(p - q); by > distance && by > chance {
			found = append(found, difference{class, p, q, by})
		}
	}
	if len(found) == 0 {
		return ""
	}
	slices.SortStableFunc(found, func(a, b difference) int { return cmp.Compare(b.differsByAt, a.differsByAt) })
	var texts []string
	for _, f := range found {
		texts = append(texts, fmt.Sprintf("%q is %.1f%% of the training rows and %.1f%% of the validation rows", d.Task().Classes[f.class], 100*f.train, 100*f.val))
	}
	return fmt.Sprintf("training and validation rows have different classes, so validation scores may mislead: %s; if the rows are sorted, shuffle them before they are split", some(texts))
}

// some lists up to five texts.
func some(texts []string) string {
	const most = 5
	if n := len(texts); n > most {
		texts = append(slices.Clone(texts[:most-1]), fmt.Sprintf("%d more", n-most+1))
	}
	return strings.Join(texts, ", ")
}

// mostCompared is the largest number of elements in which identical rows are looked for.
const mostCompared = 1 << 28

// identicalRows warns of rows that are in several splits.
func identicalRows(ctx context.Context, d Dataset, cache Cache) (warnings []string, err error) {
	size, rows := 0, 0
	for _, m := range d.Modalities() {
		size += m.Size()
	}
	for _, s := range Splits {
		rows += d.Len(s)
	}
	if size == 0 || rows > mostCompared/size {
		return nil, nil
	}
	key := "identical rows 2\n" + d.Fingerprint()
	if cache != nil {
		if text, ok := cache.Get(key); ok && json.Unmarshal(text, &warnings) == nil {
			return warnings, nil
		}
	}
	var hashes [3][]uint64
	seed := maphash.MakeSeed()
	for _, s := range Splits {
		if hashes[s], err = hashRows(ctx, d, s, seed); err != nil {
			return nil, err
		}
	}
	warnings = []string{}
	for _, pair := range [][2]Split{{Train, Validation}, {Train, Test}, {Validation, Test}} {
		in := slices.Clone(hashes[pair[0]])
		slices.Sort(in)
		count, first := 0, 0
		for row, h := range hashes[pair[1]] {
			if _, found := slices.BinarySearch(in, h); found {
				if count++; count == 1 {
					first = row
				}
			}
		}
		if count > 0 {
			warnings = append(warnings, fmt.Sprintf("%d of %d %s rows (the first is row %d) are identical to %s rows in every modality: scores may be too good",
				count, d.Len(pair[1]), pair[1], first, pair[0]))
		}
	}
	if cache != nil {
		if text, err := json.Marshal(warnings); err == nil {
			_ = cache.Put(key, text) // a cache that cannot be written only costs time
		}
	}
	return warnings, nil
}

// hashRows hashes each row of a split.
func hashRows(ctx context.Context, d Dataset, s Split, seed maphash.Seed) ([]uint64, error) {
	hashes := make([]uint64, d.Len(s))
	group, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() (err error) {
			r := NewRowReader(d, seed)
			for row := w * len(hashes) / workers; row < (w+1)*len(hashes)/workers; row++ {
				if err := ctx.Err(); err != nil {
					return err
				}
				if hashes[row], err = r.Read(s, row, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return hashes, group.Wait()
}

// sameRows warns of samples that several splits share: of a file that is named twice, for instance.
func (d *assembled) sameRows(digests map[Column]string) (warnings []string) {
	for _, pair := range [][2]Split{{Train, Validation}, {Train, Test}, {Validation, Test}} {
		a, b := pair[0], pair[1]
		var shared []string
		for _, s := range d.contents.Sources {
			p, q := s.Samples[a], s.Samples[b]
			if p.Column == nil || q.Column == nil || !overlap(p.Rows, q.Rows) {
				continue
			}
			if p.Column == q.Column || digests[p.Column] != "" && digests[p.Column] == digests[q.Column] {
				shared = append(shared, fmt.Sprintf("%s (%s)", s.Modality.Name, q.Column.Name()))
			}
		}
		if len(shared) > 0 {
			warnings = append(warnings, fmt.Sprintf("the %s and %s rows share samples of %s: they are the same file", a, b, some(shared)))
		}
	}
	return warnings
}

// overlap reports whether two parts of one column have rows in common.
func overlap(a, b Rows) bool {
	if a.List == nil && b.List == nil {
		return max(a.First, b.First) < min(a.First+a.Count, b.First+b.Count)
	}
	end := 0
	for i := range a.Len() {
		end = max(end, a.At(i)+1)
	}
	in := packed.New(end, 1)
	for i := range a.Len() {
		in.Set(a.At(i), 1)
	}
	for i := range b.Len() {
		if row := b.At(i); row < end && in.At(row) == 1 {
			return true
		}
	}
	return false
}
