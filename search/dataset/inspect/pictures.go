package inspect

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/files"
	"mixmas/search/dataset/npy"
	"mixmas/search/dataset/picture"
	"mixmas/search/escape"
)

// mostOpened is the number of pictures or arrays of a column that are opened.
const mostOpened = 200

// sample keeps cells of rows that are spread evenly, at most mostOpened.
type sample struct {
	cells  []string
	stride int
	seen   int
}

func (s *sample) add(cell string) {
	const longest = 1024 // of a path
	if len(cell) > longest || !strings.Contains(cell, ".") || feature.IsMissing(cell) {
		return
	}
	s.stride = max(s.stride, 1)
	if s.seen++; (s.seen-1)%s.stride != 0 {
		return
	}
	if len(s.cells) == mostOpened { // keep every second
		for i := range mostOpened / 2 {
			s.cells[i] = s.cells[2*i]
		}
		s.cells = s.cells[:mostOpened/2]
		if s.stride *= 2; (s.seen-1)%s.stride != 0 {
			return
		}
	}
	s.cells = append(s.cells, strings.Clone(cell))
}

// openFiles opens some of the pictures and arrays that columns name.
func (p *Proposal) openFiles(ctx context.Context) error {
	for i := range p.Columns {
		c := &p.Columns[i]
		if c.Kind != feature.Picture && c.Kind != feature.Array {
			continue
		}
		if len(c.paths.cells) == 0 {
			c.Kind, c.Hint = feature.Unused, "every cell is missing"
			continue
		}
		if err := p.findFolder(ctx, c); err != nil {
			return err
		}
		if err := p.openColumn(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// findFolder finds where the paths of a column start: in the folder of the table, in a folder or archive in it, or in a folder of
// such an archive, as archives of a folder have it.
func (p *Proposal) findFolder(ctx context.Context, c *Column) error {
	candidates := []string{""}
	below, err := p.below(ctx)
	if err != nil {
		return err
	}
	for _, folder := range append(candidates, below...) {
		f, err := p.root.Folder(ctx, p.at(folder))
		if err != nil {
			continue // not an archive after all
		}
		for _, cell := range c.paths.cells[:min(len(c.paths.cells), 5)] {
			r, err := f.Open(ctx, p.within(folder, cell))
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err == nil {
				r.Close()
				c.folder = folder
				return nil
			}
		}
		if !isArchive(folder) {
			continue
		}
		names, err := f.List(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			continue
		}
		for _, cell := range c.paths.cells[:min(len(c.paths.cells), 5)] {
			ending := "/" + p.within(folder, cell)
			if i := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, ending) }); i >= 0 {
				c.folder = folder + "/" + strings.TrimSuffix(names[i], ending)
				return nil
			}
		}
	}
	return nil
}

// within makes the path in a cell relative to a folder, if it is the absolute path of something in it.
func (p *Proposal) within(folder, cell string) string {
	return files.Within(p.at(folder), strings.TrimSpace(cell))
}

// at is a folder below that of the table.
func (p *Proposal) at(folder string) string {
	switch {
	case folder == "":
		return p.source.folder
	case p.source.folder == "":
		return folder
	}
	return join(p.source.folder, folder)
}

// below lists the folders and archives in the folder of the table, at most some dozens.
func (p *Proposal) below(ctx context.Context) (list []string, err error) {
	const most = 50
	folder := p.source.folder
	if folder == "" {
		folder = "."
	}
	if entries, err := os.ReadDir(filepath.FromSlash(folder)); err == nil {
		for _, e := range entries {
			if hidden := strings.HasPrefix(e.Name(), "."); !hidden && (e.IsDir() || isArchive(e.Name())) && len(list) < most {
				list = append(list, e.Name())
			}
		}
		return list, nil
	}
	f, err := p.root.Folder(ctx, folder) // inside an archive
	if err != nil {
		return nil, err
	}
	names, err := f.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		first, _, deeper := strings.Cut(name, "/")
		if deeper && !slices.Contains(list, first) && len(list) < most {
			list = append(list, first)
		}
	}
	return list, nil
}

func isArchive(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, ".zip") || strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz")
}

