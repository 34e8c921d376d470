package serve

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// ReadAll is for tests.
var ReadAll = readAll

// Hold takes the place of a request that runs, until it is released.
func (s *Server) Hold() (release func()) {
	s.slots <- struct{}{}
	return func() { <-s.slots }
}

// Limit sets how many pixels are decoded at a time.
func (s *Server) Limit(pixels int) {
	s.pixels, s.decoding = pixels, semaphore.NewWeighted(int64(pixels))
}

// HoldPixels takes the place of all pixels that may be decoded at a time, until they are released.
func (s *Server) HoldPixels() (release func()) {
	if err := s.decoding.Acquire(context.Background(), int64(s.pixels)); err != nil {
		panic(err)
	}
	return func() { s.decoding.Release(int64(s.pixels)) }
}
