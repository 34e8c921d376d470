package files

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"mixmas/search/escape"
)

// Glob returns the sorted paths of the files that a pattern of [path.Match] matches, for Open. A pattern may pass through
// archives. Hidden files only match patterns that begin with a dot. The path of a file is itself. It is an error if there is none.
func (r *Root) Glob(ctx context.Context, pattern string) ([]string, error) {
	p, err := r.resolve(ctx, pattern)
	special := strings.ContainsAny(pattern, `*?[`)
	if err == nil && (p.kind == File || p.archive != nil && p.inside == "") {
		return []string{pattern}, nil
	}
	if err == nil && !special {
		return nil, fmt.Errorf("%s is a folder, want files: for example %s", p.shown(), escape.Terminal(path.Join(pattern, "*.csv")))
	}
	if !special {
		return nil, err
	}
	if _, err := path.Match(filepath.ToSlash(pattern), ""); err != nil {
		return nil, fmt.Errorf("%s: the pattern is not valid: want *, ?, [a-z] and other characters as they are", escape.Terminal(pattern))
	}
	parts := strings.Split(filepath.ToSlash(pattern), "/")
	plain := slices.IndexFunc(parts, func(part string) bool { return strings.ContainsAny(part, `*?[`) })
	base := strings.Join(parts[:plain], "/")
	if plain == 1 && base == "" {
		base = "/"
	}
	if _, err := r.resolve(ctx, base); err != nil {
		return nil, err
	}
	found, err := r.match(ctx, base, parts[plain:], nil)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no file matches %s: %w", escape.Terminal(pattern), fs.ErrNotExist)
	}
	slices.Sort(found)
	return found, err
}

// match appends the paths of the files below a folder that match the parts of a pattern.
func (r *Root) match(ctx context.Context, folder string, parts []string, found []string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names, err := r.children(ctx, folder)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if ok, _ := path.Match(parts[0], name); !ok || hidden(name) && !strings.HasPrefix(parts[0], ".") {
			continue
		}
		full := name
		if folder != "" {
			full = strings.TrimSuffix(folder, "/") + "/" + name
		}
		p, err := r.resolve(ctx, full)
		if err != nil {
			return nil, err
		}
		switch {
		case len(parts) > 1 && p.kind == Directory:
			found, err = r.match(ctx, full, parts[1:], found)
		case len(parts) == 1 && (p.kind == File || p.archive != nil && p.inside == ""):
			found = append(found, full)
		}
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// children are the sorted names in a folder or archive.
func (r *Root) children(ctx context.Context, folder string) ([]string, error) {
	p, err := r.resolve(ctx, folder)
	if err != nil || p.kind != Directory {
		return nil, err
	}
	var names []string
	if p.archive == nil {
		entries, err := os.ReadDir(p.path)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names, nil
	}
	below := 0
	if p.inside != "" {
		below = len(p.inside) + 1
	}
	for _, e := range p.archive.below(p.inside) {
		name, _, _ := strings.Cut(e.name[below:], "/")
		if hidden(name) {
			continue
		}
		if err := p.archive.check(e); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	slices.Sort(names) // "a.b" lies between "a" and "a/b"
	return slices.Compact(names), nil
}
