package records

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"mixmas/nn/options"
	"mixmas/search/dataset"
	"mixmas/search/dataset/feature"
	"mixmas/search/packed"
)

// fitted is what was learned from the training rows of one modality.
type fitted struct {
	Encoding Encoding
	Kept     []int    // the columns that are used, among those of the binding; nil for all
	Warnings []string // for people
}

// modality learns what must be learned from the training rows, and encodes all rows.
func (b *builder) modality(ctx context.Context, x *binding, a *assigned) (*dataset.Source, *Encoding, error) {
	used := x.marked(a.all)
	if err := x.look(ctx, b.session, used); err != nil {
		return nil, nil, err
	}
	if x.rows != nil {
		if err := x.sign(ctx, b.session, used); err != nil {
			return nil, nil, err
		}
	}
	f, err := b.learn(ctx, x, a)
	if err != nil {
		return nil, nil, err
	}
	if f.Kept != nil {
		kept := make([]int, len(f.Kept))
		for i, k := range f.Kept {
			kept[i] = x.columns[k]
		}
		x.columns = kept
	}
	b.warnings = append(b.warnings, f.Warnings...)
	e := &f.Encoding
	e.Name = x.modality.Name
	columns, err := b.columns(ctx, x, e, used)
	if err != nil {
		return nil, nil, err
	}
	source, err := b.source(x, e, columns, a)
	if err == nil && x.modality.Vectors != "" {
		if source.Vectors, err = b.wordVectors(ctx, x.modality, e.Tokens); err == nil {
			b.made = append(b.made, source.Vectors)
		}
	}
	return source, e, err
}

// columns are the columns of a modality: an array file as it is, or what its rows are encoded into.
func (b *builder) columns(ctx context.Context, x *binding, e *Encoding, used packed.List) (*encoded, error) {
	if e.Files != nil {
		e.Files.keep(x.arrays)
		if file, err := e.Files.whole(x.arrays); file != nil || err != nil {
			return &encoded{samples: file, full: true}, err
		}
		if err := x.sign(ctx, b.session, used); err != nil {
			return nil, err
		}
	}
	encoder, err := e.encoder()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	columns, err := b.newEncoding(e.Name, x, encoder, used).columns(ctx, fmt.Sprintf("records 1\n%s\n%s\n%s", x.digest, digestOfMarks(used), text))
	if err == nil {
		b.made = append(b.made, columns.samples, columns.lengths)
	}
	return columns, err
}

// source is the modality of the assembled data set.
func (b *builder) source(x *binding, e *Encoding, columns *encoded, a *assigned) (*dataset.Source, error) {
	m, err := e.modality()
	if err != nil {
		return nil, err
	}
	e.Masked = e.Tokens != nil || !columns.full
	per := e.grouping(x.modality.Standardise)
	// A missing number of a table has an indicator; in an array file it is an error.
	s := &dataset.Source{Modality: m, Per: per, Missing: x.rows != nil && e.missing(), Raw: e.rawFeatures(per)}
	for _, split := range dataset.Splits {
		if a.rows[split].Len() == 0 {
			continue
		}
		rows := x.of(a.rows[split], split)
		s.Samples[split] = dataset.Part{Column: columns.samples, Rows: rows}
		if e.Masked {
			s.Lengths[split] = dataset.Part{Column: columns.lengths, Rows: rows}
		}
	}
	return s, nil
}

// of are the rows of the binding for rows of a split: behind the last one for those that are joined with none.
func (b *binding) of(rows dataset.Rows, s dataset.Split) dataset.Rows {
	if b.joined == nil {
		return rows
	}
	list := make([]int, rows.Len())
	for i := range list {
		if list[i] = int(b.joined[rows.At(i)]); list[i] < 0 {
			list[i] = b.count() + int(s)
		}
	}
	return dataset.Rows{List: list}
}

// look finds out whether the cells of series are lists or paths, by the first one.
func (b *binding) look(ctx context.Context, s *session, used packed.List) error {
	if b.rows == nil || b.modality.Kind != Series || b.path != nil || len(b.columns) != 1 {
		return nil
	}
	return b.each(ctx, s, func(row int, x *sample) error {
		if used.At(row) == 0 || feature.IsMissing(x.cells[0]) {
			return nil
		}
		if _, err := feature.AppendList(nil, x.cells[0]); err != nil || b.modality.Folder != "" {
			b.pathColumn()
		}
		return errEnough
	})
}

