package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"mixmas/search/model"
)

// shellBlock is a block of commands on a page, with what they print if it is shown below them.
var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$(?:\n\n```json\n(.*?)^```$)?")

// A page that needs a model begins with the commands that make it: run from the top in a clone, all its commands do what it shows.
func TestPagesRunFromTheTop(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	serving, embedding := read(t, docs+"/serve.md"), read(t, docs+"/embedding.md")
	folder := t.TempDir() // the clone
	environment := os.Environ()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(folder, "cache")) // not of go run, whose builds are there
	if err := os.MkdirAll(filepath.Join(folder, "docs", "pets"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "docs", "pets", "quick.yaml"), []byte(read(t, docs+"/pets/quick.yaml")), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	goRun := func(words ...string) string {
		t.Helper()
		c := exec.Command("go", append([]string{"run"}, words...)...)
		c.Dir, c.Env = root, environment
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", c, err, out)
		}
		return string(out)
	}
	address, did := "", map[string]bool{}
	do := func(line string) string {
		t.Helper()
		line, _, _ = strings.Cut(line, "   #")
		words := shellWords(line)
		program := strings.Join(words[:min(3, len(words))], " ")
		rest := words[min(3, len(words)):]
		switch {
		case did[line]:
		case program == "go run ./docs/pets":
			goRun("./docs/pets", filepath.Join(folder, rest[0]))
		case program == "go run ./docs/embedding":
			for i, word := range rest {
				rest[i] = strings.Replace(word, "build/", filepath.Join(folder, "build")+"/", 1)
			}
			return goRun(append([]string{"./docs/embedding", filepath.Join(folder, rest[0])}, rest[1:]...)...)
		case program == "go run ./cmd/mixmas" && rest[0] == "serve":
			ctx, stop := context.WithCancel(t.Context())
			out, messages, ended := newSaid(), newSaid(), make(chan int)
			go func() {
				ended <- run(ctx, append([]string{"mixmas"}, append(rest, "--addr", "127.0.0.1:0")...), strings.NewReader(""), out, messages)
			}()
			t.Cleanup(func() {
				stop()
				<-ended
			})
			address = messages.await(t, `serving pets at http://(\S+)`)
		case program == "go run ./cmd/mixmas":
			var out, messages bytes.Buffer
			if code := run(t.Context(), append([]string{"mixmas"}, rest...), strings.NewReader(""), &out, &messages); code != exitOK {
				t.Fatalf("%s: exit code %d, %s", line, code, &messages)
			}
		case words[0] == "curl":
			return curl(t, address, words)
		default:
			t.Errorf("the test cannot run %s", line)
		}
		did[line] = true
		return ""
	}
	type answer struct{ Predictions []model.Prediction }
	for _, block := range shellBlock.FindAllStringSubmatch(serving, -1) {
		for line := range strings.Lines(block[1]) {
			said := do(strings.TrimSuffix(line, "\n"))
			if said == "" {
				continue
			}
			var got, want answer
			if err := json.Unmarshal([]byte(said), &got); err != nil || len(got.Predictions) == 0 {
				t.Fatalf("%s says %s (%v)", line, said, err)
			}
			if block[2] == "" {
				continue
			}
			if err := json.Unmarshal([]byte(block[2]), &want); err != nil {
				t.Fatal(err)
			}
			labels := func(a answer) (list [][]string) { // other processors have other digits
				for _, p := range a.Predictions {
					list = append(list, p.Labels)
				}
				return list
			}
			if !reflect.DeepEqual(labels(got), labels(want)) || len(got.Predictions[0].Probabilities) != len(want.Predictions[0].Probabilities) {
				t.Errorf("%s says %s, and docs/serve.md %s", line, said, block[2])
			}
		}
	}
	for line := range strings.Lines(shellBlock.FindStringSubmatch(embedding)[1]) { // those of the other page, which ran
		do(strings.TrimSuffix(line, "\n"))
	}
	shown := regexp.MustCompile("(?ms)^```\n\\$ ([^\n]+)\n(.*?)^```$").FindStringSubmatch(embedding)
	command, want := shown[1], shown[2]
	digits := regexp.MustCompile(`(?m)^[0-9.]+ `)
	if got := do(command); digits.ReplaceAllString(got, "0 ") != digits.ReplaceAllString(want, "0 ") {
		t.Errorf("%s says\n%sand docs/embedding.md\n%s", command, got, want)
	}
}

// shellWords splits a command line at spaces outside single quotes, and takes these away.
func shellWords(line string) (words []string) {
	for _, w := range regexp.MustCompile(`(?:[^\s']|'[^']*')+`).FindAllString(line, -1) {
		words = append(words, strings.ReplaceAll(w, "'", ""))
	}
	return words
}

// curl sends the request of a command line of curl to a server.
func curl(t *testing.T, address string, words []string) string {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	kind := form.FormDataContentType()
	for i := 2; i+1 < len(words); i += 2 {
		value := words[i+1]
		switch words[i] {
		case "-H":
			kind = strings.TrimPrefix(value, "Content-Type: ")
		case "-d":
			body.WriteString(value)
		case "-F":
			name, text, _ := strings.Cut(value, "=")
			var w io.Writer
			var err error
			if file, is := strings.CutPrefix(text, "@"); is {
				text = string(mustRead(t, file))
				w, err = form.CreateFormFile(name, filepath.Base(file))
			} else {
				w, err = form.CreateFormField(name)
			}
			if err == nil {
				_, err = io.WriteString(w, text)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if strings.HasPrefix(kind, "multipart") {
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.Post(strings.Replace("http://"+words[1], "localhost:8080", address, 1), kind, &body)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
