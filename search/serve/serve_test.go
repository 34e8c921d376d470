package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"maps"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"mixmas/nn/cpu"
	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
	"mixmas/search/dataset/npy"
	"mixmas/search/model"
	"mixmas/search/serve"
)

// answer is an answer to a request for predictions.
type answer struct {
	status      int
	header      http.Header
	text        string
	Predictions []model.Prediction
	Error       string
	Field       string
	Row         *int
}

// send sends a request to a handler.
func send(t testing.TB, h http.Handler, r *http.Request) (a answer) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	a.status, a.header, a.text = w.Code, w.Header(), w.Body.String()
	if strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			t.Fatalf("%v: %s", err, a.text)
		}
	}
	return a
}

func post(kind string, body io.Reader) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/predict", body)
	r.Header.Set("Content-Type", kind)
	return r
}

func postJSON(body string) *http.Request { return post("application/json", strings.NewReader(body)) }

// upload is a part of a form; a file if it has a file name.
type upload struct{ name, file, content string }

func postForm(t testing.TB, parts ...upload) *http.Request {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for _, p := range parts {
		var w io.Writer
		var err error
		if p.file != "" {
			w, err = form.CreateFormFile(p.name, p.file)
		} else {
			w, err = form.CreateFormField(p.name)
		}
		if err == nil {
			_, err = io.WriteString(w, p.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return post(form.FormDataContentType(), &b)
}

func encoded(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// asJSON is a row of cells as a program would send it: numbers as numbers, lists as lists, files in base64.
func (p *pets) asJSON(t testing.TB, cells map[string]string) map[string]any {
	t.Helper()
	row := map[string]any{}
	for name, cell := range cells {
		switch {
		case cell == "" || cell == "NA":
			row[name] = nil
		case name == "age":
			row[name] = json.Number(cell)
		case name == "weight":
			row[name] = json.Number(strings.Replace(cell, ",", ".", 1))
		case name == "toys":
			row[name] = strings.Split(cell, "|")
		case name == "pulse":
			row[name] = json.RawMessage(cell)
		case name == "photo" || name == "scan":
			row[name] = map[string]string{"base64": base64.StdEncoding.EncodeToString(p.file(t, cell))}
		default:
			row[name] = cell
		}
	}
	return row
}

// predicted is what mixmas predict says of a table's rows.
func predicted(t testing.TB, m *model.Model, in dataset.Input, folder string) (list []model.Prediction) {
	t.Helper()
	reader, err := m.NewReader()
	if err != nil {
		t.Fatal(err)
	}
	data, err := reader.Open(t.Context(), in, dataset.Environment{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	logits, err := m.Predict(t.Context(), cpu.New(cpu.Options{Workers: 1}), data, dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	classes := len(m.Classes)
	for row := range data.Len(dataset.Test) {
		list = append(list, m.Prediction(row, logits[row*classes:][:classes]))
	}
	return list
}

// Rows have the bits that they have in a table for mixmas predict: as JSON together and alone, as a form, and as a form of many rows
// that names its files.
func TestAnswersAreThoseOfPredict(t *testing.T) {
	p := newPets(t)
	m := p.model(t)
	s := started(t, m, serve.Options{})
	want := predicted(t, m, dataset.Input{Files: []string{"pets.csv"}}, p.folder)
	if reflect.DeepEqual(want[0].Probabilities, want[1].Probabilities) {
		t.Fatal("rows 0 and 1 are predicted alike")
	}
	var all []map[string]any
	var files []upload
	for _, row := range p.rows {
		all = append(all, p.asJSON(t, row))
		for _, file := range []string{row["photo"], row["scan"]} {
			if file != "" {
				files = append(files, upload{"file", file, string(p.file(t, file))})
			}
		}
	}
	check := func(how string, a answer, want []model.Prediction) {
		t.Helper()
		if a.status != http.StatusOK || !reflect.DeepEqual(a.Predictions, want) {
			t.Errorf("%s: status %d, %.300s, want %v", how, a.status, a.text, want[0])
		}
	}
	check("JSON", send(t, s, postJSON(encoded(t, map[string]any{"rows": all}))), want)
	for row := range 6 {
		first := want[row]
		first.Row = 0
		check("a row of JSON", send(t, s, postJSON(encoded(t, map[string]any{"rows": all[row : row+1]}))), []model.Prediction{first})
		var parts []upload
		for name, cell := range p.rows[row] {
			one := upload{name: name, content: cell}
			if (name == "photo" || name == "scan") && cell != "" {
				one = upload{name, cell, string(p.file(t, cell))}
			}
			parts = append(parts, one)
		}
		check("a form", send(t, s, postForm(t, parts...)), []model.Prediction{first})
	}
	check("a form of rows", send(t, s, postForm(t, append(files, upload{name: "rows", content: encoded(t, p.rows)})...)), want)
	if a := send(t, s, postJSON(encoded(t, map[string]any{"rows": []map[string]any{{"picture": all[0]["photo"], "age": "3"}}}))); a.status != 200 {
		t.Errorf("by the name of the modality: %s", a.text)
	}
}

// array is an npy file.
func array(t testing.TB, shape []int, values ...float32) string {
	t.Helper()
	var b bytes.Buffer
	w, err := npy.NewWriter(&b, npy.Float32, shape...)
	if err == nil {
		err = w.Append(values)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Arrays are nested lists or npy files, one row or many; masked ones may be shorter or missing; the answer is that of mixmas predict
// --input NAME=FILE.npy. Thresholds decide the labels of the ensemble.
func TestArrays(t *testing.T) {
	m := arrays(t)
	s := started(t, m, serve.Options{})
	folder := t.TempDir()
	datasettest.WriteArray(t, filepath.Join(folder, "image.npy"), "<f4", []int{1, 2, 3}, 1, 2, 3, 4, 5.5, 6)
	datasettest.WriteArray(t, filepath.Join(folder, "steps.npy"), "<f4", []int{2, 2}, 1, 2, 3, 4)
	datasettest.WriteArray(t, filepath.Join(folder, "words.npy"), "<i4", []int{3}, 1, 8, 2)
	want := predicted(t, m, dataset.Input{Values: []map[string]string{{"image": "image.npy", "steps": "steps.npy", "words": "words.npy"}}}, folder)
	if labels := want[0].Labels; !slices.Contains(labels, "a") || slices.Contains(labels, m.Classes[2]) {
		t.Fatalf("labels %v", labels)
	}
	image, steps := array(t, []int{1, 2, 3}, 1, 2, 3, 4, 5.5, 6), array(t, []int{2, 2}, 1, 2, 3, 4)
	in64 := base64.StdEncoding.EncodeToString([]byte(image))
	for how, r := range map[string]*http.Request{
		"lists":         postJSON(`{"rows": [{"image": [[[1, 2, 3], [4, 55e-1, 6]]], "steps": [[1, 2], [3, 4]], "words": [1, 8, 2], "row": null}]}`),
		"base64":        postJSON(`{"rows": [{"image": {"base64": "` + in64 + `"}, "steps": [[1, 2], [3, 4]], "words": [1, 8, 2]}]}`),
		"data URL":      postJSON(`{"rows": [{"image": "data:application/octet-stream;base64,` + in64 + `", "steps": [[1, 2], [3, 4]], "words": [1, 8, 2]}]}`),
		"form":          postForm(t, upload{"image", "a.npy", image}, upload{"steps", "b.npy", steps}, upload{name: "words", content: "[1, 8, 2]"}, upload{name: "row"}),
		"axis of rows":  postForm(t, upload{"image", "a.npy", array(t, []int{1, 1, 2, 3}, 1, 2, 3, 4, 5.5, 6)}, upload{"steps", "b.npy", array(t, []int{1, 2, 2}, 1, 2, 3, 4)}, upload{"words", "c.npy", array(t, []int{1, 3}, 1, 8, 2)}),
		"rows and file": postForm(t, upload{name: "rows", content: `[{"image": "a.npy", "steps": [[1, 2], [3, 4]], "words": [1, 8, 2]}]`}, upload{"x", "a.npy", image}),
	} {
		if a := send(t, s, r); a.status != http.StatusOK || !reflect.DeepEqual(a.Predictions, want) {
			t.Errorf("%s: status %d, %s, want %v", how, a.status, a.text, want)
		}
	}
	two := send(t, s, postForm(t, upload{"image", "a.npy", array(t, []int{2, 1, 2, 3}, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5.5, 6)}))
	alone := send(t, s, postJSON(`{"rows": [{"image": [[[1, 2, 3], [4, 5.5, 6]]]}]}`))
	if len(two.Predictions) != 2 || len(alone.Predictions) != 1 || !reflect.DeepEqual(two.Predictions[1].Probabilities, alone.Predictions[0].Probabilities) {
		t.Errorf("two rows: %s, the second alone: %s", two.text, alone.text)
	}
	if !strings.Contains(alone.text, `\u009b`) {
		t.Errorf("the name of a class is not escaped for terminals: %s", alone.text)
	}
}

// What is wrong with a request is an error as JSON, with the status and the field.
func TestWrongRequests(t *testing.T) {
	p := newPets(t)
	s := started(t, p.model(t), serve.Options{Bytes: 20_000, Rows: 5, Pixels: 1000})
	a := started(t, arrays(t), serve.Options{Bytes: 20_000, Rows: 5})
	big := base64.StdEncoding.EncodeToString(drawing(t, 40, 30, color.White))
	row := func(text string) *http.Request { return postJSON(`{"rows": [{}, ` + text + `]}`) }
	compressed := postJSON(`{}`)
	compressed.Header.Set("Content-Encoding", "gzip")
	endless := post("application/json", io.MultiReader(strings.NewReader(`{"rows": [{"note": "`), endlessly{'x'}))
	endless.ContentLength = -1
	type wrong struct {
		to     http.Handler
		r      *http.Request
		status int
		field  string
		want   string
	}
	for name, c := range map[string]wrong{
		"no JSON":              {s, postJSON(`{"rows": [`), 400, "", "the JSON is wrong at byte 10"},
		"nothing":              {s, postJSON(``), 400, "", "the JSON is wrong"},
		"deep JSON":            {s, postJSON(strings.Repeat("[", 15_000)), 400, "", "exceeded max depth"},
		"not UTF-8":            {s, postJSON("{\"rows\": [{\"note\": \"\xff\"}]}"), 400, "", "not UTF-8"},
		"a list":               {s, postJSON(`[{"age": 1}]`), 400, "", "the body is a list, want an object"},
		"no rows":              {s, postJSON(`{}`), 400, "", "the body has no rows"},
		"empty rows":           {s, postJSON(`{"rows": []}`), 400, "", "there are no rows"},
		"rows of text":         {s, postJSON(`{"rows": "x"}`), 400, "", "rows is a text, want a list"},
		"a row of numbers":     {s, postJSON(`{"rows": [1]}`), 400, "", "the row is a number, want an object"},
		"an unknown member":    {s, postJSON(`{"row": [{}]}`), 400, "row", `unknown member "row"`},
		"two members":          {s, postJSON(`{"rows": [{"age": 1, "age": 2}]}`), 400, "age", `two members are named "age"`},
		"two names":            {s, postJSON(`{"rows": [{"photo": null, "picture": null}]}`), 422, "picture", "which are the same"},
		"too many rows":        {s, postJSON(`{"rows": [{},{},{},{},{},{}]}`), 413, "", "more than 5 rows"},
		"too many bytes":       {s, postJSON(`{"rows": [{"note": "` + strings.Repeat("x", 20_000) + `"}]}`), 413, "", "more than 20000 bytes"},
		"no end":               {s, endless, 413, "", "more than 20000 bytes"},
		"too many pixels":      {s, row(`{"photo": {"base64": "` + big + `"}}`), 413, "photo", "the picture has 40×30 pixels, want at most 1000"},
		"far too many pixels":  {s, row(`{"photo": {"base64": "` + base64.StdEncoding.EncodeToString(gif(30_000, 30_000)) + `"}}`), 413, "photo", "the picture has 30000×30000 pixels, want at most 1000"},
		"text":                 {s, post("text/csv", strings.NewReader("age\n1")), 415, "", `content type "text/csv": want application/json or multipart/form-data`},
		"no type":              {s, post("", strings.NewReader("{}")), 415, "", "content type"},
		"compressed":           {s, compressed, 415, "", "content encoding gzip"},
		"an unknown field":     {s, row(`{"fur": 1}`), 422, "fur", "the model reads no fur: it reads age, weight, sex, toys, note, photo, pulse, scan"},
		"an empty field":       {s, row(`{"": 1}`), 422, "", `the model reads no "": it reads age`},
		"a long field":         {s, row(`{"` + strings.Repeat("ü", 8000) + `": 1}`), 422, strings.Repeat("ü", 50) + "…", "the model reads no üüü"},
		"half a character":     {s, row(`{"note": "\ud800 \ufffd"}`), 422, "note", "half of a surrogate pair"},
		"not a number":         {s, row(`{"age": "old"}`), 422, "age", "is not a number"},
		"an object":            {s, row(`{"age": {}}`), 422, "age", "it is an object, want a number"},
		"a list of texts":      {s, row(`{"pulse": ["x"]}`), 422, "pulse", "element 0 of the list is a text, want a number or null"},
		"a set of numbers":     {s, row(`{"toys": [1]}`), 422, "toys", "member 0 of the set is a number"},
		"a member of two":      {s, row(`{"toys": ["ball|bone"]}`), 422, "toys", "which is between members"},
		"a path":               {s, row(`{"photo": "` + filepath.Join(p.folder, "0.png") + `"}`), 422, "photo", "it is a text, want a picture"},
		"no base64":            {s, row(`{"photo": {"base64": "?"}}`), 422, "photo", "it is not base64"},
		"no file":              {s, row(`{"photo": {"path": "x"}}`), 422, "photo", `the file has the member "path"`},
		"no picture":           {s, row(`{"photo": {"base64": "eHh4"}}`), 422, "photo", "column photo: file 1: something unknown, not a picture"},
		"no array":             {s, row(`{"scan": {"base64": "eHh4"}}`), 422, "scan", "not an npy file"},
		"an array of a shape":  {s, row(`{"scan": [[1, 2], [3, 4]]}`), 422, "scan", "the array has shape 2×2, but those of the training rows have 2×3×4"},
		"ragged":               {s, row(`{"scan": [[1, 2], [3]]}`), 422, "scan", "lists have 2 and 1 elements"},
		"mixed":                {s, row(`{"scan": [[1], 2]}`), 422, "scan", "element 1 of a list is a number, but others of this depth are not"},
		"deep":                 {s, row(`{"scan": [[[[[[[[[1]]]]]]]]]}`), 422, "scan", "nested more than 8 deep"},
		"a long list":          {s, row(`{"scan": [` + strings.Repeat("1,", 24) + `1]}`), 422, "scan", "the array has more than 24 numbers"},
		"a huge number":        {s, row(`{"age": 1e999}`), 422, "age", "the number 1e999 is too large"},
		"a long number":        {s, row(`{"age": ` + strings.Repeat("9", 5000) + `}`), 422, "age", "999… is too large"},
		"huge in a list":       {s, row(`{"pulse": [1, -1e39]}`), 422, "pulse", "the number -1e39 is too large"},
		"NaN":                  {s, row(`{"age": NaN}`), 400, "", "the JSON is wrong at byte 23"},
		"an escaped name":      {s, row(`{"age": 1, "\u0061ge": 2}`), 400, "age", `two members are named "age"`},
		"two documents":        {s, postJSON(`{"rows": [{}]} {}`), 400, "", "the JSON is wrong at byte 16"},
		"huge":                 {s, row(`{"scan": [1e99]}`), 422, "scan", "the number 1e99 is too large"},
		"no form":              {s, post("multipart/form-data", strings.NewReader("x")), 400, "", "the request cannot be read"},
		"half a form":          {s, post("multipart/form-data; boundary=x", strings.NewReader("--x\r\nContent-Disposition: form-data; name=age\r\n\r\n1")), 400, "", "the request cannot be read"},
		"an empty form":        {s, postForm(t), 400, "", "the form is empty"},
		"a large form":         {s, postForm(t, upload{name: "note", content: strings.Repeat("x", 20_000)}), 413, "", "more than 20000 bytes"},
		"a field twice":        {s, postForm(t, upload{name: "age", content: "1"}, upload{name: "age", content: "2"}), 422, "age", "the form has it twice"},
		"a form's field":       {s, postForm(t, upload{name: "fur", content: "1"}), 422, "fur", "the model reads no fur"},
		"a form's picture":     {s, postForm(t, upload{"photo", "x.png", string(drawing(t, 40, 30, color.White))}), 413, "photo", "40×30 pixels"},
		"a form's bytes":       {s, postForm(t, upload{name: "note", content: "\xff"}), 422, "note", "not UTF-8"},
		"a form's path":        {s, postForm(t, upload{name: "rows", content: `[{"photo": "` + filepath.Join(p.folder, "0.png") + `"}]`}), 422, "photo", "the form has no file named"},
		"files of one name":    {s, postForm(t, upload{name: "rows", content: "[{}]"}, upload{"a", "x", "1"}, upload{"b", "x", "2"}), 400, "", "two files named x"},
		"rows twice":           {s, postForm(t, upload{name: "rows", content: "[{}]"}, upload{name: "rows", content: "[{}]"}), 400, "", "two parts named rows"},
		"rows of a form":       {s, postForm(t, upload{name: "rows", content: "{"}), 400, "", "the JSON is wrong"},
		"a form's file":        {s, postForm(t, upload{name: "rows", content: `[{"photo": {"base64": ""}}, {"photo": "file 1"}]`}, upload{"a", "file 1", "xyz"}), 422, "photo", "column photo: file 1: an empty file"},
		"a shared file":        {s, postForm(t, upload{name: "rows", content: `[{"scan": "x", "photo": "x"}]`}, upload{"a", "x", string(drawing(t, 40, 30, color.White))}), 413, "photo", "40×30"},
		"picture beyond, rows": {s, postForm(t, upload{name: "rows", content: `[{}, {"photo": "x"}]`}, upload{"a", "x", string(drawing(t, 40, 30, color.White))}), 413, "photo", "40×30"},

		"an array is missing": {a, row(`{"image": [[[1, 2, 3], [4, 5, 6]]]}`), 422, "image", "it is missing: want an array of 1×2×3"},
		"a wrong shape":       {a, postJSON(`{"rows": [{"image": [1]}]}`), 422, "image", "the array has shape 1, want 1×2×3"},
		"a long sequence":     {a, postJSON(`{"rows": [{"image": [[[1, 2, 3], [4, 5, 6]]], "steps": [[1,2],[1,2],[1,2],[1,2],[1,2]]}]}`), 422, "steps", "want at most 4 steps"},
		"no token":            {a, postJSON(`{"rows": [{"image": [[[1, 2, 3], [4, 5, 6]]], "words": [9]}]}`), 422, "words", "want the number of a token from 0 to 8"},
		"half a token":        {a, postJSON(`{"rows": [{"image": [[[1, 2, 3], [4, 5, 6]]], "words": [0.5]}]}`), 422, "words", "want the number of a token"},
		"missing numbers":     {a, postJSON(`{"rows": [{"image": [[[1, 2, null], [4, 5, 6]]]}]}`), 422, "image", "is NaN, want a finite number"},
		"rows that differ":    {a, postForm(t, upload{"image", "a", array(t, []int{2, 1, 2, 3}, make([]float32, 12)...)}, upload{"row", "b", array(t, []int{1, 3}, 1, 2, 3)}), 422, "row", "it has rows: 1, but another array has 2"},
		"many arrays":         {a, postForm(t, upload{"row", "b", array(t, []int{6, 3}, make([]float32, 18)...)}), 413, "row", "the array has 6 rows, want at most 5"},
		"an array of text":    {a, postForm(t, upload{"row", "b", "\x93NUMPY\x01\x00\x76\x00" + fmt.Sprintf("%-117s\n", "{'descr': '|S1', 'fortran_order': False, 'shape': (3,), }") + "abc"}), 422, "image", "it is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, c.to, c.r)
			if got.status != c.status || got.Field != c.field || !strings.Contains(got.Error, c.want) || got.Predictions != nil {
				t.Errorf("status %d, field %q: %s; want %d, %q, %q", got.status, got.Field, got.text, c.status, c.field, c.want)
			}
			if len(got.text) > 1000 {
				t.Errorf("the answer has %d bytes", len(got.text))
			}
			if c.status == 422 && got.Row == nil {
				t.Errorf("no row: %s", got.text)
			}
		})
	}
}

// A client that asks before it sends its body (Expect: 100-continue) is told at once that it is not wanted.
func TestUnwantedBodiesAreNotSent(t *testing.T) {
	s := httptest.NewServer(started(t, arrays(t), serve.Options{}))
	defer s.Close()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "HTTP/1.1 415 Unsupported Media Type\r\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// A body of any length is read whole, and takes no more memory than it has bytes once it is there; one that is longer than it says is
// read to its end too.
func TestReadAll(t *testing.T) {
	for _, length := range []int{0, 1, 1<<16 - 1, 1 << 16, 1<<16 + 1, 1<<20 + 3} {
		text := bytes.Repeat([]byte("abcd"), length/4+1)[:length]
		for _, said := range []int{length, length / 2, -1} {
			got, err := serve.ReadAll(iotest.HalfReader(bytes.NewReader(text)), int64(said))
			if err != nil || !bytes.Equal(got, text) || said == length && cap(got) > length+1<<16+1 {
				t.Errorf("%d bytes, said to be %d: got %d in memory for %d, %v", length, said, len(got), cap(got), err)
			}
		}
	}
}

// gif is the beginning of a picture of a size.
func gif(width, height uint16) []byte {
	screen := []byte{'G', 'I', 'F', '8', '9', 'a', byte(width), byte(width >> 8), byte(height), byte(height >> 8), 0, 0, 0}
	return append(screen, make([]byte, 100)...)
}

// endlessly is a reader of one byte, for ever.
type endlessly struct{ byte }

func (e endlessly) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e.byte
	}
	return len(b), nil
}

// Requests that arrive together are predicted together, each with its own answer.
func TestRequestsAreBatched(t *testing.T) {
	p := newPets(t)
	m := p.model(t)
	s := started(t, m, serve.Options{Window: time.Minute, Requests: 1000}) // ends as all that come have come
	want := predicted(t, m, dataset.Input{Files: []string{"pets.csv"}}, p.folder)
	var group sync.WaitGroup
	for i := range 200 {
		row := i % len(p.rows)
		body := encoded(t, map[string]any{"rows": []any{p.asJSON(t, p.rows[row])}})
		group.Go(func() {
			if a := send(t, s, postJSON(body)); a.status != 200 || !reflect.DeepEqual(a.Predictions[0].Probabilities, want[row].Probabilities) {
				t.Errorf("row %d: %s", row, a.text)
			}
		})
	}
	group.Wait()
	text := send(t, s, httptest.NewRequest("GET", "/metrics", nil)).text
	for _, want := range []string{`mixmas_requests_total{code="200"} 200`, "mixmas_errors_total 0", "mixmas_rows_total 200", "mixmas_requests_in_flight 0",
		"mixmas_batch_rows_sum 200", `mixmas_request_duration_seconds_bucket{le="+Inf"} 200`, `mixmas_model_info{name="pets <b>",`} {
		if !strings.Contains(text, want+"\n") && !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s:\n%s", want, text)
		}
	}
	if regexp.MustCompile(`mixmas_batch_rows_count 200\n`).MatchString(text) {
		t.Error("no two requests were predicted together")
	}
}

// A row that overflows is the error of its request alone, and so is one whose client has gone.
func TestOneRequestSpoilsNoOther(t *testing.T) {
	s := started(t, arrays(t), serve.Options{})
	good := `{"image": [[[1, 2, 3], [4, 5, 6]]]}`
	bad := `{"image": [[[3e38, -3e38, 3e38], [3e38, 3e38, -3e38]]]}` // infinite, standardised
	want := send(t, s, postJSON(`{"rows": [`+good+`]}`))
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			switch i % 3 {
			case 0:
				if a := send(t, s, postJSON(`{"rows": [`+good+`, `+bad+`]}`)); a.status != 422 || a.Row == nil || *a.Row != 1 || !strings.Contains(a.Error, "the prediction is not finite") {
					t.Errorf("%d: %s", a.status, a.text)
				}
			case 1:
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if a := send(t, s, postJSON(`{"rows": [`+good+`]}`).WithContext(ctx)); a.text != "" {
					t.Errorf("a client that has gone gets %s", a.text)
				}
			default:
				if a := send(t, s, postJSON(`{"rows": [`+good+`]}`)); !reflect.DeepEqual(a.Predictions, want.Predictions) {
					t.Errorf("%d: %s, want %s", a.status, a.text, want.text)
				}
			}
		})
	}
	group.Wait()
}

// blocked is a body that comes when it is let.
type blocked struct {
	reading, free chan struct{}
	once          *sync.Once
	text          io.Reader
}

func (b blocked) Read(text []byte) (int, error) {
	b.once.Do(func() { close(b.reading) })
	<-b.free
	return b.text.Read(text)
}

// slow is a request whose body comes when it is let; reading is closed once the server reads it.
func slow() (r *http.Request, reading <-chan struct{}, free chan<- struct{}) {
	b := blocked{make(chan struct{}), make(chan struct{}), &sync.Once{}, strings.NewReader(`{"rows": [{"image": [[[1, 2, 3], [4, 5, 6]]]}]}`)}
	r = post("application/json", b)
	r.ContentLength = -1
	return r, b.reading, b.free
}

// More requests than may run are refused, and say when to try again: before their body is read, and after it.
func TestTooManyRequests(t *testing.T) {
	s := started(t, arrays(t), serve.Options{Requests: 1})
	refused := func(a answer) {
		t.Helper()
		if a.status != 429 || a.header.Get("Retry-After") != "1" || !strings.Contains(a.Error, "1 requests are running") {
			t.Errorf("status %d: %s", a.status, a.text)
		}
	}
	r, reading, free := slow()
	late := make(chan answer)
	go func() { late <- send(t, s, r) }()
	<-reading
	release := s.Hold()
	refused(send(t, s, postJSON(`{"rows": [{}]}`)))
	close(free)
	refused(<-late)
	release()
	if a := send(t, s, postJSON(`{"rows": [{"image": [[[1, 2, 3], [4, 5, 6]]]}]}`)); a.status != 200 {
		t.Errorf("status %d: %s", a.status, a.text)
	}
}

// Clients that send their bodies slowly keep nobody from being answered.
func TestSlowBodies(t *testing.T) {
	s := started(t, arrays(t), serve.Options{Requests: 1})
	var let []func() answer
	for range 100 {
		r, reading, free := slow()
		got := make(chan answer, 1)
		go func() { got <- send(t, s, r) }()
		<-reading
		let = append(let, func() answer { close(free); return <-got })
	}
	if a := send(t, s, postJSON(`{"rows": [{"image": [[[1, 2, 3], [4, 5, 6]]]}]}`)); a.status != 200 {
		t.Errorf("status %d: %s", a.status, a.text)
	}
	for _, next := range let {
		if a := next(); a.status != 200 {
			t.Errorf("a slow one: status %d: %s", a.status, a.text)
		}
	}
}

// Bodies together take a bounded memory, as JSON and as forms; it is free again once they are answered.
func TestTooManyBytes(t *testing.T) {
	s := started(t, arrays(t), serve.Options{Bytes: 1000})
	var let []func() answer
	for range 16 {
		r, reading, free := slow()
		got := make(chan answer, 1)
		go func() { got <- send(t, s, r) }()
		<-reading
		let = append(let, func() answer { close(free); return <-got })
	}
	for _, r := range []*http.Request{postJSON(`{"rows": [{}]}`), postForm(t, upload{name: "image", content: "[[[1, 2, 3], [4, 5, 6]]]"})} {
		if a := send(t, s, r); a.status != 429 || a.header.Get("Retry-After") != "1" || !strings.Contains(a.Error, "too many bytes together") {
			t.Errorf("status %d: %s", a.status, a.text)
		}
	}
	for _, next := range let {
		if a := next(); a.status != 200 {
			t.Errorf("status %d: %s", a.status, a.text)
		}
	}
	for range 20 {
		if a := send(t, s, postForm(t, upload{name: "image", content: "[[[1, 2, 3], [4, 5, 6]]]"})); a.status != 200 {
			t.Errorf("status %d: %s", a.status, a.text)
		}
	}
}

// Few pixels are decoded at a time, of one request and of several: rows beyond wait, and rows without pictures do not.
func TestPixelsAtATime(t *testing.T) {
	p := newPets(t)
	row := func(i int) map[string]any { return p.asJSON(t, p.rows[i]) } // its picture has 30 pixels
	body := encoded(t, map[string]any{"rows": []any{row(0), row(1), map[string]any{"age": 1}, row(2), row(3), row(4)}})
	var want []model.Prediction
	for _, c := range []struct{ limit, batches int }{{1000, 1}, {60, 3}, {59, 5}, {1, 5}} {
		s := started(t, p.model(t), serve.Options{})
		s.Limit(c.limit)
		a := send(t, s, postJSON(body))
		if want == nil {
			want = a.Predictions
		}
		if a.status != 200 || len(want) != 6 || !reflect.DeepEqual(a.Predictions, want) {
			t.Errorf("at most %d pixels: status %d, %s", c.limit, a.status, a.text)
		}
		if text := send(t, s, httptest.NewRequest("GET", "/metrics", nil)).text; !strings.Contains(text, fmt.Sprintf("mixmas_batch_rows_count %d\n", c.batches)) {
			t.Errorf("at most %d pixels: want %d batches: %s", c.limit, c.batches, text)
		}
	}
	s := started(t, p.model(t), serve.Options{})
	release := s.HoldPixels()
	first := make(chan answer, 1)
	go func() { first <- send(t, s, postJSON(body)) }()
	if a := send(t, s, postJSON(`{"rows": [{"age": 1}]}`)); a.status != 200 {
		t.Errorf("status %d: %s", a.status, a.text)
	}
	select {
	case a := <-first:
		t.Errorf("pictures were decoded though others were: status %d", a.status)
	default:
	}
	release()
	if a := <-first; a.status != 200 {
		t.Errorf("status %d: %s", a.status, a.text)
	}
}

// A stopping server is not ready but answers, and a closed one says that it has stopped.
func TestStop(t *testing.T) {
	s := started(t, arrays(t), serve.Options{})
	get := func(path string) answer { return send(t, s, httptest.NewRequest("GET", path, nil)) }
	if h, r := get("/healthz"), get("/readyz"); h.status != 200 || r.status != 200 {
		t.Errorf("status %d and %d", h.status, r.status)
	}
	s.Stop()
	if h, r := get("/healthz"), get("/readyz"); h.status != 200 || r.status != 503 {
		t.Errorf("status %d and %d", h.status, r.status)
	}
	body := `{"rows": [{"image": [[[1, 2, 3], [4, 5, 6]]]}]}`
	if a := send(t, s, postJSON(body)); a.status != 200 {
		t.Errorf("status %d: %s", a.status, a.text)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if a := send(t, s, postJSON(body)); a.status != 503 || !strings.Contains(a.Error, "stopped") {
		t.Errorf("status %d: %s", a.status, a.text)
	}
}

// A request that takes too long is answered so.
func TestTimeout(t *testing.T) {
	s := started(t, arrays(t), serve.Options{Timeout: time.Nanosecond})
	if a := send(t, s, postJSON(`{"rows": [{"image": [[[1, 2, 3], [4, 5, 6]]]}]}`)); a.status != 503 || !strings.Contains(a.Error, "longer than 1ns, which is the limit") {
		t.Errorf("status %d: %s", a.status, a.text)
	}
}

// Other pages and methods are refused as JSON.
func TestPages(t *testing.T) {
	s := started(t, newPets(t).model(t), serve.Options{})
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{{"GET", "/predict", 405, "POST"}, {"POST", "/", 405, "GET, HEAD"}, {"DELETE", "/metrics", 405, "GET, HEAD"}, {"GET", "/other", 404, ""}, {"POST", "/other", 404, ""},
		{"HEAD", "/", 200, ""}, {"HEAD", "/openapi.json", 200, ""}} {
		a := send(t, s, httptest.NewRequest(c.method, c.path, nil))
		if a.status != c.status || a.header.Get("Allow") != c.allow || c.status >= 400 && a.Error == "" {
			t.Errorf("%s %s: status %d, %v: %.200s", c.method, c.path, a.status, a.header, a.text)
		}
	}
}

// The page runs its one script and nothing else, whatever the model's names are, and has an input for each field.
func TestPage(t *testing.T) {
	for _, m := range []*model.Model{newPets(t).model(t), arrays(t)} {
		s := started(t, m, serve.Options{})
		a := send(t, s, httptest.NewRequest("GET", "/", nil))
		policy := a.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "connect-src 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("the policy lacks %s: %s", want, policy)
			}
		}
		for _, tag := range []string{"script", "style"} {
			texts := regexp.MustCompile("(?s)<"+tag+">(.*?)</"+tag+">").FindAllStringSubmatch(a.text, -1)
			if len(texts) != 1 || !strings.Contains(policy, tag+"-src 'sha256-"+digest(texts[0][1])+"'") {
				t.Errorf("%d texts of %s, whose digest is not in the policy %s", len(texts), tag, policy)
			}
		}
		if strings.Contains(a.text, "alert(1)</") || strings.Contains(a.text, "<b>") {
			t.Errorf("the model's names are not escaped: %s", a.text)
		}
		inputs := regexp.MustCompile(`<(?:input|textarea) id="[^"]*" name="([^"]*)"`).FindAllStringSubmatch(a.text, -1)
		reader, err := m.NewReader()
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range reader.Fields() {
			if i >= len(inputs) || inputs[i][1] != f.Name {
				t.Errorf("no input for %s among %v", f.Name, inputs)
			}
		}
	}
}

// The description of the interface is valid JSON whose parts are all there, and follows from the model.
func TestOpenAPI(t *testing.T) {
	p := newPets(t)
	s := started(t, p.model(t), serve.Options{Version: "1.2.3"})
	var d struct {
		OpenAPI    string
		Info       struct{ Title, Version string }
		Paths      map[string]map[string]struct{ Responses map[string]any }
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any
				Required   []string
			}
		}
	}
	text := send(t, s, httptest.NewRequest("GET", "/openapi.json", nil)).text
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if d.OpenAPI != "3.1.0" || d.Info.Version != "1.2.3" || d.Info.Title != "Predictions of pets <b>" {
		t.Errorf("%+v", d.Info)
	}
	if got := slices.Sorted(maps.Keys(d.Components.Schemas["Row"].Properties)); !slices.Equal(got, []string{"age", "note", "photo", "pulse", "scan", "sex", "toys", "weight"}) {
		t.Errorf("a row has %v", got)
	}
	if got := slices.Sorted(maps.Keys(d.Paths["/predict"]["post"].Responses)); !slices.Equal(got, []string{"200", "400", "401", "403", "408", "413", "415", "422", "429", "503"}) {
		t.Errorf("answers %v", got)
	}
	for _, reference := range regexp.MustCompile(`"\$ref": "#/components/schemas/(\w+)"`).FindAllStringSubmatch(text, -1) {
		if _, ok := d.Components.Schemas[reference[1]]; !ok {
			t.Errorf("there is no %s", reference[0])
		}
	}
	many := started(t, arrays(t), serve.Options{Rows: 1 << 30}) // an answer has rows × 3 classes
	if text := send(t, many, httptest.NewRequest("GET", "/openapi.json", nil)).text; !strings.Contains(text, fmt.Sprintf(`"maxItems": %d`, 1<<20/3)) {
		t.Errorf("the rows of an answer are not bounded: %s", text)
	}
	for path := range d.Paths {
		if a := send(t, s, httptest.NewRequest("GET", path, nil)); a.status == 404 {
			t.Errorf("there is no %s", path)
		}
	}
}

// digest is how a content security policy names a text.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}
