package trial

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"sync"
	"unsafe"

	"github.com/dustin/go-humanize"

	"mixmas/nn"
	"mixmas/nn/cpu/limits"
)

// tokens are what a frozen encoder makes of some rows, one after the other. They are in memory or, if there are too many, in a
// temporary file.
type tokens struct {
	size  int   // elements of a row
	bytes int64 // of all rows
	rows  []float32
	file  *os.File
}

// read writes the tokens of a row to dst. It allocates nothing, and may be called from several goroutines at once.
func (t *tokens) read(row int, dst []float32) error {
	if t.file == nil {
		copy(dst, t.rows[row*t.size:][:t.size])
		return nil
	}
	_, err := t.file.ReadAt(asBytes(dst), 4*int64(row)*int64(t.size))
	return t.explain(err)
}

// add appends the tokens of rows.
func (t *tokens) add(rows []float32) error {
	if t.file == nil {
		t.rows = append(t.rows, rows...)
		return nil
	}
	_, err := t.file.Write(asBytes(rows))
	return t.explain(err)
}

// asBytes returns the memory of numbers as bytes, for files that only this process reads.
func asBytes(numbers []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), 4*len(numbers))
}

// newTokens returns tokens without rows, with room for some, in memory or in a file that create makes.
func newTokens(rows, size int, inMemory bool, create func() (*os.File, error)) (t *tokens, err error) {
	t = &tokens{size: size, bytes: tokenBytes(rows, size)}
	if inMemory {
		t.rows = make([]float32, 0, rows*size)
	} else {
		t.file, err = create()
	}
	return t, t.explain(err)
}

// tokenBytes is the size of the tokens of some rows, each of size elements.
func tokenBytes(rows, size int) int64 { return 4 * int64(rows) * int64(size) }

// explain makes the error of a file say what it is for. No training is at fault.
func (t *tokens) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: the tokens of frozen encoders, a temporary file of %s beside the store (start: warm needs none): %w",
		nn.ErrSamples, humanize.IBytes(uint64(t.bytes)), err)
}

// close removes a file, which systems that remove open files have done already.
func (t *tokens) close() {
	if t.file != nil {
		_ = t.file.Close()
		_ = os.Remove(t.file.Name())
	}
}

// mostTokenBytes bounds the tokens of frozen encoders that are in memory. What a single encoder makes of some rows takes no more
// than a share of the memory that is left.
const (
	mostTokenBytes  = 512 << 20
	shareForOneMore = 4
)

// memoryLeft returns how many bytes this process may still take, as far as that is known.
func memoryLeft() int64 {
	if limit, known := limits.Least(os.DirFS("/")); known {
		return max(0, limit.Left)
	}
	return math.MaxInt64
}

// tokenCache shares tokens between the trials of a search. Its zero value is empty.
type tokenCache struct {
	most  int64        // bytes in memory; 0 means mostTokenBytes
	left  func() int64 // nil means memoryLeft
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
// fill adds them row by row, to a file that create makes if they are too many for the memory.
func (c *tokenCache) get(ctx context.Context, key string, rows, size int, create func() (*os.File, error), fill func(*tokens) error) (*tokens, func(), error) {
	for {
		e, mine := c.use(key, tokenBytes(rows, size))
		release := func() { c.release(key, e) }
		if mine {
			if e.tokens, e.err = newTokens(rows, size, e.inMemory, create); e.err == nil {
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
	left := memoryLeft
	if c.left != nil {
		left = c.left
	}
	most := cmp.Or(c.most, mostTokenBytes)
	fits := bytes <= most && bytes <= left()/shareForOneMore
	for other, old := range c.made {
		if fits && c.used+bytes > most && old.users == 0 {
			c.remove(other, old)
		}
	}
	e = &cachedTokens{ready: make(chan struct{}), users: 1, bytes: bytes, inMemory: fits && c.used+bytes <= most}
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
