package page_test

import (
	"bytes"
	"encoding/base64"
	"flag"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/page"
	"mixmas/search/dataset/survey"
	"mixmas/search/task"
)

var update = flag.Bool("update", false, "write testdata/outline.txt anew")

const hostile = `<script>alert("1")</script>'"></style>{{.}} javascript:` + "\u202e\x1b[2J\n"

// hospital is a data set with every kind of modality, and names that would break a page.
type hospital struct {
	dataset.Dataset
	kind task.Kind
}

func (hospital) Name() string        { return "ward " + hostile }
func (hospital) Fingerprint() string { return strings.Repeat("ab", 32) }
func (h hospital) Task() task.Task {
	return task.Task{Kind: h.kind, Classes: []string{"healthy", "ill " + hostile, "never"}}
}
func (hospital) Len(s dataset.Split) int { return [...]int{10, 4, 0}[s] }
func (hospital) Modalities() []dataset.Modality {
	return []dataset.Modality{
		{Name: "photo", Kind: mixer.Map, Shape: []int{3, 110, 40}},
		{Name: "scan", Kind: mixer.Map, Shape: []int{1, 2, 3}, Masked: true},
		{Name: "layers", Kind: mixer.Map, Shape: []int{5, 2, 2}},
		{Name: "vitals " + hostile, Kind: mixer.Sequence, Shape: []int{6, 8}, Masked: true},
		{Name: "patient", Kind: mixer.Table, Shape: []int{14}},
		{Name: "notes", Kind: "text", Shape: []int{50}, Masked: true},
		{Name: "letters", Kind: "text", Shape: []int{50}, Masked: true},
	}
}
func (h hospital) Preprocessing() map[string]dataset.Standardisation {
	all := map[string]dataset.Standardisation{}
	for _, m := range h.Modalities() {
		all[m.Name] = dataset.Uniform(10, 2)
	}
	all["notes"] = dataset.Standardisation{Per: dataset.None}
	all["letters"] = all["notes"]
	return all
}
func (h hospital) Label(_ dataset.Split, row int, dst []float32) error {
	clear(dst)
	if h.kind == task.OneLabel {
		dst[0] = float32(row % 2)
	} else if row > 0 { // row 0 has no class
		dst[row%2] = 1
	}
	return nil
}
func (h hospital) Read(s dataset.Split, modality, row int, dst []float32) error {
	for i := range dst {
		dst[i] = float32((row+i)%7) - 3
	}
	if modality >= 5 {
		for i := range dst {
			dst[i] = float32(i + 2)
		}
	}
	return nil
}
func (h hospital) ReadMissing(s dataset.Split, modality, row int, dst []float32) error {
	if err := h.Read(s, modality, row, dst); err != nil || modality >= 5 {
		return err
	}
	dst[1] = float32(math.NaN())
	return nil
}
func (h hospital) Mask(_ dataset.Split, modality, row int, dst []float32) error {
	clear(dst)
	for i := range min(len(dst), row) {
		dst[i] = 1
	}
	return nil
}
func (hospital) FeatureNames(modality int) []string {
	if modality == 4 {
		return []string{"age", "sex " + hostile}
	}
	return nil
}
func (hospital) Text(s dataset.Split, modality, row int) (string, bool, error) {
	return "Dear " + hostile + "colleague", modality == 6, nil
}