// openColumn opens a sample of the files of a column.
func (p *Proposal) openColumn(ctx context.Context, c *Column) error {
	folder, err := p.root.Folder(ctx, p.at(c.folder))
	if err != nil {
		return err
	}
	var failed []string
	var first error
	var pictures []picture.Info
	var arrays [][]int
	for _, cell := range c.paths.cells {
		var err error
		if c.Kind == feature.Picture {
			var info picture.Info
			if info, err = probe(ctx, folder, p.within(c.folder, cell)); err == nil {
				pictures = append(pictures, info)
			}
		} else {
			var h npy.Header
			if h, err = header(ctx, folder, p.within(c.folder, cell)); err == nil {
				arrays = append(arrays, h.Shape)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = append(failed, cell)
			if first == nil {
				first = err
			}
		}
	}
	what := string(c.Kind) + "s"
	if len(failed) == len(c.paths.cells) {
		c.Kind, c.Hint = feature.Unused, fmt.Sprintf("no %s opens: %v", strings.TrimSuffix(what, "s"), first)
		p.warn("column %s is not used, because %s", c.Title, c.Hint)
		return nil
	}
	if len(failed) > 0 {
		p.warn("column %s: %d of %d %s that were tried do not open: %v", c.Title, len(failed), len(c.paths.cells), what, first)
	}
	if c.Kind == feature.Picture {
		c.setSize(pictures)
	} else {
		c.setLayout(arrays)
	}
	if c.folder != "" {
		c.Reason += fmt.Sprintf(", in %s", escape.Terminal(c.folder))
	}
	return nil
}

func probe(ctx context.Context, folder *files.Folder, name string) (picture.Info, error) {
	const most = 256 << 20
	data, err := folder.Read(ctx, name, most)
	if err != nil {
		return picture.Info{}, err
	}
	info, err := picture.Probe(data)
	if err != nil {
		return info, fmt.Errorf("%s: %w", escape.Terminal(name), err)
	}
	return info, nil
}

func header(ctx context.Context, folder *files.Folder, name string) (npy.Header, error) {
	r, err := folder.Open(ctx, name)
	if err != nil {
		return npy.Header{}, err
	}
	defer r.Close()
	const most = 1 << 20
	data, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return npy.Header{}, err
	}
	h, _, err := npy.ReadHeader(bytes.NewReader(data))
	if err != nil {
		return h, fmt.Errorf("%s: %w", escape.Terminal(name), err)
	}
	return h, nil
}

// setSize proposes a size for pictures.
func (c *Column) setSize(pictures []picture.Info) {
	var heights, widths []int
	c.colours = 1
	for _, info := range pictures {
		heights, widths = append(heights, info.Height), append(widths, info.Width)
		c.colours = max(c.colours, info.Channels)
	}
	high, wide := picture.Size(heights, widths)
	c.size = []int{high, wide}
	colour := "grey"
	if c.colours == 3 {
		colour = "in colour"
	}
	c.Reason += fmt.Sprintf(", %s high and %s wide, %s", span(heights), span(widths), colour)
}

// span shows the range of sorted numbers.
func span(sorted []int) string {
	if first, last := sorted[0], sorted[len(sorted)-1]; first != last {
		return fmt.Sprintf("%d to %d", first, last)
	}
	return fmt.Sprint(sorted[0])
}

// setLayout proposes how arrays are read.
func (c *Column) setLayout(shapes [][]int) {
	axes := len(shapes[0])
	if slices.ContainsFunc(shapes, func(s []int) bool { return len(s) != axes }) || axes < 1 || axes > 3 {
		c.Kind, c.Hint = feature.Unused, "the arrays have different numbers of axes, or more than three"
		return
	}
	c.series = axes < 3
	first, last := shapes[0][0], shapes[0][axes-1]
	few := func(n int) bool { return n == 1 || n == 3 || n == 4 }
	if axes == 3 && few(last) && !few(first) {
		c.layout = "channels_last"
	}
	c.Reason += fmt.Sprintf(" of %s", shapeText(shapes[0]))
	if slices.ContainsFunc(shapes, func(s []int) bool { return !slices.Equal(s, shapes[0]) }) {
		c.Reason += " and other shapes"
	}
}

func shapeText(shape []int) string {
	text := make([]string, len(shape))
	for i, n := range shape {
		text[i] = fmt.Sprint(n)
	}
	return strings.Join(text, "×")
}
