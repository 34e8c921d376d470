package store

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// content is the bbolt file of a store.
func content(t testing.TB, s *Store) []byte {
	t.Helper()
	content, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// sealMeta gives the meta pages of a file the checksums that their content asks for.
func sealMeta(file []byte) {
	if len(file) < 80 {
		return
	}
	for _, position := range []uint64{0, uint64(order.Uint32(file[pageHead+8:]))} {
		if uint64(len(file)) >= position+80 {
			sum := fnv.New64a()
			sum.Write(file[position+16 : position+72])
			order.PutUint64(file[position+72:], sum.Sum64())
		}
	}
}

// bolt finds the places in a bbolt file that tests damage.
type bolt struct {
	t    testing.TB
	file []byte
	meta
}

func openBolt(t testing.TB, file []byte) bolt {
	m, ok := readMeta(bytes.NewReader(file))
	if !ok {
		t.Fatal("no bbolt file")
	}
	return bolt{t, bytes.Clone(file), m}
}

// page is a page with all that follows it.
func (b bolt) page(id uint64) []byte { return b.file[id*uint64(b.pageSize):] }

// element is an element of a page.
func (b bolt) element(page uint64, i int) []byte { return b.page(page)[pageHead+i*element:] }

// scores is the root page of the bucket of scores: the second of the root bucket.
func (b bolt) scores() uint64 {
	e := b.element(b.root, 1)
	position := order.Uint32(e[4:]) + order.Uint32(e[8:])
	return order.Uint64(e[position:])
}

func (b bolt) child(page uint64, i int) uint64 { return order.Uint64(b.element(page, i)[8:]) }

// newestMeta is what the newest meta page says after its head.
func (b bolt) newestMeta() []byte { return b.page(b.transaction % 2)[pageHead:] }

// Whatever is wrong with pages is damage that names one, before bbolt sees it.
func TestDamagedPages(t *testing.T) {
	s := temporaryStore(t)
	manyScores(t, s, 600) // three levels
	sound := content(t, s)
	b := openBolt(t, sound)
	top := b.scores()
	middle := b.child(top, 0)
	leaf := b.child(middle, 0)
	if flags := order.Uint16(b.page(leaf)[8:]); flags != leafPage {
		t.Fatalf("page %d has flags %d, want a leaf under two branches", leaf, flags)
	}
	free := order.Uint64(b.page(b.freelist)[pageHead:])
	for name, c := range map[string]struct {
		damage func(b bolt)
		page   uint64
		says   string
	}{
		"cycle":              {func(b bolt) { order.PutUint64(b.element(middle, 0)[8:], top) }, top, "used twice"},
		"itself":             {func(b bolt) { order.PutUint64(b.element(top, 0)[8:], top) }, top, "used twice"},
		"two parents":        {func(b bolt) { order.PutUint64(b.element(middle, 1)[8:], leaf) }, leaf, "used twice"},
		"past the end":       {func(b bolt) { order.PutUint64(b.element(middle, 1)[8:], 1<<60) }, 1 << 60, "not among"},
		"meta page":          {func(b bolt) { order.PutUint64(b.element(middle, 1)[8:], 1) }, 1, "not among"},
		"free page":          {func(b bolt) { order.PutUint64(b.element(middle, 1)[8:], free) }, free, ""},
		"list of free pages": {func(b bolt) { order.PutUint64(b.element(middle, 1)[8:], b.freelist) }, b.freelist, "used twice"},
		"root":               {func(b bolt) { order.PutUint64(b.newestMeta()[16:], 1<<50) }, 1 << 50, "not among"},
		"another number":     {func(b bolt) { order.PutUint64(b.page(leaf), leaf+1) }, leaf, "its header says page"},
		"flags":              {func(b bolt) { order.PutUint16(b.page(leaf)[8:], 6) }, leaf, "flags 0x6"},
		"leaf as branch":     {func(b bolt) { order.PutUint16(b.page(leaf)[8:], branchPage) }, leaf, ""},
		"branch as leaf":     {func(b bolt) { order.PutUint16(b.page(middle)[8:], leafPage) }, middle, ""},
		"many elements":      {func(b bolt) { order.PutUint16(b.page(leaf)[10:], 0xFFFF) }, leaf, "cannot hold 65535 elements"},
		"an element less":    {func(b bolt) { order.PutUint16(b.page(leaf)[10:], order.Uint16(b.page(leaf)[10:])-1) }, leaf, "not where they should be"},
		"no element":         {func(b bolt) { order.PutUint16(b.page(leaf)[10:], 0) }, leaf, "it is empty"},
		"overlap":            {func(b bolt) { order.PutUint32(b.page(leaf)[12:], 1) }, leaf + 1, "used twice"},
		"overflow":           {func(b bolt) { order.PutUint32(b.page(leaf)[12:], 1<<31) }, leaf, "not among"},
		"position":           {func(b bolt) { order.PutUint32(b.element(leaf, 1)[4:], 1<<31) }, leaf, "element 1 are not where"},
		"long key":           {func(b bolt) { order.PutUint32(b.element(leaf, 0)[8:], 1<<31) }, leaf, "key of 2147483648 bytes"},
		"no key":             {func(b bolt) { order.PutUint32(b.element(leaf, 0)[8:], 0) }, leaf, "key of 0 bytes"},
		"long value":         {func(b bolt) { order.PutUint32(b.element(leaf, 0)[12:], 1<<31) }, leaf, "value of 2147483648 bytes"},
		"element flags":      {func(b bolt) { order.PutUint32(b.element(leaf, 0), 2) }, leaf, "flags 0x2"},
		"record as bucket":   {func(b bolt) { order.PutUint32(b.element(leaf, 0), bucketElement) }, leaf, "after a bucket"},
		"first key":          {func(b bolt) { key := b.element(leaf, 0); key[order.Uint32(key[4:])] = '!' }, leaf, "not the one that leads to it"},
		"key of the next page": {func(b bolt) {
			key := b.element(leaf, int(order.Uint16(b.page(leaf)[10:]))-1)
			key[order.Uint32(key[4:])] = 'z'
		}, leaf, "belongs to another page"},
		"last key": {func(b bolt) {
			key := b.element(leaf, int(order.Uint16(b.page(leaf)[10:]))-1)
			key[order.Uint32(key[4:])] = '!'
		}, leaf, "not in order"},
		"branch key": {func(b bolt) { key := b.element(middle, 0); key[order.Uint32(key)] = '~' }, middle, ""},

		"no free pages":        {func(b bolt) { order.PutUint64(b.newestMeta()[32:], 1<<64-1) }, 1<<64 - 1, "not among"},
		"free pages elsewhere": {func(b bolt) { order.PutUint64(b.newestMeta()[32:], leaf) }, leaf, "where the list of free pages should be"},
		"many free pages":      {func(b bolt) { order.PutUint16(b.page(b.freelist)[10:], 0xFFFE) }, b.freelist, "cannot hold 65534 free pages"},
		"very many free pages": {func(b bolt) {
			order.PutUint16(b.page(b.freelist)[10:], 0xFFFF)
			order.PutUint64(b.page(b.freelist)[16:], 1<<63)
		}, b.freelist, "cannot hold 9223372036854775808 free pages"},
		"free pages out of order": {func(b bolt) { order.PutUint64(b.page(b.freelist)[24:], free) }, b.freelist, "not in order"},
		"free page past the end":  {func(b bolt) { order.PutUint64(b.page(b.freelist)[16:], 1<<40) }, 1 << 40, "not among"},
		"free page that is in use": {func(b bolt) {
			order.PutUint16(b.page(b.freelist)[10:], 1)
			order.PutUint64(b.page(b.freelist)[16:], leaf)
		}, leaf, "used twice"},
		"inline bucket": {func(b bolt) {
			e := b.element(b.root, 0)
			value := e[order.Uint32(e[4:])+order.Uint32(e[8:]):]
			order.PutUint16(value[bucketHead+10:], 0)
		}, b.root, "unused bytes in an inline bucket"},
	} {
		t.Run(name, func(t *testing.T) {
			b := openBolt(t, sound)
			c.damage(b)
			sealMeta(b.file)
			if bytes.Equal(b.file, sound) {
				t.Fatal("nothing is damaged")
			}
			if err := os.WriteFile(s.path, b.file, 0o644); err != nil {
				t.Fatal(err)
			}
			says := fmt.Sprintf("page %d: ", c.page)
			_, err := putTrial(s, 0)
			wantError(t, err, ErrDamaged, says)
			wantError(t, err, ErrDamaged, c.says)
			for _, readOnly := range []bool{true, false} {
				_, err = Open(t.Context(), s.path, Options{ReadOnly: readOnly})
				wantError(t, err, ErrDamaged, says)
			}
			if !bytes.Equal(content(t, s), b.file) {
				t.Error("the file was changed")
			}
		})
	}
}

// Branches that lead to branches for ever overflow no stack.
func TestDeepPages(t *testing.T) {
	s := temporaryStore(t)
	manyScores(t, s, 100)
	b := openBolt(t, content(t, s))
	const chain = 200
	first := b.pages
	file := make([]byte, (first+chain)*uint64(b.pageSize))
	copy(file, b.file)
	b.file = file
	for id := first; id < first+chain; id++ {
		copy(b.page(id)[:b.pageSize], b.page(b.scores())[:b.pageSize])
		order.PutUint64(b.page(id), id)
		order.PutUint16(b.page(id)[10:], 1)
		order.PutUint32(b.element(id, 0), element)
		copy(b.element(id, 0)[element:], b.element(b.scores(), 0)[order.Uint32(b.element(b.scores(), 0)):][:64])
		order.PutUint64(b.element(id, 0)[8:], id+1)
	}
	order.PutUint64(b.element(b.scores(), 0)[8:], first)
	order.PutUint64(b.newestMeta()[40:], first+chain)
	sealMeta(b.file)
	if err := os.WriteFile(s.path, b.file, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := s.List(t.Context())
	wantError(t, err, ErrDamaged, "pages deep")
}

// Pages are walked once for each state of the file, and not for those that this process wrote.
func TestPagesAreWalkedOnce(t *testing.T) {
	s := temporaryStore(t)
	sc := put(t, s, 1)
	walked := s.examined.Load()
	if _, err := s.Get(t.Context(), sc.Key); err != nil || s.examined.Load() != walked {
		t.Errorf("a store that nobody changed was walked again, %v", err)
	}
	other, err := Open(t.Context(), s.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, other, 2)
	for range 2 {
		if _, err := s.Get(t.Context(), sc.Key); err != nil {
			t.Fatal(err)
		}
		if now := s.examined.Load(); now == walked || !now.is(*other.examined.Load()) {
			t.Error("a store that another process changed was not walked")
		}
	}
}

// What bbolt writes passes, whatever is added to a store and removed from it.
func TestSoundPages(t *testing.T) {
	s := temporaryStore(t)
	sc, _, _ := trial(1)
	short := record(t, sc)
	long := append(bytes.Clone(short), bytes.Repeat([]byte(" "), 9000)...)
	rng := rand.New(rand.NewPCG(1, 2))
	for transaction := range 120 {
		err := s.update(t.Context(), func(scores *bbolt.Bucket) error {
			for range rng.IntN(60) {
				key := []byte(digest(fmt.Append(nil, rng.IntN(600))))
				r := short
				if rng.IntN(10) == 0 {
					r = long
				}
				var err error
				if rng.IntN(120) > transaction { // it grows, then shrinks
					err = scores.Put(key, r)
				} else {
					err = scores.Delete(key)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b := openBolt(t, content(t, s))
		if err := checkPages(bytes.NewReader(b.file), b.meta); err != nil {
			t.Fatalf("transaction %d: %v", transaction, err)
		}
	}
}

var mutations = flag.Int("mutations", 300, "number of damaged stores that TestMutations opens")

// Whatever bytes of a store change, each record that it still gives is the one that was written, and nothing hangs or
// crashes. Only a damaged meta page may cost a score: as after a lost write, the one before it counts.
func TestMutations(t *testing.T) {
	s := temporaryStore(t)
	want := map[string]Score{}
	for i := range 15 {
		sc := put(t, s, i)
		want[sc.Key] = sc
	}
	sound := content(t, s)
	sound = sound[:openBolt(t, sound).length()]
	pageSize := os.Getpagesize()
	accepted, silent := 0, 0
	for seed := range *mutations {
		rng := rand.New(rand.NewPCG(uint64(seed), 0))
		file := bytes.Clone(sound)
		headOnly := rng.IntN(2) == 0 // where the structure is
		meta := false
		for range 1 + rng.IntN(3) {
			i := rng.IntN(len(file))
			if headOnly {
				i = i/pageSize*pageSize + rng.IntN(160)
			}
			file[i] ^= byte(1 + rng.IntN(255))
			meta = meta || i < 2*pageSize
		}
		if rng.IntN(2) == 0 {
			sealMeta(file)
		}
		if err := os.WriteFile(s.path, file, 0o644); err != nil {
			t.Fatal(err)
		}
		check := func(when string) {
			list, err := s.List(t.Context())
			if err != nil {
				if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrNewer) {
					t.Errorf("seed %d: %s: %v", seed, when, err)
				}
			} else if len(list) < len(want) && !meta {
				t.Errorf("seed %d: %s: %d scores without an error", seed, when, len(list))
			}
			for _, sc := range list {
				if w, known := want[sc.Key]; known && !reflect.DeepEqual(sc, w) {
					t.Errorf("seed %d: %s: got %+v, want %+v", seed, when, sc, w)
					silent++
				}
			}
		}
		check("reading")
		if _, err := putTrial(s, 20); err == nil {
			accepted++
			check("after a new score")
			b := openBolt(t, content(t, s))
			if err := checkPages(bytes.NewReader(b.file), b.meta); err != nil {
				t.Errorf("seed %d: a new score left %v", seed, err)
			}
		}
	}
	t.Logf("%d of %d damaged stores took a new score", accepted, *mutations)
	if accepted == 0 || accepted == *mutations {
		t.Errorf("%d of %d damaged stores took a new score: the test shows nothing", accepted, *mutations)
	}
}

// FuzzPages: no bytes make the walk crash or last.
func FuzzPages(f *testing.F) {
	for _, n := range []int{0, 1, 60} {
		f.Add(smallPages(f, n), false)
		f.Add(smallPages(f, n), true)
	}
	f.Add([]byte(strings.Repeat("scores: none\n", 900)), false)
	f.Fuzz(func(t *testing.T, file []byte, seal bool) {
		if seal {
			file = bytes.Clone(file)
			sealMeta(file)
		}
		m, ok := readMeta(bytes.NewReader(file))
		if !ok {
			return
		}
		err := m.checkLength(int64(len(file)))
		if err == nil {
			err = checkPages(bytes.NewReader(file), m)
		}
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
	})
}

// smallPages is a bbolt file of n short records in pages of 1 KiB.
func smallPages(t testing.TB, n int) []byte {
	path := filepath.Join(t.TempDir(), "small.db")
	db, err := bbolt.Open(path, 0o644, &bbolt.Options{PageSize: 1 << 10, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n + 1 {
		err := db.Update(func(tx *bbolt.Tx) error {
			if _, err := tx.CreateBucketIfNotExists(metaBucket); err != nil {
				return err
			}
			scores, err := tx.CreateBucketIfNotExists(scoresBucket)
			if err != nil || i == n {
				return err
			}
			return scores.Put([]byte(digest(fmt.Append(nil, i))), bytes.Repeat([]byte("x"), i*20))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b := openBolt(t, file)
	if err := checkPages(bytes.NewReader(file), b.meta); err != nil {
		t.Fatal(err)
	}
	return file[:b.length()]
}

// manyScores adds copies of a record under n keys, in few transactions.
func manyScores(t testing.TB, s *Store, n int) {
	t.Helper()
	sc, _, _ := trial(1)
	r := record(t, sc)
	for first := 0; first < n; first += 1000 {
		err := s.update(t.Context(), func(scores *bbolt.Bucket) error {
			for i := range min(1000, n-first) {
				if err := scores.Put([]byte(digest(fmt.Append(nil, first+i))), r); err != nil {
					return err
				}
			}
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// growing is a file to which another process writes between any two looks at it.
type growing struct {
	*os.File
	grow func()
}

func (g *growing) Stat() (fs.FileInfo, error) {
	g.grow()
	defer g.grow()
	return g.File.Stat()
}

func (g *growing) ReadAt(p []byte, at int64) (int, error) {
	g.grow()
	defer g.grow()
	return g.File.ReadAt(p, at)
}

func TestGrowthIsNoDamage(t *testing.T) {
	s := temporaryStore(t)
	file, err := os.Open(s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	i := 0
	_, err = s.readState(&growing{file, func() {
		i++
		sc := failedTrial(i)
		sc.Reason = strings.Repeat("long ", 100_000)
		if _, err := s.Put(t.Context(), sc, nil, nil); err != nil {
			t.Error(err)
		}
	}})
	if err != nil {
		t.Error(err)
	}
}

// BenchmarkPages walks a store of 100,000 scores.
func BenchmarkPages(b *testing.B) {
	s := temporaryStore(b)
	manyScores(b, s, 100_000)
	file, err := os.Open(s.path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	now, err := s.readState(file)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := checkPages(file, now.meta); err != nil {
			b.Fatal(err)
		}
	}
}