// write makes the page of a hospital.
func write(t *testing.T, kind task.Kind) string {
	t.Helper()
	data := hospital{kind: kind}
	found, err := survey.Take(t.Context(), data, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := page.Contents{Data: data, Survey: found, Warnings: []string{"odd: " + hostile}}
	for _, s := range dataset.Splits {
		if c.Counts[s], err = dataset.CountClasses(t.Context(), data, s); err != nil {
			t.Fatal(err)
		}
	}
	var w bytes.Buffer
	if err := page.Write(t.Context(), &w, c); err != nil {
		t.Fatal(err)
	}
	return w.String()
}

// The page holds nothing that runs, asks for nothing, and shows names as they are.
func TestHostileNames(t *testing.T) {
	text := write(t, task.OneLabel)
	for _, bad := range []string{"<script", "\u202e", "\x1b", "://", "ZgotmplZ", "@import", "url(", "\r"} {
		if strings.Contains(text, bad) {
			i := strings.Index(text, bad)
			t.Errorf("the page contains %q: %q", bad, text[max(0, i-80):min(len(text), i+80)])
		}
	}
	if n := strings.Count(text, "</style>"); n != 1 {
		t.Errorf("%d times </style>", n)
	}
	const policy = `content="default-src &#39;none&#39;; style-src &#39;sha256-`
	for _, want := range []string{policy, `<meta charset="utf-8">`, "color-scheme: light dark", `width=device-width`,
		"ill &lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;", `\u202e\x1b[2J`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not contain %s", want)
		}
	}
	for _, attribute := range regexp.MustCompile(`\s(?:src|href|on\w+|action)="([^"]{0,30})`).FindAllStringSubmatch(text, -1) {
		if attribute[1] != "#main" && !strings.HasPrefix(attribute[1], "data:image/png;base64,") && !strings.HasPrefix(attribute[1], "data:image/jpeg;base64,") {
			t.Errorf("attribute %q", attribute[0])
		}
	}
}

// outline is the structure of a page: its tags with their classes, indented, and the texts without numbers.
func outline(t *testing.T, text string) string {
	var out strings.Builder
	depth := 0
	_, body, _ := strings.Cut(text, "<body>")
	body, _, _ = strings.Cut(body, "</body>")
	for _, tag := range regexp.MustCompile(`<(/?)(\w+)([^>]*)>([^<]*)`).FindAllStringSubmatch(body, -1) {
		if tag[1] != "" {
			depth--
		} else {
			out.WriteString(strings.Repeat(" ", max(0, depth)) + tag[2])
			if id := regexp.MustCompile(`(?:id|class)="(\w+)"`).FindStringSubmatch(tag[3]); id != nil {
				out.WriteString(" " + id[1])
			}
			if content := strings.TrimSpace(tag[4]); content != "" {
				out.WriteString(": " + regexp.MustCompile(`[-.0-9e+]*\d`).ReplaceAllString(content, "#"))
			}
			out.WriteByte('\n')
			if void := strings.HasSuffix(tag[3], "/") || tag[2] == "img"; !void {
				depth++
			}
		}
		if depth < 0 {
			t.Fatal("tags are not nested")
		}
	}
	if depth != 0 {
		t.Fatalf("%d tags are not closed", depth)
	}
	return out.String()
}

func TestOutline(t *testing.T) {
	const file = "testdata/outline.txt"
	got := outline(t, write(t, task.OneLabel))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("%v; the page's structure has changed: run go test ./search/dataset/page -update, and look at the difference:\n%s", err, got)
	}
}

// Rows without a class are shown too.
func TestMultiLabel(t *testing.T) {
	text := write(t, task.MultiLabel)
	if !strings.Contains(text, "<h3>no class</h3>") || strings.Count(text, "<h3>healthy</h3>") != 1 {
		t.Error("rows without a class are not shown")
	}
}

// The same data give the same page.
func TestTwice(t *testing.T) {
	if first := write(t, task.OneLabel); write(t, task.OneLabel) != first {
		t.Error("two pages of the same data differ")
	}
}

// Pictures have the shape of the map, and at most 96 pixels on a side.
func TestPictures(t *testing.T) {
	text := write(t, task.OneLabel)
	sizes := map[string]int{}
	for _, found := range regexp.MustCompile(`src="data:image/(?:png|jpeg);base64,([^"]*)" width="(\d+)" height="(\d+)"`).FindAllStringSubmatch(text, -1) {
		data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(found[1], "&#43;", "+"))
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := image.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		sizes[strings.Join([]string{found[2], found[3], m.Bounds().Size().String()}, " ")]++
	}
	for want, least := range map[string]int{"20 55 (20,55)": 4, "96 64 (3,2)": 3, "96 96 (2,2)": 12} { // photo, scan, layers
		if sizes[want] < least {
			t.Errorf("%d pictures of the size %s, want at least %d: %v", sizes[want], want, least, sizes)
		}
	}
}
