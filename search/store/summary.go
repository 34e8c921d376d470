package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"go.etcd.io/bbolt"
)

// Summary is what a list shows of a score.
type Summary struct {
	Key, Name, Search string
	Status            Status
	// Data is the fingerprint of the data, "" in specifications that have none.
	Data string
	// Values are those of the metrics that were asked for; NaN if they are undefined.
	Values []float64
	// Epochs is the length of the curve.
	Epochs     int
	Parameters int
	Seconds    float64
	Numerics   string
	Finished   time.Time
}

// CompareSummaries orders scores by their i-th value: the best first, the lowest one if lower is set, then partial scores and those
// without the value, then failed ones.
func CompareSummaries(lower bool, i int, a, b *Summary) int {
	class := func(sc *Summary) int {
		switch {
		case sc.Status == Failed:
			return 2
		case sc.Status == Partial || math.IsNaN(sc.Values[i]):
			return 1
		}
		return 0
	}
	if x, y := class(a), class(b); x != 0 || y != 0 {
		return cmp.Compare(x, y)
	}
	if lower {
		a, b = b, a
	}
	return cmp.Compare(b.Values[i], a.Values[i])
}

// Summaries returns what lists show of all scores, with the values of some metrics, sorted by key: first those of ended trials, then
// partial ones. It reads a tenth of what [Store.List] does, and checks the checksums. If records are damaged it still returns the others,
// with the error ErrDamaged, which has one line per damaged record.
func (s *Store) Summaries(ctx context.Context, metrics ...string) (list []Summary, err error) {
	return s.Index(metrics...).Summaries(ctx)
}

// Index keeps the summaries of a store in memory, so that only what has changed is read again. It is safe for concurrent use.
type Index struct {
	store   *Store
	metrics []string
	mutex   sync.Mutex
	known   []indexed // in the order of [Store.Summaries]
	state   *state    // of the store that known is of, or nil
}

// indexed is a summary with the checksum of the record that it was read from.
type indexed struct {
	Summary
	partial bool
	sum     string
}

// Index returns an index of the summaries with the values of some metrics. It reads nothing yet.
func (s *Store) Index(metrics ...string) *Index { return &Index{store: s, metrics: metrics} }

// Summaries returns what [Store.Summaries] does, as the store is now. Records that are as they were are neither read nor checked again.
// The caller may change the list, but not the values of the metrics in it.
func (x *Index) Summaries(ctx context.Context) (list []Summary, err error) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	err = x.store.view(ctx, func(scores *bbolt.Bucket) error {
		state := x.store.examined.Load()
		if state != nil && x.state.is(*state) {
			return nil
		}
		x.state = nil
		type record struct {
			at           int // in the index
			key, content []byte
		}
		var now []indexed
		var fresh []record
		old := x.known
		for _, bucket := range []*bbolt.Bucket{scores, partials(scores)} {
			if bucket == nil {
				continue
			}
			partial := bucket != scores
			cursor := bucket.Cursor()
			for key, content := cursor.First(); key != nil; key, content = cursor.Next() {
				if partial && scores.Get(key) != nil {
					continue
				}
				for len(old) > 0 && (!old[0].partial && partial || old[0].partial == partial && old[0].Key < string(key)) {
					old = old[1:]
				}
				sum := writtenSum(content)
				if len(old) > 0 && old[0].partial == partial && old[0].Key == string(key) && old[0].sum == string(sum) && len(sum) > 0 {
					now = append(now, old[0])
					continue
				}
				fresh = append(fresh, record{len(now), key, content})
				now = append(now, indexed{partial: partial, sum: string(sum)})
			}
		}
		damaged := make([]error, len(fresh))
		const chunk = 256
		err := inParallel((len(fresh)+chunk-1)/chunk, func(c int) error {
			for i := c * chunk; i < min((c+1)*chunk, len(fresh)); i++ {
				r := fresh[i]
				to := &now[r.at]
				to.Summary, damaged[i] = x.store.summarise(string(r.key), r.content, to.partial, x.metrics)
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		x.known = slices.DeleteFunc(now, func(e indexed) bool { return e.Key == "" }) // the damaged ones
		if err = errors.Join(damaged...); err == nil {
			x.state = state
		}
		return err
	})
	if err != nil && !errors.Is(err, ErrDamaged) {
		return nil, err
	}
	list = make([]Summary, len(x.known))
	for i, e := range x.known {
		list[i] = e.Summary
	}
	return list, err
}

// inParallel calls f with 0 to n-1 from several goroutines, until the first error. Like [Store.withDB], it turns a fault in reading the
// mapped file into an error.
func inParallel(n int, f func(i int) error) error {
	var mu sync.Mutex
	var first error
	next := 0
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, first == nil && next <= n
	}
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = err
		}
	}
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		group.Go(func() {
			defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
			defer func() {
				if r := recover(); r != nil {
					fail(fmt.Errorf("%w: %v", ErrDamaged, r))
				}
			}()
			for i, more := take(); more; i, more = take() {
				if err := f(i); err != nil {
					fail(err)
				}
			}
		})
	}
	group.Wait()
	return first
}

