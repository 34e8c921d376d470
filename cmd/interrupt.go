package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// signalError is the cause of the program's context when a signal ended it.
type signalError struct{ os.Signal }

func (e signalError) Error() string { return "interrupted by " + e.Signal.String() }

// Is makes it match [context.Canceled].
func (signalError) Is(target error) bool { return target == context.Canceled }

// sayHeard confirms that a signal has arrived if the program is still running when late fires. The program stops between two
// training steps, and a step of a very large model can take longer than that.
func sayHeard(w io.Writer, late <-chan time.Time) {
	<-late
	_, _ = fmt.Fprintln(w, heard)
}

const heard = "mixmas: stopping after the current step; a second signal stops it at once"

// signalNumber returns the number of the signal that ended the context, or that of Ctrl-C if no signal did.
func signalNumber(ctx context.Context) int {
	if e := new(signalError); errors.As(context.Cause(ctx), e) {
		if number, ok := e.Signal.(syscall.Signal); ok {
			return int(number)
		}
	}
	return int(syscall.SIGINT)
}

// interruptedError is the error of a command that was stopped by a signal; hint says how to resume.
type interruptedError struct {
	hint  string
	cause error
}

func (e interruptedError) Error() string { return "interrupted; " + e.hint }
func (e interruptedError) Unwrap() error { return e.cause }
