package cmd

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"

	"mixmas/search/align"
)

// screen is a stream for messages, standard error. On a terminal some lines at its end may change in place: messages are written above
// them. It may be used from several goroutines.
type screen struct {
	w io.Writer
	// size returns the columns and rows of the terminal; nil means that lines do not change in place.
	size func() (columns, rows int)
	// cuts means that the terminal cuts lines off when it becomes narrower, instead of breaking them anew.
	cuts bool

	mutex sync.Mutex
	drawn []string
}

// newScreen returns a screen on a file.
func newScreen(f *os.File) *screen {
	s := &screen{w: f}
	if movesLines(f) {
		s.cuts = cutsLines(os.Getenv)
		s.size = func() (columns, rows int) {
			columns, rows, err := term.GetSize(int(f.Fd()))
			if err != nil || columns <= 0 {
				return 80, 24
			}
			return columns, rows
		}
	}
	return s
}

// moves reports whether lines may change in place.
func (s *screen) moves() bool { return s.size != nil }

// screenOf returns the stream as a screen.
func screenOf(w io.Writer) *screen {
	if s, is := w.(*screen); is {
		return s
	}
	return &screen{w: w}
}

// Write implements [io.Writer]: it writes text above the lines that change.
func (s *screen) Write(text []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.drawn) == 0 {
		return s.w.Write(text)
	}
	var b strings.Builder
	s.erase(&b)
	b.Write(text)
	if len(text) > 0 && text[len(text)-1] != '\n' {
		b.WriteByte('\n')
	}
	for _, line := range s.drawn {
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(s.w, b.String())
	return len(text), err
}

// draw replaces the lines that change by those that a function makes for the size of the terminal. It cuts lines that are too wide.
func (s *screen) draw(make func(columns, rows int) []string) {
	if s.size == nil {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	columns, rows := s.size()
	lines := slices.Clone(make(columns, rows))
	lines = lines[:min(len(lines), max(rows-1, 1))] // what has left the terminal at its top cannot change
	for i, line := range lines {
		lines[i] = align.Truncate(line, max(columns-1, 1)) // in the last column some terminals go to the next line, others do not
	}
	if slices.Equal(lines, s.drawn) {
		return
	}
	var b strings.Builder
	s.erase(&b)
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	s.drawn = lines
	_, _ = io.WriteString(s.w, b.String())
}

// erase moves the cursor to the start of the lines that change, and erases what follows. Most terminals break a line anew that has
// become wider than they are; in the others, going up by as many rows would erase messages.
func (s *screen) erase(b *strings.Builder) {
	columns, _ := s.size()
	up := 0
	for _, line := range s.drawn {
		if s.cuts {
			up++
			continue
		}
		up += max(1, (align.Width(line)+columns-1)/max(columns, 1))
	}
	if up > 0 {
		fmt.Fprintf(b, "\x1b[%dA\r\x1b[J", up)
	}
}
