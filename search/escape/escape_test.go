package escape

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"mlp_mixer":              "mlp_mixer",
		"Überraschung – 猫 ±0.5":  "Überraschung – 猫 ±0.5",
		`C:\data`:                `C:\data`,
		"\x1b[31mred":            `\x1b[31mred`,
		"\u009b31m":              `\u009b31m`,
		"a\nb\r\n\tc\x00\x7f":    `a\nb\r\n\tc\x00\x7f`,
		"abc\u202egnp.exe":       `abc\u202egnp.exe`,
		"a\u2066b\u2069\u200e":   `a\u2066b\u2069\u200e`,
		"a\u2028b\u2029":         `a\u2028b\u2029`,
		"\U000e0041":             `\U000e0041`,
		"\xff\xfea":              `\xff\xfea`,
		"\xef\xbf|\xef":          `\xef\xbf|\xef`, // how U+FFFD begins
		"\ufffd":                 "\ufffd",
		"می\u200cخواهم 👩\u200d🔬": "می\u200cخواهم 👩\u200d🔬",
	} {
		if got := Terminal(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if first, found := Unprintable(text); found != (want != text) || !strings.Contains(want, first) {
			t.Errorf("%q: unprintable %q, %v", text, first, found)
		}
	}
}

func TestMarkdown(t *testing.T) {
	for text, want := range map[string]string{
		"mlp_mixer 0.5 (by cpu/amd64)": "mlp_mixer 0.5 (by cpu/amd64)",
		"a|b":                          `a\|b`,
		"<img src=x onerror=y>":        "&lt;img src=x onerror=y&gt;",
		"R&D &lt;":                     "R&amp;D &amp;lt;",
		"[a](http://b)":                `\[a\](http:&#47;/b)`,
		"www.b.org":                    "www&#46;b.org",
		"`rm -rf`":                     "\\`rm -rf\\`",
		"**a** _b_ __c__ d_":           `\*\*a\*\* \_b\_ \_\_c\_\_ d\_`,
		"a\n# b":                       `a\\n\# b`,
		`a\`:                           `a\\`,
		"*":                            "*",
		"* a _ b *c":                   `* a _ b \*c`,
		"~~a~~ $b$":                    `\~\~a\~\~ \$b\$`,
	} {
		if got := Markdown(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestCode(t *testing.T) {
	for text, want := range map[string]string{
		"mixmas run": "`mixmas run`",
		"a | b":      "`a \\| b`",
		"<b>":        "`<b>`",
		"a `b` c":    "`` a `b` c ``",
		"``":         "``` `` ```",
		"a\nb":       "`a\\nb`",
		"":           "`  `",
	} {
		if got := Code(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestCSV(t *testing.T) {
	for text, want := range map[string]string{
		"cat":                  "cat",
		`=HYPERLINK("x")`:      `'=HYPERLINK("x")`,
		"+1+cmd|' /C calc'!A0": "'+1+cmd|' /C calc'!A0",
		"-0.5":                 "-0.5",
		"+1e-3":                "+1e-3",
		"-1":                   "-1",
		"-1-1":                 "'-1-1",
		"-":                    "'-",
		"+Inf":                 "'+Inf",
		"@SUM(A1)":             "'@SUM(A1)",
		"\t=1":                 `\t=1`,
		"\r=1":                 `\r=1`,
		"":                     "",
		"p(=1)":                "p(=1)",
		"a,\"b\"":              "a,\"b\"",
		"\x1b]0;title\x07":     `\x1b]0;title\x07`,
	} {
		if got := CSV(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestJSON(t *testing.T) {
	for text, want := range map[string]string{
		"{\n  \"a\": \"猫\"\n}\n": "{\n  \"a\": \"猫\"\n}\n",
		"\"\u009b\x7f\u202e\"":   `"\u009b\u007f\u202e"`,
		"\"\U000e0041\"":         `"\udb40\udc41"`,
	} {
		got := JSON([]byte(text))
		if string(got) != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
		var before, after any
		if err := errors.Join(json.Unmarshal([]byte(text), &before), json.Unmarshal(got, &after)); err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("%q: %v became %v, %v", text, before, after, err)
		}
	}
}

// TestNothingGetsThrough tries any text: each output is valid and free of what it must not have.
func TestNothingGetsThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.StringMatching("[\\\\`|<>&_*\n\x1b=+@-]{0,12}")).Draw(t, "text")
		shown := Terminal(text)
		if !utf8.ValidString(shown) || strings.ContainsFunc(shown, unicode.IsControl) || Terminal(shown) != shown {
			t.Fatalf("Terminal: %q", shown)
		}
		cell := Markdown(text)
		if strings.ContainsAny(cell, "<>") || strings.ContainsFunc(cell, unicode.IsControl) {
			t.Fatalf("Markdown: %q", cell)
		}
		for _, special := range "|`[]" {
			for i, r := range cell {
				if before := cell[:i]; r == special && (len(before)-len(strings.TrimRight(before, `\`)))%2 == 0 {
					t.Fatalf("Markdown: %q has a bare %c", cell, special)
				}
			}
		}
		field := CSV(text)
		if field != "" && strings.ContainsRune("=@", rune(field[0])) {
			t.Fatalf("CSV: %q", field)
		}
		var file strings.Builder
		w := csv.NewWriter(&file)
		_ = w.Write([]string{field, "end"})
		w.Flush()
		again, err := csv.NewReader(strings.NewReader(file.String())).Read()
		if err != nil || again[0] != field {
			t.Fatalf("CSV: %q is read as %q, %v", field, again, err)
		}
	})
}
