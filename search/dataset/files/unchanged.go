package files

import (
	"context"
	"fmt"
	"slices"

	"mixmas/search/escape"
	"mixmas/search/identity"
	"mixmas/search/regular"
)

// Unchanged returns an error that names a file if one may have been written to since it was first opened or digested. Files that
// only [Folder.Open] opened are not watched. If only the change time of a file differs (it was renamed, or got other permissions),
// or its time stamps are too recent to tell, its digest decides, if it was asked for before.
func (r *Root) Unchanged(ctx context.Context) error {
	if err := r.archives.unchanged(); err != nil {
		return err
	}
	w := &r.watched
	w.lock.Lock()
	defer w.lock.Unlock()
	for path, u := range w.files {
		if err := u.unchanged(ctx, path); err != nil {
			return err
		}
	}
	for _, list := range w.lists {
		if err := list.unchanged(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (u *used) unchanged(ctx context.Context, path string) error {
	asked := now()
	f, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	current, err := identity.Of(f)
	if err != nil {
		return err
	}
	written := fmt.Errorf("%s: %w", escape.Terminal(path), errWritten)
	if !current.SameContent(u.identity) || !current.Equal(u.identity) && u.digest == "" {
		return written
	}
	if current.Equal(u.identity) && (u.telling || u.digest == "") {
		return nil
	}
	sum, err := digest(ctx, escape.Terminal(path), f)
	if err != nil {
		return err
	}
	if sum != u.digest {
		return written
	}
	u.identity, u.telling = current, current.Telling(asked)
	return nil
}

func (u *usedList) unchanged(ctx context.Context) error {
	same, at := u.telling, &position{folder: u.folder}
	defer at.close()
	for row, name := range u.names {
		if row%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		i, err := at.identify(ctx, name)
		if err != nil {
			return err
		}
		if m := i.Mark(); !m.SameContent(u.marks[row]) {
			return fmt.Errorf("%s: %w", u.folder.shown(name), errWritten)
		} else if m != u.marks[row] {
			same = false
		}
	}
	if same {
		return nil
	}
	again := &usedList{folder: u.folder, names: u.names, marks: slices.Clone(u.marks)}
	if err := again.compute(ctx); err != nil {
		return err
	}
	if again.digest != u.digest {
		return fmt.Errorf("%s: one of %d files was written to while it was in use: run again", u.folder, len(u.names))
	}
	u.marks, u.telling = again.marks, again.telling
	return nil
}

// unchanged compares the archives with what they were. Of those that were unpacked, the copy is used.
func (s *archives) unchanged() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, a := range s.open {
		if a.copied {
			continue
		}
		current, err := identity.Of(a.file)
		if err != nil {
			return err
		}
		if !current.Equal(a.identity) {
			return fmt.Errorf("%s: %w", a.shown(), errWritten)
		}
	}
	return nil
}
