// Package inspect looks at data as people have them (a table, a folder of pictures, an archive), says what every column is taken
// for and why, and proposes a configuration of the format "records".
//
// A column is judged by its cells ([feature.Profile]), by a sample of the pictures and arrays that they name, and by what the
// other columns are. Only the beginning of a large table is read. A person can overrule every decision, in the request or in the
// configuration.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/files"
	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
)

// Request is what a person says about the data.
type Request struct {
	// Labels name the columns that are predicted: one, or several 0/1 columns, each an entry or separated by commas. Selectors of
	// package tabular are fine too. Folders of classes need none.
	Labels []string
	// Separator is between the labels of a cell, such as |; empty for one label per cell.
	Separator string
	// Kinds says what columns are to be taken for, by name or other selectors.
	Kinds map[string]string
}

// Limits of what is looked at. They are not times: the same data always give the same proposal.
const (
	mostRows  = 100_000
	mostBytes = 256 << 20 // of cells
)

// RequestError is an error of the request, not of the data.
type RequestError struct{ Text string }

func (e *RequestError) Error() string { return e.Text }

func requestError(format string, arguments ...any) error {
	return &RequestError{fmt.Sprintf(format, arguments...)}
}

// Column is what a column is taken for.
type Column struct {
	Name    string // as in the header; "" if it has none
	Title   string // for people, in one line
	Example string
	feature.Finding
	Asked bool // a person said what it is

	profile *feature.Profile
	paths   sample // of a column of paths
	leak    leak
	folder  string // where its paths start, below the folder of the table
	size    []int  // of its pictures: height and width
	colours int    // of its pictures: 1 or 3
	layout  string // of its arrays
	series  bool   // its arrays are series
	length  [2]int // of its lists
}

// Proposal is what data are taken for.
type Proposal struct {
	Data     string // as a person named it
	Name     string // of the search
	Rows     int    // that were looked at
	Partial  bool   // there are more rows
	Columns  []Column
	Warnings []string

	named      map[string]int // how many columns have each name
	source     *source
	root       *files.Root
	request    Request
	labels     []int           // columns
	counts     *feature.Labels // of a single column of labels
	several    int             // rows whose label has a |
	ones       []int           // rows with 1, of 0/1 columns of labels
	classes    []string
	unlabelled int  // rows
	ignore     bool // labels that no training row has
	modalities []modality
}

// Look looks at a table, folder or archive. Errors name the file, or are a [*RequestError].
func Look(ctx context.Context, data string, r Request) (*Proposal, error) {
	root := files.New(".", files.Options{})
	p, err := look(ctx, root, data, r)
	return p, errors.Join(err, root.Close())
}

func look(ctx context.Context, root *files.Root, data string, r Request) (*Proposal, error) {
	s, err := open(ctx, root, data)
	if err != nil {
		return nil, err
	}
	return propose(ctx, root, s, data, r)
}

func propose(ctx context.Context, root *files.Root, s *source, data string, r Request) (*Proposal, error) {
	p := &Proposal{Data: data, Name: nameOf(data), source: s, root: root, request: r}
	names := s.table.Columns()
	if len(names) > feature.MostColumns {
		return nil, fmt.Errorf("%s has %d columns, and at most %d are looked at: keep the numbers in an array file (npy)", escape.Terminal(s.path), len(names), feature.MostColumns)
	}
	p.Columns = make([]Column, len(names))
	titles, profiles := tabular.Titles(names), feature.Profiles(len(names))
	for i, name := range names {
		p.Columns[i] = Column{Name: name, Title: escape.Terminal(titles[i]), profile: &profiles[i]}
	}
	if err := p.ask(); err != nil {
		return nil, err
	}
	if err := p.findLabels(); err != nil {
		return nil, err
	}
	if err := p.read(ctx); err != nil {
		return nil, err
	}
	for i := range p.Columns {
		if err := p.Columns[i].judge(); err != nil {
			return nil, err
		}
	}
	if len(p.labels) == 0 {
		return nil, p.noLabel()
	}
	if err := p.judgeLabels(); err != nil {
		return nil, err
	}
	if err := p.openFiles(ctx); err != nil {
		return nil, err
	}
	p.leaks()
	p.oneSplit()
	if err := p.untrained(ctx); err != nil {
		return nil, err
	}
	return p, p.group()
}

// selector names a column in a configuration: by its name if that is unique and printable, otherwise by its position.
func (p *Proposal) selector(column int) string {
	columns := p.source.table.Columns()
	if p.named == nil {
		p.named = make(map[string]int, len(columns))
		for _, name := range columns {
			p.named[name]++
		}
	}
	name, position := columns[column], fmt.Sprintf("#%d", column+1)
	if _, bad := escape.Unprintable(name); name != "" && !bad && p.named[name] == 1 {
		return name
	}
	if p.named[position] == 0 {
		return position
	}
	return fmt.Sprintf("#%d", column-len(columns)) // another column is called #1
}

// choose resolves a selector of a person.
func (p *Proposal) choose(selector string) ([]int, error) {
	at, err := tabular.Select(p.source.table.Columns(), nil, selector)
	if err != nil {
		return nil, &RequestError{err.Error()}
	}
	return at, nil
}

