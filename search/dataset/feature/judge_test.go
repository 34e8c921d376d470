package feature

import (
	"fmt"
	"strings"
	"testing"
)

// columns are the cells of a column, repeated to as many rows as are asked for.
func repeated(rows int, cells ...string) []string {
	var list []string
	for i := range rows {
		list = append(list, cells[i%len(cells)])
	}
	return list
}

func generated(rows int, cell func(i int) string) []string {
	var list []string
	for i := range rows {
		list = append(list, cell(i))
	}
	return list
}

func profileOf(cells ...string) *Profile {
	p := &Profile{}
	for _, c := range cells {
		p.Add(c)
	}
	return p
}

// scatter spreads numbers without order or repeats: a multiple modulo a prime.
func scatter(i int) int { return (i*7919 + 13) % 104729 }

// TestJudge says of many columns what a person would take them for, and a piece of the reason or hint.
func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name  string
		cells []string
		want  Kind
		says  string
	}{
		{"age", repeated(60, "31", "57", "44", "", "18"), Number, "whole numbers from 18 to 57; 12 of 60 are missing"},
		{"temperature", generated(300, func(i int) string { return fmt.Sprintf("%.4f", float64(scatter(i))/1000) }), Number, "numbers from"},
		{"price", []string{"$1,234.50", "$12.00", "$7", "$10,000"}, Number, "in $"},
		{"preis", []string{"1.234,50 €", "12,00 €", "7 €", "3,5 €"}, Number, "decimal commas, in €"},
		{"deutsch", []string{"1,5", "2,25", "13,75", "0,5"}, Number, "decimal commas"},
		{"groups", []string{"1,234", "5,678", "12,345"}, Number, "if the commas are decimal, write points"},
		{"swiss", []string{"1'234.5", "12'000", "7"}, Number, "apostrophes"},
		{"mixed", []string{"1,5", "2.5", "7,25", "8.75"}, Unused, "some with decimal commas"},
		{"rate", []string{"12%", "3.5 %", "100%"}, Number, "in %"},
		{"amounts", []string{"$1", "€2", "$3", "€4"}, Number, "units are not converted"},
		{"with NA", repeated(40, "1.5", "NA", "2.5", "n/a", "?", "-", "NaN", "null"), Number, "30 of 40 are missing"},
		{"stray", append(repeated(97, "1", "2", "3"), "unknown", ">89", ">89"), Number, `3 cells are not numbers, taken as missing: ">89", "unknown"`},
		{"infinite", append(repeated(50, "1", "2.5"), "inf", "-Infinity", "1e99"), Number, "3 cells are infinite or too large"},
		{"zip", repeated(90, "01234", "90210", "10115"), Category, "codes"},
		{"plz", repeated(90, "01234", "90210", "10115"), Category, "leading zeros"},
		{"zip code", generated(90, func(i int) string { return fmt.Sprintf("%05d", scatter(i)) }), Identifier, "codes"},
		{"year", repeated(80, "1999", "2004", "2011", "1987"), Number, "from 1987 to 2011"},
		{"flag", repeated(30, "0", "1", "1"), Number, "0 or 1"},
		{"phone", generated(50, func(i int) string { return fmt.Sprintf("+49 30 %07d", scatter(i)*31) }), Identifier, "codes"},
		{"phone number", generated(50, func(i int) string { return fmt.Sprintf("555%07d", scatter(i)*31) }), Identifier, "codes"},
		{"code", generated(40, func(i int) string { return fmt.Sprintf("A%d", scatter(i)) }), Identifier, "all different"},
		{"row", generated(40, func(i int) string { return fmt.Sprint(i) }), Identifier, "consecutive whole numbers from 0 to 39"},
		{"shuffled", generated(101, func(i int) string { return fmt.Sprint(500 + i*37%101) }), Identifier, "consecutive"},
		{"RecordID", generated(100, func(i int) string { return fmt.Sprint(132539 + 7*i*i) }), Identifier, "name of the column"},
		{"counter", generated(100, func(i int) string { return fmt.Sprint(100 + 3*i) }), Identifier, "rise"},
		{"mileage", generated(100, func(i int) string { return fmt.Sprint(scatter(i)) }), Number, "whole numbers"},
		{"id", generated(100, func(i int) string { return fmt.Sprintf("%d.5", i) }), Number, ""}, // decimals are never an identifier
		{"id", generated(100, func(i int) string { return fmt.Sprintf("2024-01-01 10:%02d:%02d", i/60, i%60) }), Date, "dates and times"},
		{"large", generated(3000, func(i int) string { return fmt.Sprintf("%.6f", float64(i)*1.37) }), Number, ""},
		{"big", generated(3000, func(i int) string { return fmt.Sprintf("user%07d@example", scatter(i)) }), Identifier, ""},
		{"seconds", generated(30, func(i int) string { return fmt.Sprint(1700000000 + scatter(i)) }), Number, "take the column as a date"},
		{"when", []string{"2024-01-31", "2023-12-01", "2024-02-29"}, Date, "year-month-day"},
		{"when", []string{"31/01/2024", "01/02/2024", "03/04/2024"}, Date, "day/month/year"},
		{"when", []string{"01/31/2024", "01/02/2024", "03/04/2024"}, Date, "month/day/year"},
		{"when", []string{"01/02/2024", "03/04/2024", "03/05/2024"}, Date, "cannot be told apart"},
		{"when", []string{"13/02/2024", "02/13/2024", "03/05/2024"}, Unused, "several ways"},
		{"when", []string{"31.01.24 12:30", "01.02.24 7:05", "03.04.24 23:59"}, Date, "dates and times, day/month/year"},
		{"when", []string{"2024-01-31T12:00:00Z", "2024-01-31T12:00:00.123+02:00", "2024-01-31 12:00"}, Date, "dates and times"},
		{"when", []string{"Jan 5, 2024", "31 December 2023", "Wed, 1-Feb-23"}, Date, "month's name"},
		{"when", []string{"20240131", "20231201", "20240229"}, Date, "yyyymmdd"},
		{"opens", []string{"9:00", "10:30 am", "12:15:30"}, Date, "times of day"},
		{"when", append(generated(60, func(i int) string { return fmt.Sprintf("2024-01-%02d", i%28+1) }), "unknown"), Date, "1 cell is not dates"},
		{"photo", repeated(9, "a/1.png", "b/2.JPG", "c.webp"), Picture, "paths of pictures"},
		{"photo", repeated(9, "a/1.png", "", "c.png"), Picture, "3 of 9 are missing"},
		{"scan", repeated(9, "a/1.npy", "b/2.npy"), Array, "arrays"},
		{"sound", repeated(9, "a/1.wav", "b/2.wav"), Unused, "not pictures"},
		{"photo", repeated(9, "https://example.org/a.png", "https://example.org/b.png"), Unused, "download"},
		{"curve", []string{"[1, 2.5, 3]", "[4, NaN, 6]", "[7,8,9]"}, List, "lists of 3 numbers"},
		{"curve", []string{"1 2 3", "4 5", "6"}, List, "lists of 1 to 3 numbers"},
		{"curve", []string{"1;2;3", "4;5;6"}, List, "lists of 3 numbers"},
		{"curve", []string{"120 200 255", "100 200 300"}, List, "lists of 3 numbers"},
		{"tags", repeated(40, `["a","b"]`, `["b","c","a"]`, `["c"]`), Set, "lists of any of 3 values"},
		{"tags", repeated(40, "a|b", "b|c|a", "c", "a"), Set, "any of 3 values, separated by |"},
		{"genres", repeated(60, "Science Fiction, Drama", "Drama, Comedy", "Comedy"), Set, "any of 3 values, separated by ,"},
		{"caption", generated(60, func(i int) string { return fmt.Sprintf("a pet that likes to sleep, number %d", i%15) }), Text, "words on average"},
		{"name", generated(200, func(i int) string {
			return fmt.Sprintf("%s, Mr. %s", strings.Fields("Braund Allen Moran")[i%3], strings.Fields("Owen John Jim Joe Bob Tom Tim Ron Ray Roy Don")[i%11])
		}), Text, "words"},
		{"codes", repeated(60, "1|2", "2|3|1", "3"), Set, "any of 3 values"},
		{"colour", repeated(60, "red", "green", "blue"), Category, "3 values"},
		{"country", repeated(60, "United States of America", "United Kingdom", "New Zealand"), Category, "3 values"},
		{"rare", append(repeated(100, "red", "green"), generated(40, func(i int) string { return fmt.Sprintf("c%d", i) })...), Category, "rare ones are taken together"},
		{"answer", repeated(30, "yes", "no"), Category, "yes or no"},
		{"score", repeated(60, "3", "-1", "17", "5"), Number, "-1 is the only negative number"},
		{"answer", repeated(30, "True", "False", ""), Category, "yes or no"},
		{"marked", repeated(30, "x", "", ""), Category, "1 value"},
		{"same", repeated(30, "x"), Constant, "the same"},
		{"same", repeated(30, "1.0"), Constant, "the same"},
		{"empty", repeated(30, "", "NA"), Constant, "every cell is missing"},
		{"subset", repeated(30, "train", "train", "VAL", "test"), Split, "splits"},
		{"subject", repeated(60, "s01", "s02", "s03", "s04"), Group, "rows of one subject"},
		{"patient_id", repeated(60, "17", "23", "29"), Group, "rows of one patient"},
		{"patient_id", repeated(60, "p1", "p2"), Category, "2 values"}, // too few for three splits
		{"patient_id", generated(60, func(i int) string { return fmt.Sprintf("p%d", i) }), Identifier, ""},
		{"subject", generated(60, func(i int) string { return strings.Repeat("hello big world ", i%7+1) + fmt.Sprint(i) }), Text, "words"},
		{"review", generated(60, func(i int) string { return fmt.Sprintf("what a film, number %d of the year", i) }), Text, "words on average"},
		{"review", generated(50, func(i int) string { return strings.Repeat("very long ", 40) + fmt.Sprint(i%9) }), Text, "words on average"},
		{"name", generated(60, func(i int) string { return "account-box-" + string(rune('a'+i%26)) + strings.Repeat("x", i/26+1) }), Text, ""},
		{"title", generated(60, func(i int) string { return strings.Repeat("世界和平", i%3+1) + string(rune(0x4e00+i)) }), Text, ""},
		{"base_icon_id", generated(1500, func(i int) string { return fmt.Sprintf("%08X-%04x", scatter(i%500)*4099, scatter(i%500)) }), Identifier, "take the column as a group"},
		{"first name", repeated(200, strings.Fields("Ann Bob Cid Dan Eve Fay Gil Hal Ivy Jon Kim Leo Max Ned")...), Category, "; rare ones are taken together"},
		{"word", generated(60, func(i int) string { return "w" + strings.Repeat("ab", i+1) }), Identifier, "all different"},
	} {
		got := profileOf(test.cells...).Judge(test.name)
		if all := got.Reason + "; " + got.Hint; got.Kind != test.want || !strings.Contains(all, test.says) {
			t.Errorf("%s (%.60q): %s, %s; want %s, %q", test.name, test.cells[:min(3, len(test.cells))], got.Kind, all, test.want, test.says)
		}
	}
}