// summarise returns the summary of a record. One with a right checksum is as it was written, so it is not checked further; any other is
// decoded and checked like a score that is read.
func (s *Store) summarise(key string, record []byte, partial bool, metrics []string) (Summary, error) {
	if sum, has := recordSum(record); has && len(record) <= longestRecord {
		if sc, ok := scan(record, metrics, sum); ok && sc.Key == key && (sc.Status == Partial) == partial {
			return sc, nil
		}
	}
	full, err := s.decode(key, record, partial)
	if err != nil {
		return Summary{}, err
	}
	sc := Summary{Key: full.Key, Name: full.Name, Search: full.Search, Status: full.Status, Values: undefined(len(metrics)), Epochs: len(full.Curve),
		Parameters: full.Parameters, Seconds: full.Seconds, Numerics: full.Numerics, Finished: full.Finished}
	for i, name := range metrics {
		if value, has := full.Metrics[name]; has {
			sc.Values[i] = value
		}
	}
	var of struct {
		Data string `json:"data"`
	}
	if json.Unmarshal(full.Specification, &of) == nil {
		sc.Data = of.Data
	}
	return sc, nil
}

func undefined(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = math.NaN()
	}
	return values
}

// scan reads the summary from a record whose checksum should be sum. ok is false if something in it is not as encode writes it.
func scan(record []byte, metrics []string, sum string) (sc Summary, ok bool) {
	sc.Values = undefined(len(metrics))
	summed := false
	r := scanner{text: record}
	ok = r.object(func(name []byte) bool {
		switch string(name) {
		case "key":
			return r.string(&sc.Key)
		case "name":
			return r.string(&sc.Name)
		case "search":
			return r.string(&sc.Search)
		case "status":
			return r.string((*string)(&sc.Status))
		case "numerics":
			return r.string(&sc.Numerics)
		case "parameters":
			var value float64
			ok := r.number(&value)
			sc.Parameters = int(value)
			return ok && value >= 0 && value < 1<<53
		case "seconds":
			return r.number(&sc.Seconds)
		case "finished":
			var text string
			if !r.string(&text) {
				return false
			}
			var err error
			sc.Finished, err = time.Parse(time.RFC3339Nano, text)
			return err == nil
		case "specification":
			return r.object(func(name []byte) bool {
				if string(name) == "data" && r.peek() == '"' {
					return r.string(&sc.Data)
				}
				return r.skip()
			})
		case "metrics":
			return r.object(func(name []byte) bool {
				if bytes.IndexByte(name, '\\') >= 0 { // not compared as it is written
					return false
				}
				for i, wanted := range metrics {
					if string(name) == wanted {
						return r.number(&sc.Values[i])
					}
				}
				return r.skip()
			})
		case "curve":
			return r.array(func() bool {
				sc.Epochs++
				return r.skip()
			})
		case "checksum":
			var text string
			ok := r.string(&text)
			summed = text == sum
			return ok && summed
		}
		return r.skip()
	})
	return sc, ok && summed && r.at == len(record)
}

// scanner reads the JSON that encode writes: without white space. Its methods return false where the text is something else.
type scanner struct {
	text []byte
	at   int
}

// peek is the next byte, 0 at the end.
func (r *scanner) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

// take skips a byte that must be next.
func (r *scanner) take(b byte) bool {
	if r.peek() != b {
		return false
	}
	r.at++
	return true
}

// object calls f with the name of each field; f reads the value.
func (r *scanner) object(f func(name []byte) bool) bool {
	if !r.take('{') {
		return false
	}
	if r.take('}') {
		return true
	}
	for {
		name, ok := r.raw()
		if !ok || !r.take(':') || !f(name[1:len(name)-1]) {
			return false
		}
		if !r.take(',') {
			return r.take('}')
		}
	}
}

// array calls f for each element, which reads it.
func (r *scanner) array(f func() bool) bool {
	if !r.take('[') {
		return false
	}
	if r.take(']') {
		return true
	}
	for {
		if !f() {
			return false
		}
		if !r.take(',') {
			return r.take(']')
		}
	}
}

// raw reads a string with its quotes, as it is written.
func (r *scanner) raw() (text []byte, ok bool) {
	from := r.at
	if !r.take('"') {
		return nil, false
	}
	for {
		length := bytes.IndexByte(r.text[r.at:], '"')
		if length < 0 {
			return nil, false
		}
		escapes := 0
		for escapes < length && r.text[r.at+length-1-escapes] == '\\' {
			escapes++
		}
		if r.at += length + 1; escapes%2 == 0 {
			return r.text[from:r.at], true
		}
	}
}

// string reads a string.
func (r *scanner) string(to *string) bool {
	text, ok := r.raw()
	if ok && bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) {
		*to = string(text[1 : len(text)-1])
		return true
	}
	return ok && json.Unmarshal(text, to) == nil
}

// number reads a number.
func (r *scanner) number(to *float64) bool {
	from := r.at
	for r.at < len(r.text) && (r.text[r.at]-'0' < 10 || r.text[r.at] == '-' || r.text[r.at] == '+' || r.text[r.at] == '.' || r.text[r.at]|0x20 == 'e') {
		r.at++
	}
	value, err := strconv.ParseFloat(string(r.text[from:r.at]), 64)
	*to = value
	return err == nil
}

// skip reads any value: the brackets outside of strings must only end as often as they begin.
func (r *scanner) skip() bool {
	for depth := 0; r.at < len(r.text); {
		switch r.text[r.at] {
		case '"':
			if _, ok := r.raw(); !ok {
				return false
			}
			if depth == 0 {
				return true
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return true // after a number
			}
			if depth--; depth == 0 {
				r.at++
				return true
			}
		case ',':
			if depth == 0 {
				return true
			}
		}
		r.at++
	}
	return false
}
