package trial

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"mixmas/nn"
)

// tokens are what a frozen encoder makes of some rows, one after the other. They are in memory or, if there are too many, in a
// temporary file.
type tokens struct {
	size int // elements of a row
	rows []float32
	file *os.File
}

// read writes the tokens of a row to dst. It allocates nothing, and may be called from several goroutines at once.
func (t *tokens) read(row int, dst []float32) error {
	if t.file == nil {
		copy(dst, t.rows[row*t.size:][:t.size])
		return nil
	}
	_, err := t.file.ReadAt(asBytes(dst), 4*int64(row)*int64(t.size))
	return err
}

// add appends the tokens of rows.
func (t *tokens) add(rows []float32) error {
	if t.file == nil {
		t.rows = append(t.rows, rows...)
		return nil
	}
	if _, err := t.file.Write(asBytes(rows)); err != nil {
		return tokensError(err)
	}
	return nil
}

// asBytes returns the memory of numbers as bytes, for files that only this process reads.
func asBytes(numbers []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), 4*len(numbers))
}

// newTokens returns tokens without rows, with room for some, in memory or in a file.
func newTokens(rows, size int, inMemory bool) (*tokens, error) {
	if inMemory {
		return &tokens{size: size, rows: make([]float32, 0, rows*size)}, nil
	}
	file, err := os.CreateTemp("", "mixmas-tokens-*")
	if err != nil {
		return nil, tokensError(err)
	}
	_ = os.Remove(file.Name()) // it goes with the process, but on systems that remove no open file: see close
	return &tokens{size: size, file: file}, nil
}

// tokensError is the error of a file of tokens: no training is at fault.
func tokensError(err error) error {
	return fmt.Errorf("%w: tokens of frozen encoders: %w", nn.ErrSamples, err)
}

// close removes a file.
func (t *tokens) close() {
	if t.file != nil {
		_ = t.file.Close()
		_ = os.Remove(t.file.Name())
	}
}

// mostTokenBytes bounds the tokens of frozen encoders that are in memory.
const mostTokenBytes = 512 << 20

// tokenCache shares tokens between the trials of a search. Its zero value is empty.
type tokenCache struct {
	most  int64 // bytes in memory; 0 means mostTokenBytes
	mutex sync.Mutex
	used  int64 // bytes in memory
	made  map[string]*cachedTokens
}

// cachedTokens are tokens that are there when ready is closed, or the error of the trial that should have made them.
type cachedTokens struct {
	ready    chan struct{}
	tokens   *tokens
	err      error
	users    int
	bytes    int64
	inMemory bool
}

// get returns the tokens with a key and a function to call when they are not needed any more. If no other trial has made them,
// fill adds them row by row.
func (c *tokenCache) get(ctx context.Context, key string, rows, size int, fill func(*tokens) error) (*tokens, func(), error) {
	for {
		e, mine := c.use(key, 4*int64(rows)*int64(size))
		release := func() { c.release(key, e) }
		if mine {
			if e.tokens, e.err = newTokens(rows, size, e.inMemory); e.err == nil {
				e.err = fill(e.tokens)
			}
			if e.err != nil {
				c.drop(key, e)
			}
			close(e.ready)
		}
		select {
		case <-e.ready:
		case <-ctx.Done():
			release()
			return nil, nil, ctx.Err()
		}
		if e.err == nil {
			return e.tokens, release, nil
		}
		release()
		if mine { // otherwise try: the error may be that of the other trial alone
			return nil, nil, e.err
		}
	}
}

// use returns the tokens with a key, and whether the caller must make them. For those that are in memory others that nobody uses
// make room; without room, they are in a file.
func (c *tokenCache) use(key string, bytes int64) (e *cachedTokens, mine bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if e, known := c.made[key]; known {
		e.users++
		return e, false
	}
	most := cmp.Or(c.most, mostTokenBytes)
	for other, old := range c.made {
		if bytes <= most && c.used+bytes > most && old.users == 0 {
			c.remove(other, old)
		}
	}
	e = &cachedTokens{ready: make(chan struct{}), users: 1, bytes: bytes, inMemory: c.used+bytes <= most}
	if e.inMemory {
		c.used += bytes
	}
	if c.made == nil {
		c.made = map[string]*cachedTokens{}
	}
	c.made[key] = e
	return e, true
}

// release ends a use. Tokens in a file are removed after their last use.
func (c *tokenCache) release(key string, e *cachedTokens) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if e.users--; e.users == 0 && !e.inMemory && c.made[key] == e {
		c.remove(key, e)
	}
}

// drop removes tokens that could not be made.
func (c *tokenCache) drop(key string, e *cachedTokens) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.remove(key, e)
}

// clear removes all tokens that nobody uses.
func (c *tokenCache) clear() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for key, e := range c.made {
		if e.users == 0 {
			c.remove(key, e)
		}
	}
}

// remove removes tokens. The caller holds the mutex.
func (c *tokenCache) remove(key string, e *cachedTokens) {
	delete(c.made, key)
	if e.inMemory {
		c.used -= e.bytes
	}
	if e.tokens != nil {
		e.tokens.close()
	}
}
