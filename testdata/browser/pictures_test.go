package browser

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPictures writes screenshots of the report of the built-in search: make report-pictures.
func TestPictures(t *testing.T) {
	if *pictures == "" || *report != "" {
		t.Skip("without -pictures alone")
	}
	folder := t.TempDir()
	mixmas(t, folder, "run", "--store", "s.db", "--out", "out")
	p := picturesOf{t, filepath.Join(folder, "out", "report.html")}
	p.write("report.png", 1280, 1340, false, "")
	p.write("report-models.png", 1280, 1100, false, "models")
	p.write("report-search.png", 1280, 1000, false, "search")
	p.write("report-dark.png", 1280, 1000, true, "cost")
	p.write("report-small.png", 400, 860, false, "")
}

// TestResultPictures writes screenshots of the report of a search on other data: make results-pictures.
func TestResultPictures(t *testing.T) {
	if *pictures == "" || *report == "" {
		t.Skip("without -pictures and -report")
	}
	p, name := picturesOf{t, *report}, filepath.Base(filepath.Dir(*report))
	p.write(name+".png", 1280, 1240, false, "")
	p.write(name+"-models.png", 1280, 1000, false, "models")
	p.write(name+"-search.png", 1280, 1000, false, "search")
}

// picturesOf takes screenshots of a report.
type picturesOf struct {
	*testing.T
	path string
}

// write writes a screenshot of the page, or of where a section begins.
func (t picturesOf) write(name string, width, height int64, dark bool, section string) {
	t.Helper()
	p := openFile(t.T, t.path)
	p.do(chromedp.EmulateViewport(width, height))
	if dark {
		p.dark()
	}
	scroll := ""
	if section != "" {
		scroll = `document.querySelector("[id$='-` + section + `']").scrollIntoView()`
	}
	p.do(chromedp.Evaluate[chromedp.Void](`document.documentElement.style.scrollBehavior = "auto"; ` + scroll + `; undefined`))
	shot, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*pictures, name), paletted(t.T, shot), 0o644); err != nil {
		t.Fatal(err)
	}
}

// paletted encodes a picture with at most 256 colours, which makes it a third as large.
func paletted(t *testing.T, shot []byte) []byte {
	t.Helper()
	im, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	b := im.Bounds()
	counts := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA {
		c := color.RGBAModel.Convert(im.At(x, y)).(color.RGBA)
		return color.RGBA{c.R &^ 7, c.G &^ 7, c.B &^ 7, 255}
	}
	sums := map[color.RGBA][3]int{} // of the real colours
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c, k := color.RGBAModel.Convert(im.At(x, y)).(color.RGBA), at(x, y)
			counts[k]++
			s := sums[k]
			sums[k] = [3]int{s[0] + int(c.R), s[1] + int(c.G), s[2] + int(c.B)}
		}
	}
	var palette color.Palette
	for len(palette) < 256 && len(counts) > 0 { // the most frequent ones
		var best color.RGBA
		most := 0
		for c, n := range counts {
			if n > most || n == most && (c.R < best.R || c.R == best.R && (c.G < best.G || c.G == best.G && c.B < best.B)) {
				best, most = c, n
			}
		}
		s := sums[best]
		palette = append(palette, color.RGBA{uint8(s[0] / most), uint8(s[1] / most), uint8(s[2] / most), 255})
		delete(counts, best)
	}
	out := image.NewPaletted(b, palette)
	index := map[color.RGBA]uint8{}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.RGBAModel.Convert(im.At(x, y)).(color.RGBA)
			i, known := index[c]
			if !known {
				i = uint8(palette.Index(c))
				index[c] = i
			}
			out.SetColorIndex(x, y, i)
		}
	}
	var buffer bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&buffer, out); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}
