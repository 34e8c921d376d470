package records_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mixmas/search/dataset"
)

// subjects is a table of the rows of 20 subjects, some of whose rows are in each split if it is drawn at random.
func subjects(rows int) string {
	var b strings.Builder
	b.WriteString("x,y,subject,fold\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,%c,s%d,%d\n", i, 'a'+rune(i%2), i*7%20, i%5)
	}
	return b.String()
}

// The rows of a subject are of one group, whatever says which rows these are.
func TestGroups(t *testing.T) {
	const rows = 200
	dir := folder(t, map[string]string{"a.csv": subjects(rows), "subjects.csv": strings.ReplaceAll(subjects(rows), "s", "")})
	start := "path: a.csv\nlabels: y\nmodalities: [{name: m, kind: table, columns: x}]\n"
	const many = "split: {column: subject, train: [s0, s1, s2, s3, s4, s5, s6, s7, s8, s9], validation: %s, test: [s18, s19], unused: [s16, s17]}\n"
	for text, want := range map[string]int{ // validation groups, 0 for none
		start:                      0,
		start + "group: subject\n": 16,
		start + "group: subject\nsplit: {column: fold, train: [0, 1, 2], validation: 3, test: 4}\n":            4,
		start + "group: fold\nsplit: {random: [0.5, 0.5, 0]}\n":                                                5,
		start + "split: {group: subject, random: [0.5, 0.25, 0.25]}\n":                                         5,
		start + "split: {column: fold, train: [0, 1, 2], validation: 3, test: 4}\n":                            0,
		start + "split: {column: fold, train: [0, 1], validation: [2, 3], test: 4}\n":                          0, // by its name
		start + "split: {column: fold, train: [0, 1, 2], test: [3, 4]}\n":                                      0, // validation rows are drawn
		start + fmt.Sprintf(many, "[s10, s11, s12, s13, s14, s15]"):                                            6,
		start + "split: {path: subjects.csv, column: ubject, train: 0..9, validation: 10..11, test: 12..19}\n": 2,
	} {
		d, err := open(t, dir, text, dataset.Environment{})
		if err != nil {
			t.Errorf("%s%v", text, err)
			continue
		}
		found := dataset.Groups(d, dataset.Validation, nil)
		distinct := slices.Compact(slices.Sorted(slices.Values(found)))
		if len(distinct) != want || want > 0 && len(found) != d.Len(dataset.Validation) || want == 0 && found != nil {
			t.Errorf("%s%d groups of %d rows, want %d of %d", text, len(distinct), len(found), want, d.Len(dataset.Validation))
		}
		warnings, err := dataset.CheckSplits(t.Context(), d, 0.9, nil)
		if err != nil {
			t.Fatal(err)
		}
		warned := slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, fmt.Sprintf("of only %d groups", want)) })
		if warned != (want > 0 && want < dataset.EnoughGroups) {
			t.Errorf("%swith %d groups the warnings are %q", text, want, warnings)
		}
		if want == 0 {
			continue
		}
		// The number of a row tells its subject or fold.
		of := func(x int) int { return x * 7 % 20 }
		if strings.Contains(text, "group: fold") {
			of = func(x int) int { return x % 5 }
		}
		groupOf := map[int]uint64{}
		for _, split := range dataset.Splits {
			raw := d.Preprocessing()["m"]
			for row, group := range dataset.Groups(d, split, nil) {
				var x [1]float32
				if err := d.Read(split, 0, row, x[:]); err != nil {
					t.Fatal(err)
				}
				name := of(int(x[0]*float32(raw.Deviation[0]) + float32(raw.Mean[0]) + 0.5))
				if known, ok := groupOf[name]; ok && known != group {
					t.Fatalf("%srow %d of %s has group %d, want %d", text, row, split, group, known)
				}
				groupOf[name] = group
				if some := dataset.Groups(d, split, []int{row, row}); !slices.Equal(some, []uint64{group, group}) {
					t.Fatalf("%schosen twice, row %d has the groups %d, want %d", text, row, some, group)
				}
			}
		}
		if n := len(slices.Compact(slices.Sorted(func(yield func(uint64) bool) {
			for _, g := range groupOf {
				if !yield(g) {
					return
				}
			}
		}))); n != len(groupOf) {
			t.Errorf("%s%d groups for %d names", text, n, len(groupOf))
		}
		_ = d.Close()
	}
}

// Groups are no part of the data: a configuration that names them finds its scores again. Only all leaves their column out.
func TestGroupsLeaveTheFingerprint(t *testing.T) {
	dir := folder(t, map[string]string{"a.csv": subjects(60)})
	fingerprint := func(columns, more string) string {
		d, err := open(t, dir, "path: a.csv\nlabels: y\nmodalities: [{name: m, kind: table, columns: "+columns+"}]\n"+more, dataset.Environment{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		return d.Fingerprint()
	}
	if a, b := fingerprint("[x, fold]", ""), fingerprint("[x, fold]", "group: subject\n"); a != b {
		t.Error("the fingerprint changed")
	}
	if a, b := fingerprint("'[xf]*'", ""), fingerprint("all", "group: subject\n"); a != b {
		t.Error("all reads the column of the groups")
	}
}
