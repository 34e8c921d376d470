package cmd

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/search/align"
)

// console is a terminal that understands what screen writes. It breaks lines anew when its width changes, or cuts them off.
type console struct {
	t       fatal
	columns int
	cuts    bool
	lines   []string // before the cursor, which is at the start of an empty line whenever a write is over
	at      string   // the line of the cursor
}

type fatal interface{ Fatalf(string, ...any) }

func (c *console) size() (int, int) { return c.columns, 24 }

func (c *console) Write(text []byte) (int, error) {
	for s := string(text); s != ""; {
		switch {
		case strings.HasPrefix(s, "\x1b["):
			end := strings.IndexAny(s, "AJ")
			if s[end] == 'A' {
				up, err := strconv.Atoi(s[2:end])
				if err != nil || c.at != "" {
					c.t.Fatalf("the cursor goes up from the line %q (%v)", c.at, err)
				}
				c.up(up)
			}
			s = s[end+1:]
		case s[0] == '\n':
			c.lines, c.at, s = append(c.lines, c.at), "", s[1:]
		case s[0] == '\r':
			s = s[1:]
		default:
			end := strings.IndexAny(s, "\x1b\n\r")
			if end < 0 {
				end = len(s)
			}
			c.at, s = c.at+s[:end], s[end:]
		}
	}
	return len(text), nil
}

// up moves the cursor to the start of a line above it; what follows is erased next.
func (c *console) up(rows int) {
	for ; rows > 0; c.lines = c.lines[:len(c.lines)-1] {
		if len(c.lines) == 0 {
			c.t.Fatalf("the cursor goes %d rows above the first line", rows)
		}
		if c.cuts {
			rows--
			continue
		}
		rows -= max(1, (align.Width(c.lines[len(c.lines)-1])+c.columns-1)/c.columns)
	}
	if rows < 0 {
		c.t.Fatalf("the cursor is in the middle of a line")
	}
}

// Messages stay and are in order, and below them is what was drawn last, at any width and however it changes.
func TestScreen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &console{t: t, columns: 80, cuts: rapid.Bool().Draw(t, "cuts")}
		s := &screen{w: c, size: c.size, cuts: c.cuts}
		var said, shown []string
		texts := rapid.StringOfN(rapid.SampledFrom([]rune("abc =>猫é…")), 0, 120, -1)
		for i := range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				c.columns = rapid.IntRange(20, 300).Draw(t, "columns")
			case 1:
				line := fmt.Sprintf("%d %s", i, texts.Draw(t, "message"))
				fmt.Fprintln(s, line)
				said = append(said, line)
			default:
				lines := rapid.SliceOfN(texts, 0, 30).Draw(t, "lines")
				s.draw(func(columns, rows int) []string { return lines })
				shown = nil
				for _, line := range lines[:min(len(lines), 23)] {
					shown = append(shown, align.Truncate(line, c.columns-1))
				}
			}
			want := strings.Join(append(said[:len(said):len(said)], shown...), "\n")
			if got := strings.Join(c.lines, "\n"); got != want || c.at != "" {
				t.Fatalf("step %d: the terminal shows\n%s|\nwant\n%s", i, got, want)
			}
		}
		s.draw(func(int, int) []string { return nil })
		if got := strings.Join(c.lines, "\n"); got != strings.Join(said, "\n") {
			t.Fatalf("at the end it shows\n%s", got)
		}
	})
}

// Without a terminal nothing is drawn.
func TestScreenWithoutTerminal(t *testing.T) {
	var b strings.Builder
	s := screenOf(&b)
	s.draw(func(int, int) []string { return []string{"a"} })
	fmt.Fprint(s, "text")
	if b.String() != "text" || s.moves() || screenOf(s) != s {
		t.Errorf("got %q", b.String())
	}
}
