package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestMergeKeys compares what merge keys make with the same written out: explicit keys win, then the earlier mapping.
func TestMergeKeys(t *testing.T) {
	data := func(text string) string { return edit("data: {format: test, path: there}", "data: "+text) }
	candidate := func(text string) string { return edit("{name: test_mixer, heads: 2}", text) }
	for _, test := range []struct{ name, text, same string }{
		{"data", data("{<<: {format: test, path: a, rows: 9}, path: there}"), data("{format: test, rows: 9, path: there}")},
		{"after the explicit key", data("{path: there, <<: {path: a}, format: test}"), data("{path: there, format: test}")},
		{"a list", data("{<<: [{format: test, rows: 2}, {rows: 3, path: a}]}"), data("{format: test, rows: 2, path: a}")},
		{"merged into what is merged", data("{<<: {<<: {format: test, rows: 2}, rows: 3}, path: a}"), data("{format: test, rows: 3, path: a}")},
		{"an empty list", data("{<<: [], format: test}"), data("{format: test}")},
		{"recipes", edit("search:", "search:\n  training: &t {epochs: 3, batch: 8}") + "train: {training: {<<: *t, epochs: 9}, plateau: {patience: 1}}",
			edit("search:", "search:\n  training: {epochs: 3, batch: 8}") + "train: {training: {batch: 8, epochs: 9}, plateau: {patience: 1}}"},
		{"the whole plan", "<<: {seed: 5, name: a}\n" + small + "name: b\n", "seed: 5\n" + small + "name: b\n"},
		{"defaults", edit("{width: 32, dropout: 0.25}", "{<<: {width: 16, heads: 3}, width: 32, dropout: 0.25}"), edit("{width: 32, dropout: 0.25}", "{heads: 3, width: 32, dropout: 0.25}")},
		{"a candidate", candidate("&wide {name: test_mixer, width: 64}, {<<: [{label: b, heads: 4}, *wide], width: 8}"),
			candidate("{name: test_mixer, width: 64}, {name: test_mixer, label: b, heads: 4, width: 8}")},
		{"a stage", edit("image:", "audio: &audio {defaults: {width: 8}, candidates: [test_mixer]}\n    other: {<<: *audio, defaults: {heads: 2}}\n    image:"),
			edit("image:", "audio: {defaults: {width: 8}, candidates: [test_mixer]}\n    other: {candidates: [test_mixer], defaults: {heads: 2}}\n    image:")},
		{"modalities", edit("image:", "<<: {audio: {candidates: [test_mixer]}, image: {candidates: []}}\n    image:"),
			edit("image:", "audio: {candidates: [test_mixer]}\n    image:")},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(parse(t, test.same), parse(t, test.text), cmpopts.IgnoreUnexported(Config{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMergeKeyErrors(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"line of the merged value", small + "train:\n  training:\n    <<: {epochs: 3,\n      batch: 0}\n", "c.yaml:14: train.training.batch: want at least 1, got 0"},
		{"unknown in what is merged", small + "train:\n  training:\n    <<: {epochs: 3,\n      bach: 1}\n", "c.yaml:14: train.training.bach: unknown field"},
		{"a word", small + "train: {<<: 5}", `c.yaml:11: train.<<: want fields with values, or a list of them, got "5"`},
		{"nothing", small + "train: {<<: }", "c.yaml:11: train.<<: want fields with values, or a list of them, got nothing"},
		{"a list of words", small + "train: {<<: [a]}", `c.yaml:11: train.<<: want fields with values, or a list of them, got "a"`},
		{"twice", small + "train: {<<: {}, <<: {}}", "c.yaml:11: train.<<: is given twice"},
		{"twice in what is merged", small + "train: {<<: {early_stopping: 1, early_stopping: 2}}", "c.yaml:11: train.early_stopping: is given twice"},
		{"in quotes", small + `train: {"<<": {}}`, "c.yaml:11: train.<<: unknown field"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("c.yaml", []byte(test.text))
			if first, _, _ := strings.Cut(fmt.Sprint(err), "\n"); !strings.HasPrefix(first, test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// TestScalars pins what words mean where YAML 1.1, YAML 1.2 and people do not agree: the number that all of them would take,
// or an error.
func TestScalars(t *testing.T) {
	for _, test := range []struct{ field, text, want string }{
		{"seed", "123", ""}, {"seed", "0", ""}, {"seed", "+5", ""},
		{"seed", "18446744073709551615", ""},
		{"seed", "0x1F", "31"}, {"seed", "0o17", "15"}, {"seed", "0b101", "5"}, {"seed", "1_000", "1000"},
		{"seed", "0123", "0123 begins with 0, which could mean octal: write 123, or 0o123 if it is octal"},
		{"seed", "089", "089 begins with 0, which could mean octal: write 89"},
		{"seed", "00", "00 begins with 0, which could mean octal: write 0"},
		{"seed", "0_7", "0_7 begins with 0, which could mean octal: write 7, or 0o7 if it is octal"},
		{"sample.size", "-010", "-010 begins with 0, which could mean octal: write -10, or -0o10 if it is octal"},
		{"seed", "1e3", `want a whole number from 0 to 18446744073709551615, got "1e3"`},
		{"seed", "1.0", `want a whole number from 0 to 18446744073709551615, got "1.0"`},
		{"seed", "18446744073709551616", `want a whole number from 0 to 18446744073709551615, got "18446744073709551616"`},
		{"seed", "1:30", `want a whole number from 0 to 18446744073709551615, got "1:30"`},
		{"seed", "1,000", `want a whole number from 0 to 18446744073709551615, got "1,000"`},
		{"seed", `"5"`, `want a whole number from 0 to 18446744073709551615, got "5" in quotes`},
		{"sample.size", "9223372036854775808", `want a whole number, got "9223372036854775808"`},
		{"sample.size", "2024-01-01", `want a whole number, got "2024-01-01"`},
		{"search.retry_failed", "true", ""}, {"search.retry_failed", "True", "true"},
		{"search.retry_failed", "yes", `want true or false, got "yes"`},
		{"search.retry_failed", "on", `want true or false, got "on"`},
		{"search.retry_failed", "1", `want true or false, got "1"`},
		{"search.training.learning_rate", ".5", "0.5"}, {"search.training.learning_rate", "1e-3", "0.001"},
		{"search.training.learning_rate", "1", ""}, {"search.training.learning_rate", "5.", "5"},
		{"search.training.learning_rate", "010", "010 begins with 0, which could mean octal: write 10, or 0o10 if it is octal"},
		{"search.training.learning_rate", "0.010", "0.01"},
		{"search.training.learning_rate", "1e400", `want a number, got "1e400"`},
		{"search.training.learning_rate", ".inf", `want a finite number, got ".inf"`},
		{"search.training.learning_rate", "0,1", `want a number, got "0,1"`},
		{"search.training.learning_rate", `'0.1'`, `want a number, got "0.1" in quotes`},
		{"name", "no", ""}, {"name", "0123", ""}, {"name", "1e3", ""}, {"name", "2024-01-01", ""}, {"name", "1.10", ""}, {"name", "0x1F", ""},
		{"name", "~", "has no value"}, {"name", "null", "has no value"}, {"name", `"null"`, "null"},
	} {
		c, err := Parse("c.yaml", []byte(plan(test.field, test.text)))
		if err != nil {
			if got := err.Error(); !strings.HasPrefix(got, "c.yaml:") || !strings.HasSuffix(got, ": "+test.field+": "+test.want) {
				t.Errorf("%s: %s: got %s, want %s", test.field, test.text, got, test.want)
			}
			continue
		}
		got := fmt.Sprint(map[string]any{
			"seed": c.Seed, "name": c.Name, "sample.size": c.Sample.Size,
			"search.retry_failed": c.Search.RetryFailed, "search.training.learning_rate": c.Search.Training.LearningRate,
		}[test.field])
		want := test.want
		if want == "" {
			want = strings.TrimPrefix(test.text, "+")
		}
		if got != want {
			t.Errorf("%s: %s: got %s, want %s", test.field, test.text, got, want)
		}
	}
}

// plan is the small configuration with one more value, in block style.
func plan(field, value string) string {
	names := strings.Split(field, ".")
	text := ""
	for i, name := range names {
		if i == 0 && name == "search" {
			continue
		}
		text += strings.Repeat("  ", i) + name + ":"
		if i < len(names)-1 {
			text += "\n"
		}
	}
	text += " " + value + "\n"
	if names[0] == "search" {
		return edit("search:\n", "search:\n"+text)
	}
	return small + text
}

func TestWordsMustBePrintable(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"plan", "name: \"a\\eb\"\n" + small, `c.yaml:1: name: contains \x1b, which is not printable`},
		{"line break", "name: |\n  a\n" + small, `c.yaml:1: name: contains \n, which is not printable`},
		{"label", edit("label: wide", `label: "wi\u202Ede"`), `c.yaml:8: search.encoders.image.candidates[1].label: contains \u202e, which is not printable`},
		{"modality", edit("values:", `"va\x9blues":`), `c.yaml:9: search.encoders.va\u009blues: contains \u009b, which is not printable`},
		{"class", edit("{format: test, path: there}", `{format: npy, labels: {train: l}, modalities: [{name: m, kind: map, train: t}], classes: [a, "b\t"]}`),
			`c.yaml:1: data.classes[1]: contains \t, which is not printable`},
		{"modality of the data", edit("{format: test, path: there}", `{format: npy, labels: {train: l}, modalities: [{name: "\a", kind: map, train: t}]}`),
			`c.yaml:1: data.modalities[0].name: contains \x07, which is not printable`},
		{"printable", "name: Überraschung – 猫 | <b> =1\n" + small, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("c.yaml", []byte(test.text))
			if first, _, _ := strings.Cut(fmt.Sprint(err), "\n"); err != nil && first != test.want || (err == nil) != (test.want == "") {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}
