package cmd

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/safetensors"
)

// docs is the folder of the pages, and extending the module that docs/extending.md is about.
const docs, extending = "../docs", "../docs/extending"

// quotation is a marker on a page, with the block of code after it.
var quotation = regexp.MustCompile("(?s)<!-- quote: (\\S+) -->\n(?:\n```\\w*\n.*?\n```\n)?")

// read reads a text file of the project.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// golden compares a text file of the project with what it should be, or writes that.
func golden(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if read(t, path) != want {
		t.Errorf("%s is out of date: go test ./cmd -run Extending -update", path)
	}
}

// quotes checks that a page shows files as they are, and lists them.
func quotes(t *testing.T, page string) (quoted []string) {
	t.Helper()
	golden(t, page, quotation.ReplaceAllStringFunc(read(t, page), func(block string) string {
		name := quotation.FindStringSubmatch(block)[1]
		quoted = append(quoted, filepath.FromSlash(name))
		return fmt.Sprintf("<!-- quote: %s -->\n\n```%s\n%s```\n", name, strings.TrimPrefix(filepath.Ext(name), "."), read(t, filepath.Join(docs, name)))
	}))
	return quoted
}

// The page shows the code that is built, and the module needs what the project needs.
func TestExtendingIsUpToDate(t *testing.T) {
	quoted := quotes(t, filepath.Join(docs, "extending.md"))
	for _, pattern := range []string{"*.go", "parts/*.go", "*.yaml"} {
		files, err := filepath.Glob(filepath.Join(extending, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			if name, _ := filepath.Rel(docs, file); !slices.Contains(quoted, name) {
				t.Errorf("the page does not quote %s", name)
			}
		}
	}
	module := read(t, "../go.mod")
	_, needs, _ := strings.Cut(module, "\nrequire (")
	version := regexp.MustCompile(`(?m)^go \S+$`).FindString(module)
	golden(t, filepath.Join(extending, "go.mod"), "module example.com/mymixmas\n\n"+version+
		"\n\nreplace mixmas => ../..\n\nrequire mixmas v0.0.0\n\nrequire ("+needs)
	golden(t, filepath.Join(extending, "go.sum"), read(t, "../go.sum"))
}

// writeWalks writes rows of the example's data format.
func writeWalks(t *testing.T, path string, rows int, random *rand.Rand) {
	t.Helper()
	var text strings.Builder
	for row := range rows {
		class := row % 2
		fmt.Fprint(&text, class)
		for i := range 8 + 3 {
			fmt.Fprintf(&text, ",%.3f", random.NormFloat64()+float64(class*(1-i%2))*1.5)
		}
		text.WriteString("\n")
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A program with parts of one's own is built, without the network, and runs: the parts are listed, searched, trained, kept,
// saved in a model file and read again.
func TestExtending(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, "mymixmas.exe")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = extending
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOPROXY=off", "GOWORK=off", "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	mymixmas := func(arguments ...string) []byte {
		t.Helper()
		command := exec.Command(program, arguments...)
		command.Dir = folder
		command.Env = append(os.Environ(), "XDG_CACHE_HOME="+folder)
		var messages strings.Builder
		command.Stderr = &messages
		output, err := command.Output()
		if err != nil {
			t.Fatalf("mymixmas %s: %v\n%s", strings.Join(arguments, " "), err, messages.String())
		}
		return output
	}
	random := rand.New(rand.NewPCG(1, 2))
	for name, rows := range map[string]int{"train.csv": 80, "validation.csv": 40, "test.csv": 30} {
		writeWalks(t, filepath.Join(folder, name), rows, random)
	}
	plan := read(t, filepath.Join(extending, "walks.yaml"))
	scaled := strings.Replace(plan, "[concat, {name: scaled, label: gates}, {name: scaled, label: gate, shared: true}]",
		"{defaults: {shared: true}, candidates: [scaled]}", 1)
	if scaled == plan {
		t.Fatal("the plan has other fusion functions")
	}
	for name, text := range map[string]string{"walks.yaml": plan, "scaled.yaml": scaled, "halving.yaml": read(t, filepath.Join(extending, "halving.yaml"))} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	for _, listed := range []struct{ command, text string }{{"init", string(mymixmas("config", "init"))}, {"schema", string(mymixmas("config", "schema"))}} {
		for _, doc := range []string{"An MLP on each step of a sequence", "each feature times a learned gate", "a class, some steps (x, y)",
			"Recall of the class with the lowest recall", "Every k-th row, starting at a random one",
			"the better half of them for twice as many"} {
			if !strings.Contains(listed.text, doc) {
				t.Errorf("config %s does not say %q", listed.command, doc)
			}
		}
	}

	type candidate struct {
		Name   string
		Params int
		Cached bool
		Key    string
	}
	var searched struct {
		Stages []struct {
			Name, Metric string
			Candidates   []candidate
		}
		Strategy  string
		Trainings int
		Model     struct{ Metrics map[string]float64 }
	}
	run := func(plan, out string) map[string]candidate {
		t.Helper()
		searched.Stages = nil
		if err := json.Unmarshal(mymixmas("run", "--json", "--store", "scores.db", "--out", out, plan), &searched); err != nil {
			t.Fatal(err)
		}
		all := map[string]candidate{}
		for _, stage := range searched.Stages {
			if stage.Metric != "worst_recall" {
				t.Errorf("stage %s is chosen by %s", stage.Name, stage.Metric)
			}
			for _, c := range stage.Candidates {
				all[stage.Name+"/"+c.Name] = c
			}
		}
		return all
	}
	first := run("walks.yaml", "model")
	if want := []string{"encoder/person/simple_mlp", "encoder/walk/narrow", "encoder/walk/step_mlp", "fusion/concat", "fusion/gate",
		"fusion/gates", "network/step_mlp"}; !slices.Equal(slices.Sorted(maps.Keys(first)), want) {
		t.Fatalf("searched %v", slices.Sorted(maps.Keys(first)))
	}
	// Two modalities have a gate each, or one for each of 16 features.
	concat, gate, gates := first["fusion/concat"].Params, first["fusion/gate"].Params, first["fusion/gates"].Params
	if gate != concat+2 || gates != concat+2*16 {
		t.Errorf("%d parameters with concat, %d with a gate, %d with gates", concat, gate, gates)
	}
	for name, c := range run("walks.yaml", "model") {
		if !c.Cached {
			t.Errorf("%s was trained again", name)
		}
	}

	// The same gate in another plan, under another label and by defaults, is the same trial.
	second := run("scaled.yaml", "scaled")
	if c := second["fusion/scaled"]; !c.Cached || c.Key != first["fusion/gate"].Key {
		t.Errorf("the gate was trained again: %v", c)
	}
	var description struct {
		Model struct {
			Fusion struct {
				Function string
				Options  map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(folder, "scaled", "model.json"))), &description); err != nil {
		t.Fatal(err)
	}
	if f := description.Model.Fusion; f.Function != "scaled" || f.Options["shared"] != true || f.Options["dropout"] != 0.5 {
		t.Errorf("the model file describes the fusion function as %v", f)
	}
	file, err := os.ReadFile(filepath.Join(folder, "scaled", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	weights, _, err := safetensors.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	if tensor := weights["fusion.gate"]; !slices.Equal(tensor.Shape, []int{2, 1}) || tensor.Data[0] == 1 || tensor.Data[1] == 1 {
		t.Errorf("the gates are %v: not trained", tensor)
	}

	// The export to PyTorch has the forms of the parts, with the names of the weights.
	mymixmas("export", filepath.Join("scaled", "model.safetensors"), "--torch", filepath.Join("scaled", "model.py"))
	exported := read(t, filepath.Join(folder, "scaled", "model.py"))
	for _, code := range []string{"class StepMLP(nn.Module):", "class Scaled(nn.Module):", "def aligned(", "fusion=Scaled(modalities=2, features=1, dropout=0.5)"} {
		if !strings.Contains(exported, code) {
			t.Errorf("the exported file has no %s", code)
		}
	}

	// The model that is read again predicts as the one that was scored.
	predicted, err := csv.NewReader(strings.NewReader(string(mymixmas("predict", "--model", filepath.Join("scaled", "model.safetensors"),
		"--data", "scaled.yaml", "--split", "validation")))).ReadAll()
	if err != nil || len(predicted) != 1+40 {
		t.Fatalf("%d lines of predictions: %v", len(predicted), err)
	}
	column := slices.Index(predicted[0], "label")
	if column < 0 {
		t.Fatalf("predictions have the columns %v", predicted[0])
	}
	right := 0
	for row, words := range predicted[1:] {
		if words[column] == []string{"left", "right"}[row%2] {
			right++
		}
	}
	if want := searched.Model.Metrics["accuracy"]; math.Abs(float64(right)/40-want) > 1e-9 {
		t.Errorf("%d of 40 are right, the accuracy was %v", right, want)
	}

	// Of four networks two are trained for a second epoch, and one to the end and in full. Nothing is trained twice.
	for _, trainings := range []int{4 + 2 + 1 + 1, 0} {
		halved := run("halving.yaml", "halved")
		if searched.Strategy != "halving" || len(halved) != 1 || searched.Trainings != trainings {
			t.Errorf("the strategy %q trained %d times, want %d, and ended with %v", searched.Strategy, searched.Trainings, trainings, halved)
		}
	}
}
