package main

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// signalError is why the program's context ends: a signal asked for it.
type signalError struct{ os.Signal }

func (e signalError) Error() string { return "interrupted by " + e.Signal.String() }

// Is makes it the same to everyone who looks for a context that has ended.
func (signalError) Is(target error) bool { return target == context.Canceled }

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
