package cmd

import (
	"io"
	"os"
	"runtime"

	"golang.org/x/term"
)

// movesLines reports whether lines on w may change in place. It alone decides this. w must be a terminal that knows its
// width, which some serial lines and containers do not.
func movesLines(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || !canMove(os.Getenv, runtime.GOOS) {
		return false
	}
	width, _, err := term.GetSize(int(f.Fd())) // fails if w is not a terminal
	return err == nil && width > 0 && understandsEscapes(f)
}

// canMove reports whether the terminal described by the environment can move its cursor. An unknown terminal (TERM is not
// set) and a dumb one cannot; Windows does not set TERM. A CI log would keep every line. NO_COLOR changes nothing: the
// program prints no colours.
func canMove(environment func(string) string, system string) bool {
	switch environment("TERM") {
	case "dumb":
		return false
	case "":
		if system != "windows" {
			return false
		}
	}
	ci := environment("CI")
	return ci == "" || ci == "false" || ci == "0"
}

// cutsLines reports whether the terminal described by the environment cuts lines off when it becomes narrower: xterm and GNU screen do,
// unless tmux runs in them.
func cutsLines(environment func(string) string) bool {
	return environment("TMUX") == "" && (environment("XTERM_VERSION") != "" || environment("STY") != "")
}
