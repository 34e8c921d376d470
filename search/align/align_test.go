package align

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestWidth(t *testing.T) {
	t.Setenv("LANG", "ja_JP.UTF-8") // which changes nothing
	for text, want := range map[string]int{
		"": 0, "mlp_mixer": 9, "Ü": 1, "U\u0308": 1, "猫": 2, "ラベル": 6, "고양이": 6, "±0.5 – ·": 8, "👩\u200d🔬": 2, "می\u200cخواهم": 7, "😀": 2,
	} {
		if got := Width(text); got != want {
			t.Errorf("%s takes %d cells, want %d", text, got, want)
		}
	}
}

func TestRows(t *testing.T) {
	var b strings.Builder
	rows := [][]string{{"NAME", "", "ACCURACY"}, {"encoder/画像", "x", "0.5"}, {"encoder/a"}, {"猫", "é", "1"}}
	if err := Rows(&b, rows); err != nil {
		t.Fatal(err)
	}
	want := "NAME             ACCURACY\nencoder/画像  x  0.5\nencoder/a\n猫            é  1\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	if err := Rows(failing{}, rows); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("error %v", err)
	}
	if got := Pad("猫", 4, true) + "|" + Pad("猫", 4, false) + "|" + Pad("猫", 1, true); got != "  猫|猫  |猫" {
		t.Errorf("padded to %q", got)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, iotest.ErrTimeout }

func TestTruncate(t *testing.T) {
	for _, test := range []struct {
		text       string
		width      int
		end, start string
	}{
		{"encoder/image", 13, "encoder/image", "encoder/image"}, {"encoder/image", 8, "encoder…", "…r/image"}, {"猫猫猫", 4, "猫…", "…猫"},
		{"a", 0, "", ""}, {"ab", 1, "…", "…"}, {"ab", -1, "", ""}, {"", 3, "", ""},
	} {
		if end, start := Truncate(test.text, test.width), TruncateStart(test.text, test.width); end != test.end || start != test.start {
			t.Errorf("%s in %d: %q and %q, want %q and %q", test.text, test.width, end, start, test.end, test.start)
		}
	}
}
