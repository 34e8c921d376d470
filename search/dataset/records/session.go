package records

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode/utf8"

	"mixmas/search/dataset"
	"mixmas/search/dataset/arrayfile"
	"mixmas/search/dataset/decoded"
	"mixmas/search/dataset/files"
	"mixmas/search/dataset/tabular"
)

// session is what a data set is opened with: the files, the cache and how tables are written.
type session struct {
	root        *files.Root
	cache       *decoded.Cache
	environment dataset.Environment
	tables      tabular.Options
	unlabelled  bool                         // folders of pictures need not say their classes
	arrayFiles  map[string]*arrayfile.Column // by path; to be closed

	lock    sync.Mutex
	folders map[string]*files.Folder
}

func newSession(o *Options, e dataset.Environment) (*session, error) {
	cache, err := decoded.Open(e.Decoded, e.DecodedBytes)
	if err != nil {
		return nil, err
	}
	s := &session{cache: cache, environment: e, tables: tabular.Options{NoHeader: !o.Header}, folders: map[string]*files.Folder{}, arrayFiles: map[string]*arrayfile.Column{}}
	s.root = files.New(e.Folder, files.Options{Cache: e.Cache, Verify: e.Verify, Temporary: e.Decoded})
	switch o.Delimiter {
	case "":
	case "tab":
		s.tables.Delimiter = '\t'
	default:
		s.tables.Delimiter, _ = utf8.DecodeRuneInString(o.Delimiter)
	}
	return s, nil
}

func (s *session) close() error {
	failed := s.root.Close()
	for _, c := range s.arrayFiles {
		failed = errors.Join(failed, c.Close())
	}
	return failed
}

// folder opens a folder for names that come from data.
func (s *session) folder(ctx context.Context, path string) (*files.Folder, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if f := s.folders[path]; f != nil {
		return f, nil
	}
	f, err := s.root.Folder(ctx, path)
	if err == nil {
		s.folders[path] = f
	}
	return f, err
}

// read reads a file that a cell names.
func (s *session) read(ctx context.Context, folder, name string, most int64) ([]byte, error) {
	f, err := s.folder(ctx, folder)
	if err != nil {
		return nil, err
	}
	return f.Read(ctx, s.within(folder, name), most)
}

// within makes a name relative to a folder, if it is the absolute path of something in it.
func (s *session) within(folder, name string) string { return files.Within(s.onDisk(folder), name) }

// onDisk is a path that a person names, from the working folder.
func (s *session) onDisk(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.environment.Folder, path)
}

// isArray reports whether a file holds an array, by its name or its first bytes.
func (s *session) isArray(ctx context.Context, name string) (bool, error) {
	lower := strings.TrimSuffix(strings.ToLower(name), ".gz")
	switch {
	case inArchive(lower), strings.HasSuffix(lower, ".npy"), strings.HasSuffix(lower, ".npz"):
		return true, nil
	case tabular.IsTable(name):
		return false, nil
	}
	f, err := s.root.Open(ctx, name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 6)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return false, err
	}
	head = head[:n]
	isIDX := n >= 4 && head[0] == 0 && head[1] == 0 && head[2] >= 8 && head[2] <= 14 && head[3] >= 1 && head[3] <= 8
	return isIDX || bytes.HasPrefix(head, []byte("\x93NUMPY")), nil
}

// inArchive reports whether a path leads to an array of an npz file.
func inArchive(name string) bool { return strings.Contains(strings.ToLower(name), ".npz/") }

// openArray opens an array file, once.
func (s *session) openArray(ctx context.Context, name string) (*arrayfile.Column, error) {
	if c := s.arrayFiles[name]; c != nil {
		return c, nil
	}
	var c *arrayfile.Column
	var err error
	if s.packed(name) {
		c, err = s.entry(ctx, name).Column(ctx, s.environment, s.cache.Cache)
	} else {
		c, err = arrayfile.Open(ctx, s.onDisk(name), s.environment, s.cache.Cache)
	}
	if err != nil {
		return nil, err
	}
	s.arrayFiles[name] = c
	return c, nil
}

// openWords opens an array file of texts.
func (s *session) openWords(ctx context.Context, name string) (*arrayfile.Text, error) {
	if s.packed(name) {
		return s.entry(ctx, name).Text(ctx, s.environment, s.cache.Cache)
	}
	return arrayfile.OpenText(ctx, s.onDisk(name), s.environment, s.cache.Cache)
}

// packed reports whether an array file is in an archive other than npz.
func (s *session) packed(name string) bool {
	_, err := os.Stat(s.onDisk(name))
	return err != nil && !inArchive(name)
}

// entry is an array file in an archive.
func (s *session) entry(ctx context.Context, name string) arrayfile.Entry {
	return arrayfile.Entry{Name: s.onDisk(name),
		Open:   func() (io.ReadCloser, error) { return s.root.Open(ctx, name) },
		Digest: func() (string, error) { return s.root.Digest(ctx, name) }}
}

// openTable opens a table, or an array file as a table.
func (s *session) openTable(ctx context.Context, name string) (table, error) {
	array, err := s.isArray(ctx, name)
	if err != nil {
		return nil, err
	}
	if !array {
		return tabular.Open(ctx, s.onDisk(name), func(ctx context.Context) (io.ReadCloser, error) { return s.root.Open(ctx, name) }, s.tables)
	}
	c, err := s.openArray(ctx, name)
	if errors.Is(err, arrayfile.ErrText) {
		words, err := s.openWords(ctx, name)
		if err != nil {
			return nil, err
		}
		return &textTable{words}, nil
	}
	if err != nil {
		return nil, err
	}
	return &arrayTable{c}, nil
}

// textTable shows an array of texts as a table of one column without a name.
type textTable struct{ *arrayfile.Text }

// Columns implements table.
func (t *textTable) Columns() []string { return []string{""} }

// Each implements table.
func (t *textTable) Each(ctx context.Context, use func(row int, cells []string) error) error {
	return t.Text.Each(ctx, func(row int, cell string) error { return use(row, []string{cell}) })
}
