package paper

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mixmas/search/config"
	_ "mixmas/search/dataset/formats"
	"mixmas/search/packed"
	"mixmas/search/store"
)

const testRows = 2000

// drawn returns a run that is right on about a share of the rows; runs of one seed are right on the same rows where they can be.
func drawn(seed uint64, share, luck float64) (float64, packed.Bits) {
	rng := rand.New(rand.NewPCG(seed, 1))
	bits := packed.NewBits(testRows)
	for row := range testRows {
		if rng.Float64() < share+luck {
			bits.Set(row)
		}
	}
	return float64(bits.Count()) / testRows, bits
}

// made makes results of several seeds from the shares of rows that candidates and models predict right.
func made(seeds int, stages map[string]map[string]float64, models map[string][2]float64) *Results {
	r := &Results{Command: "mixmas reproduce avmnist --seeds 3", Machine: "a test", Numerics: "none", Seeds: seeds, Epochs: 4, Sample: 8446,
		Data: Data{Fingerprint: "abc", Train: 55000, Validation: testRows, Test: testRows}}
	for seed := range uint64(seeds) {
		s := Search{Seed: seed + 1}
		for _, name := range []string{"encoder/image", "encoder/audio", "fusion"} {
			stage := Stage{Name: name}
			best := 0.0
			for candidate, share := range stages[name] {
				c := Candidate{Name: candidate, Accuracy: math.NaN(), Parameters: 1000, Seconds: 2}
				if share > 0 {
					c.Accuracy, c.Right = drawn(seed, share, 0)
				}
				if c.Accuracy > best {
					best, stage.Winner = c.Accuracy, candidate
				}
				stage.Candidates = append(stage.Candidates, c)
			}
			s.Stages = append(s.Stages, stage)
		}
		r.Searches = append(r.Searches, s)
		for _, name := range Models {
			for i, rate := range Rates {
				t := Training{Model: name, Seed: seed + 1, Rate: rate, Key: strings.Repeat("ab", 32), Parameters: 8_339_354, Seconds: 60,
					Validation: math.NaN(), Test: math.NaN()}
				if share := models[name][i]; share > 0 {
					t.Test, t.Right = drawn(seed, share, 0.002*float64(seed))
					t.Validation = t.Test
					t.Curve = []store.Epoch{{TrainLoss: 2, ValidationLoss: 1}, {TrainLoss: 1, ValidationLoss: 0.5}, {TrainLoss: 0.5, ValidationLoss: 0.75}}
				} else {
					t.Failed = "the full training failed: it diverged"
				}
				r.Trainings = append(r.Trainings, t)
			}
		}
	}
	return r
}

func TestClaims(t *testing.T) {
	stages := func(image, audio, fusion map[string]float64) map[string]map[string]float64 {
		return map[string]map[string]float64{"encoder/image": image, "encoder/audio": audio, "fusion": fusion}
	}
	type shares = map[string]float64
	level := map[string][2]float64{Searched: {0.8, 0.7}, Found: {0.6, 0.7}, Baseline: {0.8, 0.7}}
	apart := map[string][2]float64{Searched: {0, 0.8}, Found: {0.6, 0.5}, Baseline: {0.7, 0.6}}
	for _, c := range []struct {
		name    string
		results *Results
		want    string // verdicts in the order of Claims: h, c or -
	}{
		{"as the paper says", made(3, stages(shares{"a": 0.8, "b": 0.6}, shares{"a": 0.6, "b": 0.8}, shares{"concat": 0.9, "mean": 0.7}), apart), "hhhc-"},
		{"one encoder everywhere, mean ahead", made(3, stages(shares{"a": 0.8, "b": 0.6}, shares{"a": 0.8, "b": 0.6}, shares{"concat": 0.7, "mean": 0.9}), level), "cc-c-"},
		{"nothing apart", made(3, stages(shares{"a": 0.8, "b": 0.8}, shares{"a": 0.8, "b": 0.6}, shares{"concat": 0.8, "mean": 0.8}), level), "---c-"},
		{"a failed candidate", made(4, stages(shares{"a": 0.8, "b": 0}, shares{"a": 0, "b": 0.8}, shares{"concat": 0.8, "mean": 0.7, "max": 0}), apart), "-hhc-"},
		{"too few seeds", made(2, stages(shares{"a": 0.8, "b": 0.6}, shares{"a": 0.6, "b": 0.8}, shares{"concat": 0.9, "mean": 0.7}), apart), "-----"},
		{"nothing yet", &Results{}, "-----"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			for _, claim := range Claims {
				verdict, reason := claim.Judge(c.results)
				got += map[Verdict]string{Held: "h", Contradicted: "c", NotTestable: "-"}[verdict]
				t.Log(claim.Conclusion, verdict, reason)
			}
			if got != c.want {
				t.Errorf("verdicts %s, want %s", got, c.want)
			}
		})
	}
}

