package cmd

import (
	"io"
	"testing"
)

func TestCanMove(t *testing.T) {
	for _, test := range []struct {
		name, system string
		environment  map[string]string
		want         bool
	}{
		{"a terminal", "linux", map[string]string{"TERM": "xterm-256color"}, true},
		{"another", "darwin", map[string]string{"TERM": "vt100"}, true},
		{"TERM is not set", "linux", nil, false},
		{"TERM is empty", "freebsd", map[string]string{"TERM": ""}, false},
		{"TERM is dumb", "linux", map[string]string{"TERM": "dumb"}, false},
		{"Windows has no TERM", "windows", nil, true},
		{"a dumb one on Windows", "windows", map[string]string{"TERM": "dumb"}, false},
		{"no colours were asked for, and there are none", "linux", map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, true},
		{"CI", "linux", map[string]string{"TERM": "xterm", "CI": "true"}, false},
		{"CI by number", "linux", map[string]string{"TERM": "xterm", "CI": "1"}, false},
		{"no CI", "linux", map[string]string{"TERM": "xterm", "CI": "false"}, true},
	} {
		if got := canMove(func(name string) string { return test.environment[name] }, test.system); got != test.want {
			t.Errorf("%s: got %t", test.name, got)
		}
	}
	if movesLines(io.Discard) {
		t.Error("lines move in what is no file")
	}
}

func TestCutsLines(t *testing.T) {
	for _, test := range []struct {
		environment map[string]string
		want        bool
	}{
		{nil, false},
		{map[string]string{"XTERM_VERSION": "XTerm(379)"}, true},
		{map[string]string{"STY": "1234.pts-0.host"}, true},
		{map[string]string{"XTERM_VERSION": "XTerm(379)", "TMUX": "/tmp/tmux-0/default,1,0"}, false},
	} {
		if got := cutsLines(func(name string) string { return test.environment[name] }); got != test.want {
			t.Errorf("%v: got %t", test.environment, got)
		}
	}
}
