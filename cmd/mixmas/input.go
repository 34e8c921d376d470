package main

import (
	"context"
	"io"
)

// input is standard input. A signal ends the wait for more of it.
type input struct {
	ctx context.Context
	r   io.Reader
}

// Read implements [io.Reader]. A read that was given up may still take what comes.
func (i input) Read(text []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		buffer := make([]byte, len(text))
		n, err := i.r.Read(buffer)
		done <- result{buffer[:n], err}
	}()
	select {
	case r := <-done:
		return copy(text, r.text), r.err
	case <-i.ctx.Done():
		return 0, i.ctx.Err()
	}
}
