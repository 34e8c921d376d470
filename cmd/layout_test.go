package cmd

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mixmas/search/align"
)

var someRows = []row{
	{name: "encoder/image", done: 0.5, count: "4/8", value: "best 0.9123"},
	{name: "hyper_mixer", below: true, done: 0.45, count: "45%", value: "loss 0.1234", left: "12s"},
	{name: "ramlp (repeat 2)", below: true, done: 0, count: "0%", value: "encoding"},
	{name: "total", done: 7. / 24, count: "7/24", left: "3m20s"},
}

func TestLayOut(t *testing.T) {
	for columns, want := range map[int]string{
		20: `
…r/image  4/8
  hyper…  45%   12s
  ramlp…   0%
total    7/24 3m20s`,
		40: `
encoder/image   4/8  best 0.9123
  hyper_mixer   45%  loss 0.1234    12s
  ramlp (rep…    0%  encoding
total          7/24               3m20s`,
		80: `
encoder/image       [===============>               ]   4/8  best 0.9123
  hyper_mixer       [=============>                 ]   45%  loss 0.1234    12s
  ramlp (repeat 2)  [                               ]    0%  encoding
total               [========>                      ]  7/24               3m20s`,
		300: `
encoder/image       [==================>                   ]   4/8  best 0.9123
  hyper_mixer       [================>                     ]   45%  loss 0.1234    12s
  ramlp (repeat 2)  [                                      ]    0%  encoding
total               [==========>                           ]  7/24               3m20s`,
	} {
		if got := "\n" + strings.Join(layOut(someRows, columns), "\n"); got != want {
			t.Errorf("%d columns:%s\nwant%s", columns, got, want)
		}
	}
}

// At any width the lines are narrower than the terminal, and what belongs together is aligned.
func TestLayOutAligns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab/_猫é")), 0, 60, -1)
		var rows []row
		for range rapid.IntRange(1, 8).Draw(t, "rows") {
			rows = append(rows, row{name: text.Draw(t, "name"), below: rapid.Bool().Draw(t, "below"), done: rapid.Float64().Draw(t, "done"),
				count: "45%", value: rapid.SampledFrom([]string{"", "loss 0.1234", "encoding"}).Draw(t, "value"), left: "3m20s"})
		}
		columns := rapid.IntRange(1, 300).Draw(t, "columns")
		at := -1
		for i, line := range layOut(rows, columns) {
			if width := align.Width(line); columns >= 20 && width >= columns {
				t.Fatalf("%d columns: %q takes %d", columns, line, width)
			}
			if columns < 20 {
				continue
			}
			head, _, found := strings.Cut(line, "45%")
			if place := align.Width(head); !found || i > 0 && place != at {
				t.Fatalf("%d columns: %q has its share at %d, others at %d", columns, line, place, at)
			} else {
				at = place
			}
		}
	})
}

func TestDrawBar(t *testing.T) {
	for share, want := range map[float64]string{0: "[        ]", 0.01: "[        ]", 0.5: "[===>    ]", 0.99: "[========]", 1: "[========]", 7: "[========]",
		-1: "[        ]", math.Inf(1): "[========]"} {
		if got := drawBar(share, 10); got != want {
			t.Errorf("%v: got %s, want %s", share, got, want)
		}
	}
	if drawBar(0.5, 2) != "" || drawBar(math.NaN(), 10) != "" {
		t.Error("a bar without room, or of an unknown share")
	}
}

func TestShortTime(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", -time.Second: "0s", 900 * time.Millisecond: "1s", 59 * time.Second: "59s", time.Minute: "1m",
		200 * time.Second: "3m20s", time.Hour + time.Second: "1h", 90 * time.Minute: "1h30m", 28 * time.Hour: "1d4h", 900 * 24 * time.Hour: "900d"} {
		if got := shortTime(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
