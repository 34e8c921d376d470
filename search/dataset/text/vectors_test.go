package text

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadVectors(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		width   int
		want    string // as fmt prints it
	}{
		"GloVe":               {"the 0.1 -2e-1\nred 1 2\n", 2, "map[red:[1 2] the:[0.1 -0.2]]"},
		"word2vec":            {"2 3\nthe 1 2 3 \nred 4 5 6 \n", 3, "map[red:[4 5 6] the:[1 2 3]]"},
		"no last line end":    {"the 1", 1, "map[the:[1]]"},
		"Windows":             {"\ufeffthe 1 2\r\nred 3 4\r\n\r\n", 2, "map[red:[3 4] the:[1 2]]"},
		"tabs":                {"the\t1\t2\nred\t3  4\n", 2, "map[red:[3 4] the:[1 2]]"},
		"first wins":          {"the 1\nthe 2\n", 1, "map[the:[1]]"},
		"words with spaces":   {"the 1 2\n. . . 3 4\nat name@x.org 5 6\nno\u00a0break 7 8\n", 2, "map[. . .:[3 4] at name@x.org:[5 6] no\u00a0break:[7 8] the:[1 2]]"},
		"spaces in the first": {"at name@x.org 5 6\nthe 1 2\n", 2, "map[at name@x.org:[5 6] the:[1 2]]"},
		"a number for a word": {"1 0.5 0.25\n2 1 2\n", 2, "map[1:[0.5 0.25] 2:[1 2]]"},
		"width of one":        {"the 1\nred 2\n", 1, "map[red:[2] the:[1]]"},
		"not UTF-8":           {"\xff\xfe 1 2\nthe 1 2\n", 2, "map[the:[1 2]]"},
		"not wanted":          {"the 1 2\nunwanted 3 4\n", 2, "map[the:[1 2]]"},
		"numbers not wanted":  {"the 1 2\nunwanted NaN 4\n", 2, "map[the:[1 2]]"},
	} {
		vectors, width, err := ReadVectors(t.Context(), strings.NewReader(c.content), func(w string) bool { return w != "unwanted" })
		if got := fmt.Sprint(vectors); err != nil || got != c.want || width != c.width {
			t.Errorf("%s: %s of width %d, want %s of %d (%v)", name, got, width, c.want, c.width, err)
		}
	}
}

func TestReadVectorsErrors(t *testing.T) {
	for content, want := range map[string]string{
		"":                                "no word vectors: want lines of a word and its numbers",
		"0 3\n":                           "no word vectors",
		"\n\n":                            "no word vectors",
		"the\n":                           "line 1: want a word and 1 to 16384 numbers, got 0 numbers",
		"the red car\n":                   "line 1: want a word and 1 to 16384 numbers, got 0 numbers",
		"the 1 2\nred 1\n":                "line 2: want a word and 2 numbers, got 1",
		"the 1 2\nred 1 2 3\n":            "line 2: want a word and 2 numbers, got 3",
		"the 1 2\n\nred 1 x\n":            `line 3: number 2 of "red": want a finite number, got "x"`,
		"the 1 NaN\n":                     `line 1: number 2 of "the": want a finite number, got "NaN"`,
		"the -Inf 1\n":                    `line 1: number 1 of "the": want a finite number, got "-Inf"`,
		"the 1e39 1\n":                    `line 1: number 1 of "the": want a finite number, got "1e39"`,
		"3 2\nthe 1 2\nred 1 2\n":         "line 1 announces 3 words, the file has 2: it is truncated, or line 1 is to be corrected",
		"1 2\nthe 1 2\nred 1 2\n":         "line 1 announces 1 words, the file has 2",
		"2 3\nthe 1 2\n":                  "line 2: want a word and 3 numbers, got 2",
		"1 2\nthe \x00\x00\x80\x3f\n":     "line 2: this is not text: want the text form of word vectors (.txt or .vec), not the binary one",
		"version https://git-lfs\noid 1":  "line 1: want a word",
		"a" + strings.Repeat(" 1", 16385): "line 1: want a word and 1 to 16384 numbers, got 16385 numbers",
		strings.Repeat("a", 1<<20+1):      "line 1: longer than 1048576 bytes",
	} {
		if _, _, err := ReadVectors(t.Context(), strings.NewReader(content), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", content, err, want)
		}
	}
	broken := errors.New("broken")
	if _, _, err := ReadVectors(t.Context(), iotest.ErrReader(broken), nil); !errors.Is(err, broken) {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := ReadVectors(ended, strings.NewReader("the 1\n"), nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzReadVectors(f *testing.F) {
	for _, s := range []string{"the 0.1 -2e-1\nred 1 2\n", "2 3\nthe 1 2 3 \nred 4 5 6 \n", ". . . 1\n", "\ufeffa\t1\r\n", "1 1\n1 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		vectors, width, err := ReadVectors(t.Context(), strings.NewReader(string(content)), nil)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, word := range slices.Sorted(maps.Keys(vectors)) {
			vector := vectors[word]
			if len(vector) != width || word == "" {
				t.Fatalf("%q has %d numbers, want %d", word, len(vector), width)
			}
			for _, x := range vector {
				if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
					t.Fatalf("%q has the number %g", word, x)
				}
			}
			if !strings.ContainsAny(word, " \t\r") {
				fmt.Fprintln(&b, word, strings.Trim(fmt.Sprint(vector), "[]"))
			}
		}
		if b.Len() == 0 {
			return
		}
		text := fmt.Sprintf("%d %d\n%s", strings.Count(b.String(), "\n"), width, b.String())
		if again, _, err := ReadVectors(t.Context(), strings.NewReader(text), nil); err != nil || len(again) != strings.Count(b.String(), "\n") {
			t.Fatalf("written as %q: %v", text, err)
		}
	})
}

func BenchmarkReadVectors(b *testing.B) {
	line := strings.Repeat(" -0.12345", 300) + "\n"
	var content strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&content, "w%d%s", i, line)
	}
	for _, share := range []int{1, 100} {
		b.Run(fmt.Sprintf("1 of %d words", share), func(b *testing.B) {
			b.SetBytes(int64(content.Len()))
			for b.Loop() {
				n := 0
				if _, _, err := ReadVectors(b.Context(), strings.NewReader(content.String()), func(string) bool { n++; return n%share == 0 }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
