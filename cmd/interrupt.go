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

// signalError is why the program's context ends: a signal asked for it.
type signalError struct{ os.Signal }

func (e signalError) Error() string { return "interrupted by " + e.Signal.String() }

// Is makes it the same to everyone who looks for a context that has ended.
func (signalError) Is(target error) bool { return target == context.Canceled }

// sayHeard tells people that a signal was heard where the program still runs when the time comes: it ends between two training
// steps, and one of a very large model may take longer.
func sayHeard(w io.Writer, late <-chan time.Time) {
	<-late
	_, _ = fmt.Fprintln(w, "mixmas: stopping after the step under way; a second signal ends it at once")
}

// signalNumber is the number of the signal that ended the context: that of Ctrl-C if it was no signal.
func signalNumber(ctx context.Context) int {
	if e := new(signalError); errors.As(context.Cause(ctx), e) {
		if number, ok := e.Signal.(syscall.Signal); ok {
			return int(number)
		}
	}
	return int(syscall.SIGINT)
}

// interruptedError is the end of a command that a signal stopped; hint says how to go on.
type interruptedError struct {
	hint  string
	cause error
}

func (e interruptedError) Error() string { return "interrupted; " + e.hint }
func (e interruptedError) Unwrap() error { return e.cause }
