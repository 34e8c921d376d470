package feature

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"mixmas/search/escape"
)

// Encoder turns the cells of a column into features. [Fit] makes one from training rows; its JSON is for model files.
//
//   - A number is one feature, NaN if it is missing or infinite.
//   - A category is one 0/1 feature per value of the training rows. If there are many values, rare ones share the feature "other",
//     and so do unseen ones. Without it, an unseen value has only zeros, as no value of the training rows has.
//   - A date is the features year, month, weekday (Monday is 1), hour and seconds since the first training row, as far as the
//     cells have them and the years differ: NaN if the cell is missing. The hour is that of the clock, the seconds follow offsets from UTC.
//   - A set is one 0/1 feature per member; rare and unseen members share the feature "other" as those of a category.
//   - A list is its numbers, NaN where they are missing; the lists of all training rows have the same length.
//
// If a training cell was missing, a last feature says whether a cell is. An encoder is safe for concurrent use.
type Encoder struct {
	Kind Kind `json:"kind"`
	// Missing: the last feature says whether a cell is missing.
	Missing bool `json:"missing,omitempty"`
	// Words are cells that mean a missing number, besides those of [IsMissing]: the few words between the training rows' numbers.
	Words []string `json:"words,omitempty"`
	// Form says how numbers are written.
	Form string `json:"form,omitempty"`
	// Units may stand before or after a number.
	Units []string `json:"units,omitempty"`
	// Values are the categories or the members with features of their own, sorted.
	Values []string `json:"values,omitempty"`
	// Other: rare values share a feature, which follows those of Values.
	Other bool `json:"other,omitempty"`
	// Separator is between the members of a set.
	Separator string `json:"separator,omitempty"`
	// Length is the number of entries of lists.
	Length int `json:"length,omitempty"`
	// Layout says how dates are written.
	Layout string `json:"layout,omitempty"`
	// Timed: the dates have times.
	Timed bool `json:"timed,omitempty"`
	// OneYear: all dates of the training rows are of one year, which is no feature then.
	OneYear bool `json:"one_year,omitempty"`
	// First is the first date of the training rows, in seconds since 1970.
	First float64 `json:"first,omitempty"`
}

// Limits of the categories and members with features of their own.
const (
	mostFeatures = 128 // the most frequent ones
	allOwn       = 16  // up to so many, even those of a single row have one
)

