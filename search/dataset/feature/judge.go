package feature

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"mixmas/search/escape"
)

// Finding is what a column is taken for.
type Finding struct {
	Kind   Kind
	Reason string // for people, such as "numbers from 18 to 93; 12 of 400 are missing"
	Hint   string // what a person may want to do about it; usually empty
}

// Shares of a column's cells, of those that are not missing.
const (
	nearlyAll  = 0.97 // distinct values count as all: their number may be an estimate
	mostlyRead = 0.90 // numbers, dates and paths among other words
)

// mostMemberWords are the numbers of words of a member of sets, on average, by separator: sentences have commas too.
var mostMemberWords = [len(separators)]float64{5, 3, 2.5}

// Few distinct values: those of a category.
const (
	fewValues  = 10  // always few if they repeat
	mostFew    = 256 // never more
	rowsPerFew = 20  // otherwise one per so many rows
)

// Judge says what the column of the given name is taken for.
func (p *Profile) Judge(name string) Finding {
	distinct, exact := p.Distinct()
	j := judge{totals: p.totals(), profile: p, name: nameWords(name), rows: p.rows, missing: p.missing, distinct: distinct, exact: exact}
	f := j.judge()
	if p.missing > 0 && p.missing < p.rows {
		f.Reason += fmt.Sprintf("; %s of %s are missing", thousands(p.missing), thousands(p.rows))
	}
	return f
}

// judge has what decides about a column.
type judge struct {
	*totals
	profile       *Profile
	name          []string
	rows, missing int
	distinct      int
	exact         bool
}

func (j *judge) judge() Finding {
	switch {
	case j.rows == 0:
		return Finding{Constant, "there are no rows", ""}
	case j.cells == 0:
		return Finding{Constant, "every cell is missing", ""}
	case j.distinct == 1 && j.missing == 0:
		return Finding{Constant, "the same in every row", ""}
	case j.splits == j.cells && j.distinct > 1:
		return Finding{Split, "names splits: train, validation, test", ""}
	}
	for _, rule := range []func() (Finding, bool){j.path, j.codes, j.group, j.number, j.date, j.list, j.boolean, j.set} {
		if f, ok := rule(); ok {
			return f
		}
	}
	return j.text()
}

func (j *judge) share(n int) float64 { return float64(n) / float64(j.cells) }

// allDistinct reports whether no value repeats; an estimate may be off by a little.
func (j *judge) allDistinct() bool {
	if j.exact {
		return j.distinct == j.cells && j.cells > 1
	}
	return j.share(j.distinct) >= nearlyAll
}

// few reports whether there are few values, which repeat.
func (j *judge) few() bool {
	return j.exact && 2*j.distinct <= j.cells && j.distinct <= min(mostFew, max(fewValues, j.cells/rowsPerFew))
}

func (j *judge) valuesText() string {
	about := ""
	if !j.exact {
		about = "about "
	}
	return about + count(j.distinct, "value")
}

// namedValues is valuesText with the most frequent values.
func (j *judge) namedValues() string {
	return j.valuesText() + ": " + quotedList(frequent(j.profile.counts()), 4)
}

// path recognises the paths of files.
func (j *judge) path() (Finding, bool) {
	all := j.cells
	switch {
	case j.share(j.files[pictureFile]) >= mostlyRead:
		f := Finding{Picture, "paths of pictures", ""}
		if n := all - j.files[pictureFile]; n > 0 {
			f.Hint = fmt.Sprintf("%s not", cellsAre(n))
		}
		return f, true
	case j.share(j.files[arrayFile]) >= mostlyRead:
		return Finding{Array, "paths of arrays", ""}, true
	case j.share(j.files[webAddress]) >= mostlyRead:
		return Finding{Unused, "web addresses", "what lies there is not fetched: download it, and put paths in the place of the addresses"}, true
	case j.share(j.files[otherFile]) >= mostlyRead:
		return Finding{Unused, "paths of files that are not pictures or npy arrays", ""}, true
	}
	return Finding{}, false
}

