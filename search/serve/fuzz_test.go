package serve_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/color"
	"net/http"
	"slices"
	"testing"

	"mixmas/search/serve"
)

// Whatever a request is, it gets predictions or an error that says what is wrong with it: the program does not fail, and does not
// hang.
func FuzzRequest(f *testing.F) {
	p := newPets(f)
	servers := []*serve.Server{started(f, p.model(f), serve.Options{Bytes: 1 << 14, Rows: 8, Pixels: 1000}), started(f, arrays(f), serve.Options{Bytes: 1 << 14, Rows: 8})}
	picture := base64.StdEncoding.EncodeToString(drawing(f, 3, 3, color.White))
	npy := string(p.file(f, "0.npy"))
	for _, body := range []string{
		`{"rows": [{"age": 3, "weight": 1.5, "sex": "m", "toys": ["ball"], "note": "a \"note\" \u00e4", "photo": {"base64": "` + picture + `"}, "pulse": [1, null, 2e1], "scan": [[[1, 2], [3, 4]]]}, {}]}`,
		`{"rows": [{"image": [[[1, 2, 3], [4, 5.5, 6]]], "steps": [[1, 2], [3, null]], "words": [1, 8], "row": null}]}`,
		`{"rows":[{"image":{"base64":"` + base64.StdEncoding.EncodeToString([]byte(npy)) + `"}}], "rows": []}`,
		"{\"rows\" : [ { \"photo\":\"data:image/png;base64," + picture + "\"\t} ] }", `[]`, `{"rows": [[]]}`, `{"rows": [{"scan": [[],[]]}]}`, `{"rows": [{"scan": [[[[[[[[[]]]]]]]]]}]}`,
	} {
		f.Add([]byte(body), false)
	}
	for _, form := range []string{
		"--x\r\nContent-Disposition: form-data; name=\"age\"\r\n\r\n3\r\n--x\r\nContent-Disposition: form-data; name=\"scan\"; filename=\"0.npy\"\r\n\r\n" + npy + "\r\n--x--\r\n",
		"--x\r\nContent-Disposition: form-data; name=\"rows\"\r\n\r\n[{\"photo\": \"a.png\"}]\r\n--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\n\r\n" + string(drawing(f, 3, 3, color.Black)) + "\r\n--x--\r\n",
		"--x\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n[[[1, 2, 3], [4, 5, 6]]]\r\n--x\r\nContent-Disposition: form-data; name=\"words\"\r\n\r\n[]\r\n--x--\r\n",
	} {
		f.Add([]byte(form), true)
	}
	expected := []int{200, 400, 413, 422}
	f.Fuzz(func(t *testing.T, body []byte, form bool) {
		for _, s := range servers {
			kind := "application/json"
			if form {
				kind = "multipart/form-data; boundary=x"
			}
			a := send(t, s, post(kind, bytes.NewReader(body)))
			if !slices.Contains(expected, a.status) || a.status != http.StatusOK && a.Error == "" || a.status == http.StatusOK && len(a.Predictions) == 0 {
				t.Errorf("status %d: %s", a.status, a.text)
			}
			var whole map[string]any
			if err := json.Unmarshal([]byte(a.text), &whole); err != nil {
				t.Errorf("%v: %s", err, a.text)
			}
		}
	})
}
