package browser

import (
	"os"
	"path/filepath"
	"testing"
)

// A model is tried on its page: an answer, an error with its field, and nothing is asked of others.
func TestServe(t *testing.T) {
	folder := t.TempDir()
	table := "age,text,species\n"
	for range 8 {
		table += "1,a cat says meow,cat\n2,a dog says woof,dog\n3,<b>cat</b>,cat\n"
	}
	plan := `data:
  format: records
  path: pets.csv
  modalities:
    - {name: animal, kind: table, columns: [age]}
    - {name: text, kind: text, column: text}
  labels: species
search:
  encoders:
    animal: {candidates: [{name: simple_mlp, hidden: 4, width: 4}]}
    text: {candidates: [{name: mlp_mixer, width: 4, depth: 1, token_width: 4, channel_width: 4}]}
  fusions: [mean]
  networks: {candidates: [{name: mlp_mixer, width: 4, depth: 1, token_width: 4, channel_width: 4}]}
  training: {epochs: 2}
`
	for name, text := range map[string]string{"pets.csv": table, "plan.yaml": plan} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mixmas(t, folder, "run", "plan.yaml", "--epochs", "2", "--store", "scores.db")
	url := start(t, folder, "serve", "--addr", "127.0.0.1:0", "--token", "correct-horse-battery").await(t, `at (http://\S+)`)
	p := open(t, url+"/?token=correct-horse-battery")
	submit := func(age string) {
		t.Helper()
		evaluate[bool](p, `(document.getElementById("field-0").value = "`+age+`", document.querySelector("form").requestSubmit(), true)`)
	}
	submit("3")
	p.await(`!document.getElementById("answer").hidden && document.querySelectorAll("#classes tr").length === 2 && ["cat", "dog"].includes(document.getElementById("labels").textContent)`)
	p.own(url)
	p.contrast()
	p.readable()
	p.dark()
	p.contrast()
	submit("old")
	p.await(`!document.getElementById("error").hidden && document.getElementById("error").textContent.includes("is not a number") && document.getElementById("answer").hidden`)
}