// codes recognises numbers that are names: zip codes, phone numbers, numbers of rows.
func (j *judge) codes() (Finding, bool) {
	coded := hasWord(j.name, codeWords)
	switch {
	case coded && j.several > j.cells/2 || coded && j.fractions > 0 && j.numbers == j.cells && !hasWord(j.name, phoneWords):
		return Finding{}, false // "zip code area": words, or "code score": numbers
	case coded && j.few():
		return Finding{Category, "codes, by the name of the column: " + j.namedValues(), ""}, true
	case coded && !j.allDistinct() && j.share(j.distinct) < 0.5:
		return Finding{Category, "codes, by the name of the column: " + j.valuesText() + "; rare ones are taken together", ""}, true
	case coded:
		return Finding{Identifier, fmt.Sprintf("codes, by the name of the column: %s in %s", j.valuesText(), count(j.cells, "row")), ""}, true
	case j.numbers < j.cells || j.fractions > 0 || j.units[0] < j.cells:
		return Finding{}, false
	case j.zeros > 0 && j.few():
		return Finding{Category, "codes: numbers with leading zeros, " + j.namedValues(), ""}, true
	case j.zeros > 0 && j.allDistinct():
		return Finding{Identifier, "codes: numbers with leading zeros, all different", ""}, true
	case j.zeros > 0:
		return Finding{Category, fmt.Sprintf("codes: numbers with leading zeros, %s; rare ones are taken together", j.valuesText()), ""}, true
	case !j.allDistinct() || j.dates[slices.Index(layouts[:], compact)] == j.cells:
		return Finding{}, false
	}
	span := j.points.most - j.points.least + 1
	cells := float64(j.cells)
	switch {
	case span <= cells/nearlyAll && (j.cells >= 10 || j.cells >= 3 && j.points.least >= 0 && j.points.least <= 1):
		return Finding{Identifier, fmt.Sprintf("consecutive whole numbers from %s to %s", j.show(j.points.least), j.show(j.points.most)), ""}, true
	case j.profile.rising && j.cells >= 10 && span <= 4*cells:
		return Finding{Identifier, "whole numbers that rise from row to row", ""}, true
	case hasLastWord(j.name, identifierWords):
		return Finding{Identifier, "whole numbers, all different, and the name of the column", ""}, true
	case j.codesOnly():
		return Finding{Identifier, "whole numbers of more than 15 digits, all different", ""}, true
	}
	return Finding{}, false
}

func (j *judge) codesOnly() bool { return j.totals.codes == j.cells }

// form is the form that the most numbers fit, the most likely first. all: every number fits it.
func (j *judge) form() (f form, all bool) {
	best := 0
	for i := range forms {
		if j.fits[i] > j.fits[best] {
			best = i
		}
	}
	return forms[best], j.fits[best] == j.numbers
}

func (j *judge) show(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }

// strayWords lists the cells that are not numbers, if they are few.
func (j *judge) strayWords() (words []string, ok bool) {
	if j.strays.over || len(j.strays.counts) > mostStrays {
		return nil, false
	}
	return frequent(j.strays.counts), true
}

func (j *judge) number() (Finding, bool) {
	if j.dates[slices.Index(layouts[:], compact)] == j.cells {
		return Finding{}, false
	}
	strays, countable := j.strayWords()
	if j.numbers < j.cells && (j.share(j.numbers) < mostlyRead || !countable || j.numbers+j.others < j.cells) {
		return Finding{}, false
	}
	form, all := j.form()
	if !all {
		return Finding{Unused, "numbers, some with decimal points and some with decimal commas", "write all of them in one way"}, true
	}
	b := j.points
	if form == comma {
		b = j.commas
	}
	f := Finding{Kind: Number}
	if f.Reason = "numbers"; j.fractions == 0 {
		f.Reason = "whole numbers"
	}
	if j.fractions == 0 && b.any && b.least == 0 && b.most == 1 {
		f.Reason = "0 or 1"
	} else if b.any {
		f.Reason += fmt.Sprintf(" from %s to %s", j.show(b.least), j.show(b.most))
	}
	var hints []string
	if form != point {
		f.Reason += ", with " + formNames[form]
		if form == commaGroups && j.fits[slices.Index(forms[:], comma)] == j.numbers {
			hints = append(hints, "1,234 is taken as 1234; if the commas are decimal, write points")
		}
	}
	var found []string
	for i, n := range j.units {
		if n > 0 && i > 0 {
			found = append(found, units[i])
		}
	}
	if len(found) > 0 {
		f.Reason += ", in " + strings.Join(found, " and ")
	}
	if len(found) > 1 {
		hints = append(hints, "units are not converted: write all numbers in one unit")
	} else if len(found) == 1 && j.units[0] > 0 {
		hints = append(hints, fmt.Sprintf("%s have no unit, and are taken as they are", count(j.units[0], "cell")))
	}
	if j.infinite > 0 {
		hints = append(hints, fmt.Sprintf("%s infinite or too large, taken as missing", cellsAre(j.infinite)))
	}
	if len(strays) > 0 {
		hints = append(hints, fmt.Sprintf("%s not numbers, taken as missing: %s", cellsAre(j.others), quotedList(strays, 4)))
	}
	if j.fractions == 0 && b.least >= 6e8 && b.most < 4.2e9 && j.distinct > fewValues {
		hints = append(hints, "may be seconds since 1970: take the column as a date if they are")
	}
	if n := j.negative; n.any && n.least == n.most && slices.Contains([]float64{-1, -9, -99, -999, -9999}, n.least) {
		hints = append(hints, fmt.Sprintf("%g is the only negative number: if it stands for a missing one, leave these cells empty", n.least))
	}
	f.Hint = strings.Join(hints, "; ")
	return f, true
}

