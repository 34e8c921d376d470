package serve

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"

	"mixmas/search/dataset/feature"
	"mixmas/search/escape"
	"mixmas/search/style"
)

// page is the page to try the model, and the policy that lets a browser run its script and style and nothing else.
type page struct {
	text   []byte
	policy string
}

var (
	//go:embed page.html
	pageText string
	//go:embed page.js
	script string
	//go:embed page.css
	own string
)

// styles is the style sheet of the page.
var styles = style.Base + own

// pageTemplate is the page. Its script and style are texts of the program; all others, which come from the model, are escaped.
var pageTemplate = template.Must(template.New("page").Parse(pageText))

// input is an input of the form.
type input struct {
	ID, Name, Help string
	Accept         string // of files; "" for texts
	Long           bool   // several lines
	Values         []string
}

func (s *Server) newPage() (page, error) {
	var inputs []input
	for i, f := range s.fields {
		in := input{ID: fmt.Sprintf("field-%d", i), Name: f.Name, Help: wanted(f), Values: f.Values, Long: f.Kind == feature.Text}
		switch f.Kind {
		case feature.Picture:
			in.Accept, in.Help = "image/*", "a picture"
		case feature.Array:
			in.Accept, in.Help = ".npy", "an npy file of shape "+shapeText(f.Shape)
		}
		inputs = append(inputs, in)
	}
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, struct {
		Name, Predicts string
		Inputs         []input
		Style          template.CSS
		Script         template.JS
	}{s.model.Name, s.predicts(), inputs, template.CSS(styles), template.JS(script)})
	policy := fmt.Sprintf("default-src 'none'; script-src %s; style-src %s; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		escape.PolicySource(script), escape.PolicySource(styles))
	return page{b.Bytes(), policy}, err
}

func (s *Server) servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Security-Policy", s.page.policy)
	write(w, http.StatusOK, "text/html; charset=utf-8", s.page.text)
}
