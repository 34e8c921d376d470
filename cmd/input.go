package cmd

import (
	"context"
	"io"
	"os"

	"github.com/urfave/cli/v2"
)

// input is a stream such as standard input. A signal ends the wait for more of it.
type input struct {
	ctx context.Context
	r   io.Reader
}

// Read implements [io.Reader]. A read that was given up may still take what comes.
func (i input) Read(text []byte) (int, error) {
	got, err := await(i.ctx, func() ([]byte, error) {
		buffer := make([]byte, len(text))
		n, err := i.r.Read(buffer)
		return buffer[:n], err
	})
	return copy(text, got), err
}

// await calls what may wait for others, such as the opening of a pipe, and gives it up when ctx ends.
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

// openInput opens a file to read, or standard input for "-". A signal ends the wait for it and for more of it.
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
