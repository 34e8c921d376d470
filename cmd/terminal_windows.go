package cmd

import (
	"os"

	"golang.org/x/sys/windows"
)

// understandsEscapes makes a console act on escape sequences, which it prints unless it is asked to. Windows before version 10 cannot.
func understandsEscapes(f *os.File) bool {
	var mode uint32
	console := windows.Handle(f.Fd())
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