// Fit returns the encoder for cells of a kind from the profile of the training rows. The error says why the cells cannot be of
// that kind.
func Fit(kind Kind, p *Profile) (*Encoder, error) {
	if !kind.Encodes() {
		return nil, fmt.Errorf("a column of kind %s has no features", kind)
	}
	if p.rows == 0 {
		return nil, errors.New("there are no rows")
	}
	distinct, exact := p.Distinct()
	j := &judge{totals: p.totals(), profile: p, rows: p.rows, missing: p.missing, distinct: distinct, exact: exact}
	e := &Encoder{Kind: kind, Missing: p.missing > 0}
	if j.cells == 0 && kind != Category {
		return nil, errors.New("every cell of the training rows is missing")
	}
	var err error
	switch kind {
	case Number:
		err = e.fitNumber(j)
	case Category:
		counts := p.counts()
		e.Values, e.Other = own(counts, j.cells)
	case Date:
		err = e.fitDate(j)
	case Set:
		err = e.fitSet(j)
	case List:
		err = e.fitList(j)
	}
	if err == nil && e.Width() == 0 {
		err = errors.New("every cell of the training rows is missing")
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// own returns the values with features of their own, sorted, and whether others are left over. rows is the number of rows that
// have a value.
func own(counts map[string]int, rows int) (values []string, other bool) {
	for _, n := range counts {
		rows -= n
	}
	other = rows > 0 // of values that were not kept
	values = frequent(counts)
	if len(values) > mostFeatures {
		values, other = values[:mostFeatures], true
	}
	if len(counts) > allOwn {
		n := len(values)
		for n > 0 && counts[values[n-1]] < 2 {
			n--
		}
		values, other = values[:n], other || n < len(values)
	}
	slices.Sort(values)
	return values, other
}

func (e *Encoder) fitNumber(j *judge) error {
	form, all := j.form()
	words, countable := j.strayWords()
	switch {
	case j.numbers == 0:
		return fmt.Errorf("no cell is a number, such as %s", quotedList(words, 2))
	case !all:
		return errors.New("some numbers have decimal points and some have decimal commas: write all of them in one way")
	case j.numbers < j.cells && (!countable || j.numbers+j.others < j.cells):
		return fmt.Errorf("%s not numbers", cellsAre(j.cells-j.numbers))
	}
	e.Form, e.Words = formNames[form], words
	slices.Sort(e.Words)
	for i, n := range j.units {
		if n > 0 && i > 0 {
			e.Units = append(e.Units, units[i])
		}
	}
	e.Missing = e.Missing || j.infinite > 0 || len(words) > 0
	return nil
}

// fitDate takes the recognised layout that all cells have, otherwise years and seconds since 1970.
func (e *Encoder) fitDate(j *judge) error {
	words, countable := j.strayWords()
	l, _ := j.layout()
	switch at := slices.Index(layouts[:], l); {
	case j.dated == 0 && j.numbers == j.cells && j.fractions == 0 && j.units[0] == j.cells && j.infinite == 0:
		return e.fitEpoch(j)
	case j.dated == 0:
		return fmt.Errorf("no cell is a date, such as %s", quotedList(j.profile.examples, 2))
	case j.dates[at] < j.dated:
		return errors.New("the dates are written in several ways: write all of them as 2024-12-31")
	case j.dated < j.cells && (!countable || j.dated+j.others < j.cells):
		return fmt.Errorf("%s not dates", cellsAre(j.cells-j.dated))
	default:
		e.Layout, e.First = layoutNames[l], j.first[at].least
		e.OneYear = l != clock && yearOf(j.first[at].least) == yearOf(j.first[at].most)
	}
	e.Words, e.Timed = words, j.timed > 0
	slices.Sort(e.Words)
	e.Missing = e.Missing || len(words) > 0
	return nil
}

// fitEpoch takes whole numbers for years if all of them can be years, otherwise for seconds since 1970.
func (e *Encoder) fitEpoch(j *judge) error {
	l := epoch
	if j.points.least >= 1000 && j.points.most <= 9999 && j.digits.most == 4 {
		l = year
	}
	m, fits := parseDate(fmt.Sprintf("%.0f", j.points.least), l)
	last, fitsToo := parseDate(fmt.Sprintf("%.0f", j.points.most), l)
	if fits == noLayout || fitsToo == noLayout {
		return fmt.Errorf("the numbers from %.0f to %.0f are not dates", j.points.least, j.points.most)
	}
	e.Layout, e.Timed, e.First = layoutNames[l], l == epoch, m.seconds
	e.OneYear = l == epoch && yearOf(m.seconds) == yearOf(last.seconds)
	return nil
}

func yearOf(seconds float64) int { return time.Unix(int64(seconds), 0).UTC().Year() }

func (e *Encoder) fitSet(j *judge) error {
	i := j.separator()
	if i < 0 { // a person says that it is a set: the separator that most cells have
		i = 0
		for k := range separators {
			if j.separated[k] > j.separated[i] {
				i = k
			}
		}
	}
	if j.members[i].over {
		return fmt.Errorf("there are more than %s members", thousands(mostValues))
	}
	e.Separator = separators[i]
	e.Values, e.Other = own(j.members[i].counts, 0)
	return nil
}

func (e *Encoder) fitList(j *judge) error {
	if j.lone > 0 {
		j.lengths.add(1)
	}
	switch b := j.lengths; {
	case j.lists+j.lone < j.cells:
		return fmt.Errorf("%s not lists of numbers", cellsAre(j.cells-j.lists-j.lone))
	case b.least != b.most || b.most < 1:
		return fmt.Errorf("the lists have %g to %g numbers: features need one length; lists of different lengths can be a series", b.least, b.most)
	case b.most > mostEntries:
		return fmt.Errorf("the lists have %g numbers, which is more than %d", b.most, mostEntries)
	}
	e.Length = int(j.lengths.most)
	return nil
}

// mostEntries is the largest length of lists that become features.
const mostEntries = 1 << 20

// dateParts are the parts of a date that a layout has.
func (e *Encoder) dateParts() []string {
	switch {
	case e.Layout == layoutNames[clock]:
		return []string{"hour"}
	case e.Layout == layoutNames[year]:
		return []string{"year"}
	}
	parts := []string{"year", "month", "weekday", "hour", "seconds"}
	if !e.Timed {
		parts = slices.Delete(parts, 3, 4)
	}
	if e.OneYear {
		parts = parts[1:]
	}
	return parts
}

// Width is the number of features.
func (e *Encoder) Width() int {
	n := 0
	switch e.Kind {
	case Number:
		n = 1
	case Date:
		n = len(e.dateParts())
	case List:
		n = e.Length
	case Category, Set:
		if n = len(e.Values); e.Other {
			n++
		}
	}
	if e.Missing {
		n++
	}
	return n
}

// Names are the names of the features of a column, such as "age", "age missing", "sex=f" and "when year". Control characters are
// escaped.
func (e *Encoder) Names(column string) []string {
	column = escape.Terminal(column)
	names := make([]string, 0, e.Width())
	switch e.Kind {
	case Number:
		names = append(names, column)
	case Date:
		for _, part := range e.dateParts() {
			names = append(names, column+" "+part)
		}
	case List:
		for i := range e.Length {
			names = append(names, fmt.Sprintf("%s %d", column, i+1))
		}
	case Category, Set:
		for _, v := range e.Values {
			names = append(names, column+"="+escape.Terminal(v))
		}
		if e.Other {
			names = append(names, column+" other")
		}
	}
	if e.Missing {
		names = append(names, column+" missing")
	}
	return names
}

// Raw says of every feature whether it is used as it is and not standardised: the 0/1 features.
func (e *Encoder) Raw() []bool {
	raw := make([]bool, e.Width())
	for i := range raw {
		raw[i] = e.Kind == Category || e.Kind == Set || e.Missing && i == len(raw)-1
	}
	return raw
}

// Encode writes the features of a cell into dst, which has Width elements. The error names a cell that is not of the column's
// kind.
func (e *Encoder) Encode(cell string, dst []float32) error {
	if len(dst) != e.Width() {
		return fmt.Errorf("the column has %d features, but the destination has %d", e.Width(), len(dst))
	}
	cell = trim(cell)
	clear(dst)
	own := dst
	if e.Missing {
		own = dst[:len(dst)-1]
	}
	missing := IsMissing(cell)
	if !missing && len(e.Words) > 0 {
		_, missing = slices.BinarySearch(e.Words, cell)
	}
	var err error
	switch e.Kind {
	case Category:
		if !missing {
			e.mark(cell, own)
		}
	case Set:
		if !missing {
			for member := range Members(cell, e.Separator) {
				e.mark(member, own)
			}
		}
	default:
		if !missing {
			missing, err = e.encodeNumbers(cell, own)
		}
		if missing || err != nil {
			for i := range own {
				own[i] = float32(math.NaN())
			}
		}
	}
	if missing && e.Missing {
		dst[len(dst)-1] = 1
	}
	return err
}

// mark sets the feature of a category or a member.
func (e *Encoder) mark(value string, dst []float32) {
	if i, ok := slices.BinarySearch(e.Values, value); ok {
		dst[i] = 1
	} else if e.Other {
		dst[len(e.Values)] = 1
	}
}

// encodeNumbers writes numbers, dates and lists. It reports whether the cell has none, such as an infinite number.
func (e *Encoder) encodeNumbers(cell string, dst []float32) (missing bool, err error) {
	switch e.Kind {
	case Number:
		n := parseNumber(cell)
		if n.forms == noForm {
			return false, fmt.Errorf("%s is not a number", quoted(cell))
		}
		f := e.form()
		if n.forms&f == 0 {
			return false, fmt.Errorf("%s is not written as the numbers of the training rows, with %s", quoted(cell), e.Form)
		}
		if n.unit != 0 && !slices.Contains(e.Units, units[n.unit]) {
			return false, fmt.Errorf("%s is in %s, unlike the numbers of the training rows", quoted(cell), units[n.unit])
		}
		x := n.value(f)
		dst[0] = float32(x)
		return infinite(x), nil
	case Date:
		m, fits := parseDate(cell, e.layout())
		if fits == noLayout {
			return false, fmt.Errorf("%s is not a date as in the training rows (%s)", quoted(cell), e.Layout)
		}
		for i, part := range e.dateParts() {
			switch part {
			case "year":
				dst[i] = float32(m.year)
			case "month":
				dst[i] = float32(m.month)
			case "weekday":
				dst[i] = float32(m.weekday())
			case "hour":
				dst[i] = float32(m.hour)
			case "seconds":
				dst[i] = float32(m.seconds - e.First)
			}
		}
		return false, nil
	}
	numbers, err := AppendList(dst[:0:len(dst)], cell)
	if err == nil && len(numbers) != len(dst) {
		err = fmt.Errorf("the list has %d numbers, but those of the training rows have %d", len(numbers), len(dst))
	}
	return false, err
}

func (e *Encoder) form() form {
	for f, name := range formNames {
		if name == e.Form {
			return f
		}
	}
	return noForm
}

func (e *Encoder) layout() layout {
	for l, name := range layoutNames {
		if name == e.Layout {
			return l
		}
	}
	return noLayout
}

// Check returns an error for an encoder that Fit cannot have made, such as one from a damaged model file.
func (e *Encoder) Check() error {
	if !e.Kind.Encodes() {
		return fmt.Errorf("a column of kind %s has no features", quoted(string(e.Kind)))
	}
	number, date, list := e.Kind == Number, e.Kind == Date, e.Kind == List
	named := e.Kind == Category || e.Kind == Set
	switch {
	case number != (e.Form != "") || number && e.form() == noForm:
		return fmt.Errorf("unknown form of numbers %s", quoted(e.Form))
	case date != (e.Layout != "") || date && e.layout() == noLayout:
		return fmt.Errorf("unknown layout of dates %s", quoted(e.Layout))
	case math.IsNaN(e.First) || math.IsInf(e.First, 0) || !date && (e.First != 0 || e.Timed || e.OneYear):
		return errors.New("the first date is not a number, or there are no dates")
	case list != (e.Length != 0) || e.Length < 0 || e.Length > mostEntries:
		return fmt.Errorf("lists of %d numbers", e.Length)
	case (e.Kind == Set) != (e.Separator != "") || e.Kind == Set && !slices.Contains(separators[:], e.Separator):
		return fmt.Errorf("unknown separator %s", quoted(e.Separator))
	case !named && (len(e.Values) > 0 || e.Other) || len(e.Values) > mostFeatures:
		return fmt.Errorf("%d values", len(e.Values))
	case !number && len(e.Units) > 0 || len(e.Units) > len(units):
		return fmt.Errorf("%d units", len(e.Units))
	case !number && !date && len(e.Words) > 0 || len(e.Words) > mostStrays:
		return fmt.Errorf("%d words that mean a missing value", len(e.Words))
	case e.Width() == 0:
		return errors.New("there are no features")
	}
	for _, u := range e.Units {
		if u == "" || !slices.Contains(units[:], u) {
			return fmt.Errorf("unknown unit %s", quoted(u))
		}
	}
	for _, list := range [][]string{e.Values, e.Words} {
		for i, v := range list {
			if i > 0 && list[i-1] >= v {
				return fmt.Errorf("the values are not sorted: %s", quoted(v))
			}
			if v == "" || len(v) > longestValue {
				return fmt.Errorf("a value has %d bytes", len(v))
			}
		}
	}
	return nil
}
