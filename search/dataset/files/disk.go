package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"mixmas/search/escape"
	"mixmas/search/regular"
)

// rawOnDisk opens the bytes of a file in a folder on disk.
func (f *Folder) rawOnDisk(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	file, size, err := f.openOnDisk(name)
	if err == nil {
		return file, size, nil
	}
	for i := range len(name) { // through an archive?
		if name[i] != '/' || !isArchive(name[:i]) {
			continue
		}
		if info, err := f.disk.Stat(name[:i]); err != nil || !info.Mode().IsRegular() {
			continue
		}
		path := filepath.Join(f.path, filepath.FromSlash(name[:i]))
		key, err := filepath.Abs(path)
		if err != nil {
			return nil, 0, err
		}
		a, err := f.root.archive(ctx, key, path, func() (*os.File, error) {
			file, _, err := f.openOnDisk(name[:i])
			return file, err
		})
		if err != nil {
			return nil, 0, err
		}
		return f.root.rawIn(a, name[i+1:])
	}
	return nil, 0, err
}

// openOnDisk opens a regular file in a folder on disk, and returns its size.
func (f *Folder) openOnDisk(name string) (*os.File, int64, error) {
	if err := local(name); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", f.what(name), err)
	}
	info, err := f.disk.Stat(filepath.FromSlash(name)) // opening a pipe would wait for its writer
	if err == nil {
		err = regular.Check(f.shown(name), info)
	} else {
		err = f.explain(name, err)
	}
	if err != nil {
		return nil, 0, err
	}
	file, err := f.disk.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, 0, f.explain(name, err)
	}
	if info, err = file.Stat(); err == nil {
		err = regular.Check(f.shown(name), info)
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// explain makes errors of [os.Root] clearer.
func (f *Folder) explain(name string, err error) error {
	if strings.HasSuffix(err.Error(), "path escapes from parent") { // the error has no name
		return fmt.Errorf("%s is a link, or lies behind one, that leads out of the folder: copy the files into the folder", f.what(name))
	}
	if missing(err) {
		return notOnDisk(filepath.Join(f.path, filepath.FromSlash(name)), err)
	}
	return fmt.Errorf("%s: %w", f.shown(name), errors.Unwrap(err))
}

// missing reports whether an error means that a file does not exist. It may also be that what should be a folder is a file.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// notOnDisk is the error of a path on disk that does not exist. It says what may have been meant, and how far the path exists.
func notOnDisk(full string, err error) error {
	if !missing(err) {
		return err
	}
	base := full
	for {
		parent := filepath.Dir(base)
		if info, err := os.Stat(parent); err == nil || parent == base {
			if err == nil && !info.IsDir() {
				return fmt.Errorf("%s: %w: %s is a file and no folder", escape.Terminal(full), fs.ErrNotExist, escape.Terminal(parent))
			}
			hint := suggestion(filepath.Base(base), someNames(parent))
			if base != full {
				hint = fmt.Sprintf(": there is no folder %s%s", escape.Terminal(base), hint)
			}
			return fmt.Errorf("%s: %w%s", escape.Terminal(full), fs.ErrNotExist, hint)
		}
		base = parent
	}
}

// someNames are names in a folder, at most mostCompared.
func someNames(folder string) []string {
	f, err := os.Open(folder)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(mostCompared) // what it cannot read is not suggested
	slices.Sort(names)
	return names
}

// missing is the error of a name that does not exist in the archive.
func (a *archive) missing(name string) error {
	folder, base := path.Split(name)
	var names []string
	entries := a.below(strings.TrimSuffix(folder, "/"))
	for _, e := range entries[:min(len(entries), mostCompared)] {
		if rest, ok := strings.CutPrefix(e.name, folder); ok {
			first, _, _ := strings.Cut(rest, "/")
			names = append(names, first)
		}
	}
	hint := suggestion(base, names)
	if len(entries) == 0 {
		hint = fmt.Sprintf(": the archive has no folder %s", escape.Terminal(strings.TrimSuffix(folder, "/")))
	}
	return fmt.Errorf("%s/%s: %w%s", a.shown(), shorten(name), fs.ErrNotExist, hint)
}

// listDisk is List of a folder on disk.
func (f *Folder) listDisk(ctx context.Context) ([]string, error) {
	names, err := f.appendNames(ctx, nil, ".")
	slices.Sort(names)
	return names, err
}

// appendNames appends the names of the files in a folder and below. It reads a folder in pieces, since one may hold millions.
func (f *Folder) appendNames(ctx context.Context, names []string, folder string) ([]string, error) {
	open, err := f.disk.Open(filepath.FromSlash(folder))
	if err != nil {
		return nil, f.explain(folder, err)
	}
	defer open.Close()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		entries, err := open.ReadDir(1024)
		if err == io.EOF {
			return names, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.shown(folder), err)
		}
		for _, d := range entries {
			if hidden(d.Name()) {
				continue
			}
			name := path.Join(folder, d.Name())
			if _, err := safe(name); err != nil {
				return nil, fmt.Errorf("%s: %w", f.what(name), err)
			}
			if d.IsDir() {
				names, err = f.appendNames(ctx, names, name)
			} else if err = f.checkListed(name, d); err == nil {
				names = append(names, name)
			}
			if err != nil {
				return nil, err
			}
		}
	}
}

// checkListed returns an error if what a folder lists is no regular file, nor a link to one in the folder.
func (f *Folder) checkListed(name string, d fs.DirEntry) error {
	if d.Type() == 0 {
		return nil
	}
	info, err := f.disk.Stat(filepath.FromSlash(name))
	if err != nil {
		return f.explain(name, err)
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a link to a folder, want the folder itself", f.shown(name))
	}
	return regular.Check(f.shown(name), info)
}