// sign finds the digest of all that the modality reads: cells, and the files that they name.
func (b *binding) sign(ctx context.Context, s *session, used packed.List) error {
	if b.rows == nil {
		digest := newContentHash()
		for _, c := range b.arrays {
			facts, err := c.Facts(ctx, dataset.Request{}, s.environment)
			if err != nil {
				return err
			}
			digest.add(facts.SHA256)
		}
		b.digest = digest.sum()
		return nil
	}
	if b.path == nil {
		b.digest = b.content.sum()
		return nil
	}
	const together = 4096
	names, start := make([]string, 0, together), ""
	flush := func() error {
		if len(names) == 0 {
			return nil
		}
		folder, err := s.folder(ctx, start)
		if err != nil {
			return err
		}
		digest, err := folder.Digest(ctx, names)
		names = make([]string, 0, together) // the folder keeps them
		b.content.add(digest)
		return err
	}
	err := b.rows.each(ctx, func(row int, p *part, cells []string) error {
		name := b.path.fill(cells)
		if used.At(row) == 0 || name == "" {
			return nil
		}
		if at := b.start(p); at != start || len(names) == together {
			if err := flush(); err != nil {
				return err
			}
			start = at
		}
		names = append(names, strings.Clone(s.within(start, name))) // cells do not outlive the call
		return nil
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return b.missingFile(ctx, s, used, err)
	}
	b.digest = b.content.sum()
	return nil
}

// missingFile names the row of the first file that cannot be opened; otherwise it returns err.
func (b *binding) missingFile(ctx context.Context, s *session, used packed.List, err error) error {
	if ctx.Err() != nil {
		return err
	}
	found := b.rows.each(ctx, func(row int, p *part, cells []string) error {
		name := b.path.fill(cells)
		if used.At(row) == 0 || name == "" {
			return nil
		}
		folder, err := s.folder(ctx, b.start(p))
		if err != nil {
			return err
		}
		f, err := folder.Open(ctx, s.within(b.start(p), name))
		if err != nil {
			return b.wrap(err)
		}
		return f.Close()
	})
	if found != nil {
		return found
	}
	return err
}

// digestOfMarks is a digest of the rows that are marked.
func digestOfMarks(marks packed.List) string {
	h := sha256.New()
	buffer := make([]byte, 0, 4096)
	for i := range marks.Len() {
		if buffer = append(buffer, byte(marks.At(i))); len(buffer) == cap(buffer) {
			h.Write(buffer)
			buffer = buffer[:0]
		}
	}
	h.Write(buffer)
	return hex.EncodeToString(h.Sum(nil))
}

// learn learns from the training rows, or finds in the cache what was learned from the same rows before.
func (b *builder) learn(ctx context.Context, x *binding, a *assigned) (*fitted, error) {
	found := &fitted{}
	if x.rows == nil { // there is nothing to learn
		return found, b.fit(ctx, &fitting{session: b.session, binding: x}, found)
	}
	train := x.marked(a.each(dataset.Train))
	m, err := json.Marshal(x.modality)
	if err != nil {
		return nil, err
	}
	// The number rises whenever the same rows and options teach something else.
	key := fmt.Sprintf("records fit 2\n%s\n%q\n%s\n%s", m, x.titles(), x.digest, digestOfMarks(train))
	if text, ok := b.cache.Note(key); ok && json.Unmarshal(text, found) == nil {
		if e, err := found.Encoding.encoder(); err == nil && e.check() == nil {
			return found, nil
		}
		found = &fitted{}
	}
	if err := b.fit(ctx, &fitting{session: b.session, binding: x, train: train}, found); err != nil {
		return nil, err
	}
	if text, err := json.Marshal(found); err == nil {
		_ = b.cache.PutNote(key, text)
	}
	return found, nil
}

// fit learns from the training rows.
func (b *builder) fit(ctx context.Context, f *fitting, found *fitted) (err error) {
	m := f.modality
	var e encoder
	switch {
	case f.binding.rows == nil:
		if len(m.Column) > 0 {
			return options.Errorf(f.field+".column", "an array file has no columns with names: choose features or channels with columns")
		}
		e, err = fitFiles(m, f.arrays[0].Shape(), m.Columns, f.field+".columns")
	case m.Kind == Table:
		e, err = asEncoder(f.fitTable(ctx, found))
	case m.Kind == Image:
		e, err = asEncoder(f.fitImage(ctx, m))
	case m.Kind == Array:
		e, err = asEncoder(f.fitArray(ctx, m))
	case m.Kind == Series:
		e, err = asEncoder(f.fitSeries(ctx, m))
	case m.Kind == Bag || m.Bag:
		e, err = asEncoder(f.fitBag(ctx, m))
	default:
		e, err = asEncoder(f.fitText(ctx, m))
	}
	if err != nil {
		return err
	}
	if err := e.check(); err != nil {
		return err
	}
	found.Encoding.set(e)
	return nil
}

// asEncoder returns no encoder after an error, instead of a nil pointer.
func asEncoder[E encoder](e E, err error) (encoder, error) {
	if err != nil {
		return nil, err
	}
	return e, nil
}

// kinds are the kinds of columns that the options say, by the position among those of the binding.
func (b *binding) kinds() (map[int]feature.Kind, error) {
	kinds := map[int]feature.Kind{}
	for _, selector := range sortedKeys(b.modality.Kinds) {
		field := b.field + ".kinds." + selector
		list, err := choose(b.rows.columns, nil, field, selector)
		if err != nil {
			return nil, err
		}
		kind, err := feature.ParseKind(b.modality.Kinds[selector])
		if err != nil {
			return nil, options.Errorf(field, "%v", err)
		}
		any := false
		for i, c := range b.columns {
			for _, chosen := range list {
				if c == chosen {
					kinds[i], any = kind, true
				}
			}
		}
		if !any {
			return nil, options.Errorf(field, "is not one of the columns of %s", b.modality.Name)
		}
	}
	return kinds, nil
}
