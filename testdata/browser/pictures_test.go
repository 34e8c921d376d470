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
	if *pictures == "" {
		t.Skip("without -pictures")
	}
	folder := t.TempDir()
	mixmas(t, folder, "run", "--store", "s.db", "--out", "out")
	path := filepath.Join(folder, "out", "report.html")
	write := func(name string, p *tab) {
		t.Helper()
		shot, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*pictures, name), paletted(t, shot), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	at := func(width, height int64, dark bool, section string) *tab {
		p := openFile(t, path)
		p.do(chromedp.EmulateViewport(width, height))
		if dark {
			p.dark()
		}
		p.do(chromedp.Evaluate[chromedp.Void](`document.documentElement.style.scrollBehavior = "auto"; ` + section + `; undefined`))
		return p
	}
	to := func(id string) string { return `document.querySelector("[id$='-` + id + `']").scrollIntoView()` }
	write("report.png", at(1280, 1340, false, ""))
	write("report-models.png", at(1280, 1100, false, to("models")))
	write("report-search.png", at(1280, 1000, false, to("search")))
	write("report-dark.png", at(1280, 1000, true, to("cost")))
	write("report-small.png", at(400, 860, false, ""))
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
