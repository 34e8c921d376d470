package records

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
)

// recipeVersion is the version of recipes that this program writes; it reads no later one.
const recipeVersion = 1

// Recipe says how rows become samples, with all that was learned from the training rows. A model file carries it as JSON.
type Recipe struct {
	Version int `json:"version"`
	// Sources are the tables and array files that modalities read: the rows first, then the files of modalities of their own.
	Sources    []Source   `json:"sources"`
	Modalities []Encoding `json:"modalities"`
	// Label is the column of labels, which predictions carry along where it is present; empty if it is not in the rows.
	Label string `json:"label,omitempty"`
	// Header says that the tables have one, and Delimiter what separates their cells, if the options said so.
	Header    bool   `json:"header"`
	Delimiter string `json:"delimiter,omitempty"`
}

// Source is a table or array file.
type Source struct {
	Name  string `json:"name"`            // of its first file, without its folder
	Array bool   `json:"array,omitempty"` // an array file
	Key   string `json:"key,omitempty"`   // column that joins it with the rows
	// Columns are those that modalities read. Equal names are told apart by their number.
	Columns []ColumnName `json:"columns,omitempty"`

	rows  *rows
	array string // path of the array file
}

// ColumnName names a column of a table: the column of this name that is preceded by Before others of the same name. Columns of tables
// without a header have empty names.
type ColumnName struct {
	Name   string `json:"name"`
	Before int    `json:"before,omitempty"`
}

// Encoding is one modality: the cells that it reads, and one of the encoders.
type Encoding struct {
	Name    string `json:"name"`
	Source  int    `json:"source"`            // in Sources
	Columns []int  `json:"columns,omitempty"` // in those of the source
	// Text and Path are the texts around the columns that make the path of a row's file, and these columns.
	Text   []string `json:"text,omitempty"`
	Path   []int    `json:"path,omitempty"`
	Folder string   `json:"folder,omitempty"` // where such paths start, from the folder of the data
	Masked bool     `json:"masked,omitempty"` // samples have a mask

	Table  *tableEncoder  `json:"table,omitempty"`
	Image  *imageEncoder  `json:"image,omitempty"`
	Array  *arrayEncoder  `json:"array,omitempty"`
	Series *seriesEncoder `json:"series,omitempty"`
	Tokens *textEncoder   `json:"text_tokens,omitempty"`
	Bag    *bagEncoder    `json:"bag,omitempty"`
	Files  *fileEncoder   `json:"array_file,omitempty"`
}

// encoder is the one encoder of a modality.
func (e *Encoding) encoder() (found encoder, err error) {
	count := 0
	for _, c := range []struct {
		given bool
		encoder
	}{{e.Table != nil, e.Table}, {e.Image != nil, e.Image}, {e.Array != nil, e.Array}, {e.Series != nil, e.Series},
		{e.Tokens != nil, e.Tokens}, {e.Bag != nil, e.Bag}, {e.Files != nil, e.Files}} {
		if c.given {
			count++
			found = c.encoder
		}
	}
	if count != 1 {
		return nil, fmt.Errorf("modality %s has %d encoders, want one", e.Name, count)
	}
	return found, nil
}

// set sets the encoder of a modality.
func (e *Encoding) set(x encoder) {
	switch x := x.(type) {
	case *tableEncoder:
		e.Table = x
	case *imageEncoder:
		e.Image = x
	case *arrayEncoder:
		e.Array = x
	case *seriesEncoder:
		e.Series = x
	case *textEncoder:
		e.Tokens = x
	case *bagEncoder:
		e.Bag = x
	case *fileEncoder:
		e.Files = x
	default:
		panic(fmt.Sprintf("records: a recipe cannot hold a %T", x))
	}
}

// newRecipe starts the recipe of a data set, whose first source are its rows.
func (b *builder) newRecipe() *Recipe {
	r := &Recipe{Version: recipeVersion, Header: b.o.Header, Delimiter: b.o.Delimiter, Sources: []Source{sourceOf(b.primary)}}
	if l := b.labels; l.source == b.primary && len(l.columns) == 1 {
		if name := b.primary.columns[l.columns[0]]; name != "" {
			r.Label = name
		}
	}
	return r
}

// sourceOf describes rows.
func sourceOf(r *rows) Source {
	_, array := r.parts[0].table.(*arrayTable)
	return Source{Name: base(r.parts[0].table.Name()), Array: array, rows: r}
}

// add adds a modality.
func (r *Recipe) add(x *binding, e *Encoding) {
	same := func(s Source) bool {
		return x.rows != nil && s.rows == x.rows || x.rows == nil && s.Array && s.Name == base(x.arrays[0].Name())
	}
	if e.Source = slices.IndexFunc(r.Sources, same); e.Source < 0 {
		e.Source = len(r.Sources)
		if x.rows != nil {
			r.Sources = append(r.Sources, sourceOf(x.rows))
		} else {
			r.Sources = append(r.Sources, Source{Name: base(x.arrays[0].Name()), Array: true, array: x.arrays[0].Name()})
		}
	}
	source := &r.Sources[e.Source]
	if x.keyName != "" {
		source.Key = x.keyName
	}
	for _, c := range x.columns {
		if x.rows != nil {
			e.Columns = append(e.Columns, source.column(c))
		}
	}
	if x.path != nil {
		e.Text = x.path.text
		e.Path = []int{}
		for _, c := range x.path.columns {
			e.Path = append(e.Path, source.column(c))
		}
		if x.fixed {
			e.Folder = portable(x.folder)
		}
	}
	r.Modalities = append(r.Modalities, *e)
}