// layout is the layout of the column's dates, and whether another fits as well.
func (j *judge) layout() (l layout, ambiguous bool) {
	best := 0
	for i := range layouts {
		if j.dates[i] > j.dates[best] {
			best = i
		}
	}
	day, month := slices.Index(layouts[:], dayFirst), slices.Index(layouts[:], monthFirst)
	return layouts[best], layouts[best] == dayFirst && j.dates[day] == j.dates[month]
}

func (j *judge) date() (Finding, bool) {
	strays, countable := j.strayWords()
	if j.dated < j.cells && (j.share(j.dated) < mostlyRead || !countable || j.dated+j.others < j.cells) {
		return Finding{}, false
	}
	l, ambiguous := j.layout()
	at := slices.Index(layouts[:], l)
	if j.dates[at] < j.dated {
		return Finding{Unused, "dates, but written in several ways", "write all of them as 2024-12-31"}, true
	}
	f := Finding{Kind: Date, Reason: "dates, " + layoutNames[l]}
	switch {
	case l == clock:
		f.Reason = "times of day"
	case j.timed > 0:
		f.Reason = "dates and times, " + layoutNames[l]
	}
	var hints []string
	if ambiguous {
		hints = append(hints, "day and month cannot be told apart in any row: write 2024-12-31 if the month is first")
	}
	if len(strays) > 0 {
		hints = append(hints, fmt.Sprintf("%s not dates, taken as missing: %s", cellsAre(j.others), quotedList(strays, 4)))
	}
	f.Hint = strings.Join(hints, "; ")
	return f, true
}

func (j *judge) list() (Finding, bool) {
	if j.lists+j.lone < j.cells || j.lone > j.lists {
		return Finding{}, false
	}
	if j.lone > 0 {
		j.lengths.add(1)
	}
	if j.lengths.least == j.lengths.most {
		return Finding{List, "lists of " + count(int(j.lengths.least), "number"), ""}, true
	}
	return Finding{List, fmt.Sprintf("lists of %g to %g numbers", j.lengths.least, j.lengths.most), ""}, true
}

var booleans = []string{"yes", "no", "y", "n", "true", "false", "t", "f", "on", "off"}

func (j *judge) boolean() (Finding, bool) {
	words, ok := j.strayWords()
	if !ok || j.numbers > 0 || len(words) == 0 || !j.few() {
		return Finding{}, false
	}
	for _, w := range words {
		if !slices.Contains(booleans, strings.ToLower(w)) {
			return Finding{}, false
		}
	}
	return Finding{Category, "yes or no: " + quotedList(words, 4), ""}, true
}

// group recognises what rows of one person or one thing share, by the name of the column, such as "patient" or "Patient ID".
// Every split needs a group.
func (j *judge) group() (Finding, bool) {
	const leastGroups = 3
	name := j.name
	for hasLastWord(name, identifierWords) {
		name = name[:len(name)-1]
	}
	if !hasLastWord(name, groupWords) || j.distinct < leastGroups || j.share(j.distinct) > 0.8 || j.fractions > 0 || j.dated > 0 || j.share(j.several) > 0.5 {
		return Finding{}, false
	}
	return Finding{Group, fmt.Sprintf("rows of one %s belong together, by the name of the column: %s", name[len(name)-1], j.valuesText()),
		"its rows stay in one split"}, true
}

