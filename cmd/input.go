package cmd

import (
	"context"
	"io"
	"os"

	"github.com/urfave/cli/v2"
)

// input is a stream such as standard input. A signal ends a pending read.
type input struct {
	ctx context.Context
	r   io.Reader
}

// Read implements [io.Reader]. An abandoned read may still consume what arrives later.
func (i input) Read(text []byte) (int, error) {
	got, err := await(i.ctx, func() ([]byte, error) {
		buffer := make([]byte, len(text))
		n, err := i.r.Read(buffer)
		return buffer[:n], err
	})
	return copy(text, got), err
}

// await calls a function that may block, such as opening a pipe, and abandons it when ctx ends.
func await[T any](ctx context.Context, call func() (T, error)) (value T, err error) {
	if err := ctx.Err(); err != nil {
		return value, err
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := call()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return value, ctx.Err()
	}
}

// openInput opens a file for reading, or standard input for "-". A signal ends a wait to open it or to read from it.
func openInput(c *cli.Context, path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(c.App.Reader), nil
	}
	f, err := await(c.Context, func() (*os.File, error) { return os.Open(path) })
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{input{c.Context, f}, f}, nil
}