// The verdict of two models agrees with the interval that stands beside it, also where the model that is ahead by the rule of
// package choice, which tests on one side, is not by the interval.
func TestVerdictIsThatOfTheInterval(t *testing.T) {
	between := 0
	for share := 0.70; share < 0.73; share += 0.0005 {
		r := made(3, nil, map[string][2]float64{Searched: {0, share}, Found: {0, 0.6}, Baseline: {0, 0.7}})
		c := r.models(Searched, Baseline)
		low, high := c.standing.Interval(0, 1)
		want := NotTestable
		switch {
		case low > 0:
			want = Held
		case high < 0:
			want = Contradicted
		case len(c.ties()) == 1:
			between++
		}
		if got, reason := beats(r, Searched); got != want {
			t.Errorf("a share of %v: %s, want %s: %s", share, got, want, reason)
		}
	}
	if between == 0 {
		t.Error("no difference lies between the one-sided test and the interval")
	}
}

func TestPage(t *testing.T) {
	r := made(3, map[string]map[string]float64{"encoder/image": {"hyper_mixer": 0.8, "mlp_mixer": 0.6}, "encoder/audio": {"hyper_mixer": 0.6, "ramlp": 0},
		"fusion": {"concat": 0.9, "mean": 0.7}}, map[string][2]float64{Searched: {0, 0.8}, Found: {0.6, 0.5}, Baseline: {0.7, 0.6}})
	page := func() string {
		var b bytes.Buffer
		if err := r.WritePage(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	text := page()
	for _, want := range []string{
		"# The paper, re-run: AV-MNIST",
		"M2-Mixer 73.20 ± 0.2% with 8.3 million parameters, the searched model 75.79% with 9.33 million",
		"46.66 in Table II and 42.3 in the text",
		"| No encoder is the best for every modality. | **not testable here** |", // audio has one encoder only
		"| Concatenation is the best fusion function. | **held** |",
		"| The searched model (the published architecture) beats M2-Mixer. | **held** |",
		"| **hyper_mixer** | ", // the paper's choice
		"| ramlp | – | – | 0 of 3 | 1,000 | 2.0 |",
		"| searched-avmnist | 0.01 | – | – | – | 8,339,354 | – | 60.0 | 3 failed |",
		"| 2.0 | 60.0 | the better rate |",
		"The paper trains 200 epochs at most, these are 4.",
		"Sample: 8,446 rows, 14.32% of all.",
		"| 3 | 0.5000 | 0.7500 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	for _, not := range []string{"NaN", "So far", "rehearsal"} {
		if strings.Contains(text, not) {
			t.Errorf("the page has %q:\n%s", not, text)
		}
	}
	// Every table has as many cells in each row.
	cells := 0
	for line := range strings.Lines(text) {
		n := strings.Count(line, "|")
		if n > 0 && cells > 0 && n != cells {
			t.Errorf("%d bars, want %d: %s", n, cells, line)
		}
		cells = n
	}

	r.Trainings, r.Searches, r.Data.Cut = r.Trainings[:7], r.Searches[:2], true
	text = page()
	for _, want := range []string{"So far 2 of 3 searches and 7 of 18 full trainings have finished.", "A rehearsal: only the first 55,000 training"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	*r = Results{Seeds: 3}
	if text = page(); !strings.Contains(text, "No seed has finished.") || strings.Contains(text, "NaN") {
		t.Errorf("nothing yet:\n%s", text)
	}
}

// The configuration in the program is the one that people find beside the others.
func TestConfiguration(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "..", "testdata", "configs", "avmnist-published.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, Configuration) {
		t.Error("cmd/paper/avmnist.yaml and testdata/configs/avmnist-published.yaml differ: copy the one that is right")
	}
	// Its search is that of avmnist.yaml: they differ in the sample alone.
	usual, err := os.ReadFile(filepath.Join("..", "..", "testdata", "configs", "avmnist.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)\nsearch:\n.*\ntrain:\n`)
	if a, b := section.Find(file), section.Find(usual); a == nil || !bytes.Equal(a, b) {
		t.Errorf("the sections search differ:\n%s\n%s", a, b)
	}
	c, err := config.Parse("avmnist.yaml", Configuration)
	if err != nil {
		t.Fatal(err)
	}
	if c.Sample.Population != "all" || c.Sample.Confidence != 0.95 || c.Settings != config.Paper {
		t.Errorf("sample %+v, settings %s", c.Sample, c.Settings)
	}
}
