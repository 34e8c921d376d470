package assess

import (
	"cmp"
	"context"
	"slices"

	"mixmas/search/dataset"
	"mixmas/search/dataset/show"
	"mixmas/search/dataset/survey"
	"mixmas/search/task"
)

// Bounds of what is said of the data.
const (
	mostListed   = 1000    // classes
	mostFeatures = 20      // with missing values
	mostSampled  = 24      // classes with samples
	mostElements = 1 << 26 // that are surveyed
)

// Describe fills the assessment's data and rows to look at: samples, and the mistakes of its models, which it has already. format is
// the name of the data's format, warnings are sentences about what is odd in the data.
func (a *Assessment) Describe(ctx context.Context, data dataset.Dataset, format string, warnings []string) error {
	t := data.Task()
	listed := min(len(t.Classes), mostListed)
	d := Data{Name: Name(data.Name()), Format: format, Fingerprint: data.Fingerprint(), MultiLabel: t.Kind == task.MultiLabel,
		MoreClasses: len(t.Classes) - listed, Rows: survey.All(data), Warnings: warnings}
	for _, name := range t.Classes[:listed] {
		d.Classes = append(d.Classes, Name(name))
	}
	if err := d.count(ctx, data, listed); err != nil {
		return err
	}
	d.Surveyed = surveyed(data)
	found, err := survey.Some(ctx, data, d.Surveyed)
	if err != nil {
		return err
	}
	d.Duplicates = found.Duplicates.Sentences()
	standard := data.Preprocessing()
	for i, m := range data.Modalities() {
		d.Modalities = append(d.Modalities, modality(m, standard[m.Name], found.Modalities[i], d.Surveyed, func(feature int) string { return Name(survey.FeatureName(data, i, feature)) }))
	}
	a.Data = d
	return a.show(ctx, data, found)
}

// count counts the rows that have each of the first classes, and those that have none.
func (d *Data) count(ctx context.Context, data dataset.Dataset, listed int) error {
	t := data.Task()
	label := make([]float32, t.Width())
	for _, split := range dataset.Splits {
		counts := make([]int, len(t.Classes))
		for row := range data.Len(split) {
			if row%4096 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if err := data.Label(split, row, label); err != nil {
				return err
			}
			task.Count(t.Kind, counts, label)
			if t.Kind == task.MultiLabel && !slices.Contains(label, 1) {
				d.Unlabelled[split]++
			}
		}
		d.Counts[split] = counts[:listed:listed]
	}
	return nil
}

// surveyed is the number of rows of each split that are surveyed: all, unless they have too many elements.
func surveyed(data dataset.Dataset) [3]int {
	size := 0
	for _, m := range data.Modalities() {
		size += m.Size()
	}
	rows, total := survey.All(data), dataset.TotalRows(data)
	if most := max(mostElements/max(size, 1), 3); total > most {
		for split, n := range rows {
			rows[split] = min(n, max(1, int(float64(most)*float64(n)/float64(total))))
		}
	}
	return rows
}

// modality describes a modality, by what was found in so many rows of each split.
func modality(m dataset.Modality, standard dataset.Standardisation, found survey.Modality, rows [3]int, name func(feature int) string) Modality {
	out := Modality{Name: Name(m.Name), Kind: string(m.Kind), Form: survey.Form(m, standard), Shape: m.Shape}
	for split, s := range found {
		if s.Lengths != nil {
			out.Lengths[split] = s.Lengths.Text(m)
			out.Missing[split].Rows = s.Lengths.Empty
		}
		out.Missing[split].Values = s.Missing()
		for _, f := range s.Features {
			out.Missing[split].Of += f.Count + f.Missing
		}
	}
	lacks := func(feature int) (n int) {
		for _, s := range found {
			if rows := s.Features; feature < len(rows) {
				n += rows[feature].Missing
			}
		}
		return n
	}
	var features []int
	for feature := range survey.Features(m) {
		if lacks(feature) > 0 {
			features = append(features, feature)
		}
	}
	slices.SortStableFunc(features, func(a, b int) int { return cmp.Compare(lacks(b), lacks(a)) })
	for _, feature := range features[:min(len(features), mostFeatures)] {
		f := Feature{Name: name(feature)}
		for split, s := range found {
			if feature < len(s.Features) {
				f.Missing[split] = s.Features[feature].Missing
			}
		}
		out.Features = append(out.Features, f)
	}
	return out
}

// show fills Shown with samples of the data and the mistakes of the models.
func (a *Assessment) show(ctx context.Context, data dataset.Dataset, found *survey.Survey) error {
	classes := min(len(data.Task().Classes), mostSampled)
	each := 1
	if classes <= mostSampled/2 {
		each = 2
	}
	drawn, err := show.Rows(ctx, data, classes, [3]int{dataset.Train: each})
	if err != nil {
		return err
	}
	rows := 0
	for _, of := range drawn {
		rows += len(of[dataset.Train])
	}
	for _, m := range a.Models {
		rows += len(m.Mistakes)
	}
	g := newGallery(data, found, rows)
	for class, of := range drawn {
		var s Sample
		if class < classes {
			s.Class = Name(data.Task().Classes[class])
		}
		for _, row := range of[dataset.Train] {
			i, err := g.show(dataset.Train, row)
			if err != nil {
				return err
			}
			s.Shown = append(s.Shown, i)
		}
		if len(s.Shown) > 0 {
			a.Data.Samples = append(a.Data.Samples, s)
		}
	}
	for _, m := range a.Models {
		split := dataset.Validation
		if m.Split == dataset.Test.String() {
			split = dataset.Test
		}
		for i := range m.Mistakes {
			if m.Mistakes[i].Shown, err = g.show(split, m.Mistakes[i].Row); err != nil {
				return err
			}
		}
	}
	a.Shown = g.shown
	return nil
}
