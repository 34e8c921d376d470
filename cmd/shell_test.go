package cmd

import (
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"":                "''",
		"plan.yaml":       "plan.yaml",
		"--store=a/b.db":  "--store=a/b.db",
		"my plan.yaml":    "'my plan.yaml'",
		"it's":            `'it'\''s'`,
		"$HOME":           "'$HOME'",
		"~/plan.yaml":     "'~/plan.yaml'",
		"a;rm -rf b":      "'a;rm -rf b'",
		"größe.yaml":      "'größe.yaml'",
		"[1]*?{a,b}!#&|<": "'[1]*?{a,b}!#&|<'",
	} {
		if got := quote(word); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
}

// TestQuoteIsReadBack has a shell read quoted words.
func TestQuoteIsReadBack(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh here to read the words")
	}
	// One shell for many command lines: each is printed word by word, with a line that no word can be.
	var words []string
	for i := range 200 {
		words = append(words, rapid.StringOf(rapid.RuneFrom([]rune("ab 'z\"\\$`!*?[]{}()<>|&;#~=%^\t\nü-"))).Example(i))
	}
	text, err := exec.Command(shell, "-c", "printf '%s\\0' "+quoteAll(words)).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
	if len(got) != len(words) {
		t.Fatalf("%d words became %d", len(words), len(got))
	}
	for i, word := range words {
		if got[i] != word {
			t.Errorf("%q became %q", word, got[i])
		}
	}
}