// ask notes what a person says that columns are.
func (p *Proposal) ask() error {
	selectors := make([]string, 0, len(p.request.Kinds))
	for selector := range p.request.Kinds {
		selectors = append(selectors, selector)
	}
	slices.Sort(selectors)
	for _, selector := range selectors {
		kind, err := feature.ParseKind(p.request.Kinds[selector])
		if err != nil {
			return requestError("%s: %v", escape.Terminal(selector), err)
		}
		at, err := p.choose(selector)
		if err != nil {
			return err
		}
		for _, i := range at {
			if c := &p.Columns[i]; c.Asked && c.Kind != kind {
				return requestError("column %s is said to be a %s and a %s", c.Title, c.Kind, kind)
			}
			p.Columns[i].Kind, p.Columns[i].Asked = kind, true
		}
	}
	return nil
}

// findLabels finds the columns of the labels.
func (p *Proposal) findLabels() error {
	columns := p.source.table.Columns()
	var selectors []string
	for _, label := range p.request.Labels {
		if strings.Contains(label, ",") && !slices.Contains(columns, label) {
			selectors = append(selectors, strings.Split(label, ",")...)
		} else {
			selectors = append(selectors, label)
		}
	}
	for i := range p.Columns {
		if p.Columns[i].Asked && p.Columns[i].Kind == feature.Label {
			selectors = append(selectors, fmt.Sprintf("#%d", i+1))
		}
	}
	if len(selectors) == 0 && p.source.label != "" {
		selectors = []string{p.source.label}
	}
	for _, selector := range selectors {
		at, err := p.choose(strings.TrimSpace(selector))
		if err != nil {
			return err
		}
		for _, i := range at {
			if !slices.Contains(p.labels, i) {
				p.labels = append(p.labels, i)
			}
		}
	}
	if bad, found := escape.Unprintable(p.request.Separator); found {
		return requestError("the separator has the character %s, which cannot be printed", bad)
	}
	if p.request.Separator != "" && len(p.labels) > 1 {
		return requestError("a separator is for one column of labels, not for %d", len(p.labels))
	}
	return nil
}

// read reads the rows.
func (p *Proposal) read(ctx context.Context) error {
	bytes := 0
	add := p.countLabels()
	return p.source.each(ctx, func(row int, cells []string) error {
		if row >= mostRows || bytes >= mostBytes {
			p.Partial = true
			return tabular.Stop
		}
		p.Rows++
		for i := range p.Columns {
			c, cell := &p.Columns[i], cells[i]
			bytes += len(cell)
			c.profile.Add(cell)
			c.paths.add(cell)
			for k, label := range p.labels {
				c.leak.add(k, cell, cells[label])
			}
		}
		return add(cells)
	})
}

// judge says what a column is taken for, unless a person did.
func (c *Column) judge() error {
	found := c.profile.Judge(c.Name)
	if examples := c.profile.Examples(); len(examples) > 0 {
		c.Example = short(examples[0], 24)
	}
	if !c.Asked {
		c.Finding = found
		return nil
	}
	if c.Kind == found.Kind {
		c.Finding = found
		return nil
	}
	c.Reason = fmt.Sprintf("as you say; it looks like %s (%s)", article(found.Kind), found.Reason)
	if c.Kind == feature.Text && c.profile.Missing() == c.profile.Rows() {
		return requestError("column %s is not a text: every cell is missing", c.Title)
	}
	if c.Kind.Encodes() && c.Kind != feature.List {
		if _, err := feature.Fit(c.Kind, c.profile); err != nil {
			return requestError("column %s is not %s: %v", c.Title, article(c.Kind), err)
		}
	}
	return nil
}

func article(k feature.Kind) string {
	if strings.ContainsRune("aiu", rune(k[0])) {
		return "an " + string(k)
	}
	return "a " + string(k)
}

// oneSplit leaves one column that says which rows belong to which split, and one that says which belong together.
func (p *Proposal) oneSplit() {
	for _, kind := range []feature.Kind{feature.Split, feature.Group} {
		first := -1
		for i := range p.Columns {
			c := &p.Columns[i]
			if c.Kind != kind {
				continue
			}
			if other := p.splitColumn(kind); first < 0 && (other == i || other < 0) {
				first = i
				continue
			}
			c.Kind, c.Hint = feature.Unused, fmt.Sprintf("another column is the %s: this could be used in its place", kind)
		}
	}
}

// splitColumn is the column of a kind: one that a person asked for if there is one, otherwise the first; -1 for none.
func (p *Proposal) splitColumn(kind feature.Kind) int {
	first := -1
	for i := range p.Columns {
		if c := &p.Columns[i]; c.Kind == kind && (first < 0 || c.Asked && !p.Columns[first].Asked) {
			first = i
		}
	}
	return first
}

// nameOf is the name of data in reports: their file's, without extensions.
func nameOf(data string) string {
	name := path.Base(strings.ReplaceAll(strings.TrimRight(data, `/\`), `\`, "/"))
	for _, extension := range []string{".gz", ".zip", ".tar", ".tgz", ".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".txt"} {
		if len(name) > len(extension) && strings.EqualFold(name[len(name)-len(extension):], extension) {
			name = name[:len(name)-len(extension)]
		}
	}
	if _, bad := escape.Unprintable(name); bad || name == "." || name == ".." || name == "/" || name == "" {
		return "data"
	}
	return name
}

// short cuts a text that is shown.
func short(text string, most int) string {
	text = escape.Terminal(text)
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