// column is the number of a column of the rows among those that modalities read.
func (s *Source) column(c int) int {
	name := ColumnName{Name: s.rows.columns[c]}
	for _, other := range s.rows.columns[:c] {
		if other == name.Name {
			name.Before++
		}
	}
	if i := slices.Index(s.Columns, name); i >= 0 {
		return i
	}
	s.Columns = append(s.Columns, name)
	return len(s.Columns) - 1
}

// portable is a folder of the training data as a model file names it: relative, and below where the data are.
func portable(folder string) string {
	if folder = path.Clean(strings.ReplaceAll(folder, `\`, "/")); folder == "." || folder == "/" {
		return ""
	}
	if filepath.IsAbs(folder) || !filepath.IsLocal(folder) {
		return path.Base(folder)
	}
	return folder
}

// checkFolder returns an error for a folder that leads elsewhere.
func checkFolder(folder string) error {
	if folder != "" && (!filepath.IsLocal(folder) || path.IsAbs(folder)) {
		return fmt.Errorf("its folder %q leads out of the folder of the data", folder)
	}
	return nil
}

// text is the recipe as JSON.
func (r *Recipe) text() (json.RawMessage, error) { return json.Marshal(r) }

// parseRecipe reads a recipe, which may come from a hostile file, and checks it.
func parseRecipe(text json.RawMessage) (*Recipe, error) {
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, err
	}
	if version.Version < 1 || version.Version > recipeVersion {
		return nil, fmt.Errorf("it has version %d, but this program reads versions 1 to %d: use a newer mixmas", version.Version, recipeVersion)
	}
	r := &Recipe{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, err
	}
	return r, r.check()
}

// check returns an error for a recipe that no data set can have made.
func (r *Recipe) check() error {
	if len(r.Modalities) == 0 || len(r.Sources) == 0 {
		return errors.New("it has no modalities")
	}
	if r.Sources[0].Key != "" {
		return fmt.Errorf("its first source has the key %q, want none: others are joined with it", r.Sources[0].Key)
	}
	for i := range r.Sources {
		for _, c := range r.Sources[i].Columns {
			if c.Before < 0 {
				return fmt.Errorf("source %d: column %q comes after %d others", i, c.Name, c.Before)
			}
		}
	}
	for i := range r.Modalities {
		m := &r.Modalities[i]
		if err := m.check(r); err != nil {
			return fmt.Errorf("modality %s: %w", m.Name, err)
		}
	}
	return nil
}

func (e *Encoding) check(r *Recipe) error {
	x, err := e.encoder()
	if err != nil {
		return err
	}
	if e.Name == "" {
		return errors.New("it has no name")
	}
	if e.Source < 0 || e.Source >= len(r.Sources) {
		return fmt.Errorf("it reads source %d of %d", e.Source, len(r.Sources))
	}
	if err := x.check(); err != nil {
		return err
	}
	source := &r.Sources[e.Source]
	for _, list := range [][]int{e.Columns, e.Path} {
		for _, c := range list {
			if c < 0 || c >= len(source.Columns) {
				return fmt.Errorf("it reads column %d of %d", c, len(source.Columns))
			}
		}
	}
	if e.Path != nil && len(e.Text) != len(e.Path)+1 {
		return errors.New("the path of its files cannot be made")
	}
	if (e.Files != nil) != source.Array {
		return errors.New("its source is an array file if it reads one, otherwise a table")
	}
	if t := e.Table; t != nil && len(t.Columns) != len(e.Columns) {
		return fmt.Errorf("it has %d encoders for %d columns", len(t.Columns), len(e.Columns))
	}
	if s := e.Series; s != nil && !s.Files && s.Features != len(e.Columns) {
		return fmt.Errorf("it has %d features in %d columns", s.Features, len(e.Columns))
	}
	files := e.Image != nil || e.Array != nil || e.Series != nil && e.Series.Files
	if files != (e.Path != nil) {
		return errors.New("paths are for pictures, arrays and series in files")
	}
	return checkFolder(e.Folder)
}

// modality describes the samples.
func (e *Encoding) modality() (dataset.Modality, error) {
	x, err := e.encoder()
	if err != nil {
		return dataset.Modality{}, err
	}
	kind, shape, vocabulary := x.form()
	return dataset.Modality{Name: e.Name, Kind: kind, Shape: shape, Vocabulary: vocabulary}, nil
}

// grouping is how a modality is standardised.
func (e *Encoding) grouping(given dataset.Grouping) dataset.Grouping {
	switch {
	case e.Tokens != nil:
		return dataset.None
	case given != "":
		return given
	case e.Bag != nil:
		return dataset.None
	}
	return dataset.PerFeature
}

// missing reports whether samples may have missing numbers.
func (e *Encoding) missing() bool {
	x, err := e.encoder()
	return err == nil && holdsNaN(x.stored())
}

// rawFeatures are the features that are not standardised.
func (e *Encoding) rawFeatures(per dataset.Grouping) []int {
	x, err := e.encoder()
	if kind, _, _ := x.form(); err != nil || per != dataset.PerFeature || kind == mixer.Map || e.Bag != nil {
		return nil
	}
	return x.raw()
}