// separator is the separator of sets, -1 if the cells are not sets: some cells have several members, and the members repeat.
func (j *judge) separator() int {
	for i := range separators {
		members := j.members[i]
		if members.over || j.share(j.separated[i]) < 0.05 || len(members.counts) > mostFew {
			continue
		}
		if separators[i] == "," && j.separated[i] == j.cells {
			continue // such as "Braund, Mr. Owen": every cell has its comma
		}
		total := 0
		for _, n := range members.counts {
			total += n
		}
		if total >= 4*len(members.counts) && j.words <= mostMemberWords[i]*float64(total) {
			return i
		}
	}
	return -1
}

func (j *judge) set() (Finding, bool) {
	i := j.separator()
	if i < 0 || j.others+j.numbers < j.cells {
		return Finding{}, false
	}
	f := Finding{Set, fmt.Sprintf("any of %s, separated by %s", count(len(j.members[i].counts), "value"), separators[i]), ""}
	if j.quoted > 0 {
		f.Reason = fmt.Sprintf("lists of any of %s", count(len(j.members[i].counts), "value"))
	}
	return f, true
}

// text decides between categories, texts and identifiers.
func (j *judge) text() Finding {
	mean := j.words / float64(j.cells)
	worded := mean >= 1.5 && j.words >= 0.6*float64(j.tokens)
	switch {
	case j.few():
		return Finding{Category, j.namedValues() + j.mixed(), ""}
	case worded:
		return Finding{Text, fmt.Sprintf("texts of %.1f words on average", mean), ""}
	case j.allDistinct() || j.share(j.distinct) >= mostlyRead && !j.exact:
		f := Finding{Identifier, "words, all different" + j.mixed(), ""}
		if j.words > float64(j.tokens)/2 {
			f.Hint = "take the column as a text if the words say something"
		}
		return f
	case j.distinct > mostFew && j.distinct > j.cells/10 && j.words < float64(j.tokens)/2:
		return Finding{Identifier, fmt.Sprintf("codes: %s in %s", j.valuesText(), count(j.cells, "row")),
			"take the column as a group if the rows of one value belong together"}
	}
	f := Finding{Category, j.namedValues() + j.mixed(), ""}
	if j.distinct > fewValues {
		f.Reason += "; rare ones are taken together"
	}
	return f
}

// mixed says that many cells are numbers.
func (j *judge) mixed() string {
	if j.numbers == 0 || j.numbers == j.cells {
		return ""
	}
	return fmt.Sprintf("; %s of %s are numbers", thousands(j.numbers), thousands(j.cells))
}

// Words in the names of columns.
var (
	codeWords       = []string{"zip", "zipcode", "postcode", "postal", "phone", "telephone", "tel", "fax", "mobile", "isbn", "ean", "ssn", "iban", "uuid", "guid", "barcode"}
	phoneWords      = []string{"phone", "telephone", "tel", "fax", "mobile"}
	identifierWords = []string{"id", "ids", "identifier", "index", "idx", "row", "key", "number", "nr", "no", "code"}
	groupWords      = []string{"subject", "patient", "participant", "person", "user", "speaker", "volunteer", "customer", "household", "family"}
)

// nameWords splits a column's name into lower-case words: "PatientID", "patient_id" and "patient id" are patient and id.
func nameWords(name string) (words []string) {
	const longest = 256
	if len(name) > longest {
		name = name[:longest]
	}
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
		}
		word = word[:0]
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			end()
			continue
		}
		if unicode.IsUpper(r) && len(word) > 0 && unicode.IsLower(word[len(word)-1]) {
			end()
		}
		word = append(word, r)
	}
	end()
	return words
}

func hasWord(name, words []string) bool {
	return slices.ContainsFunc(name, func(w string) bool { return slices.Contains(words, w) })
}

func hasLastWord(name, words []string) bool {
	return len(name) > 0 && slices.Contains(words, name[len(name)-1])
}

// thousands writes a count with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// count writes a count with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return thousands(n) + " " + noun
}

func cellsAre(n int) string {
	if n == 1 {
		return "1 cell is"
	}
	return thousands(n) + " cells are"
}

// quoted shows a cell: on one line, and not too long.
func quoted(cell string) string {
	const longest = 40
	if runes := []rune(escape.Terminal(cell[:min(len(cell), 4*longest)])); len(runes) > longest {
		return `"` + string(runes[:longest]) + `…"`
	} else {
		return `"` + string(runes) + `"`
	}
}

func quotedList(cells []string, most int) string {
	var list []string
	for _, c := range cells[:min(len(cells), most)] {
		list = append(list, quoted(c))
	}
	if len(cells) > most {
		list = append(list, "…")
	}
	return strings.Join(list, ", ")
}
