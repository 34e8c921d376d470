package parts

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"mixmas/search/dataset"
)

func init() {
	dataset.Register(dataset.Format{
		Name: "walks", Doc: "walks in CSV files: a class, some steps (x, y), and three numbers about who walked",
		Options: func() any { return &WalksOptions{Train: "train.csv", Validation: "validation.csv", Test: "test.csv"} },
		Open:    openWalks,
	})
}

// WalksOptions are the options of the format walks.
type WalksOptions struct {
	Steps      int    `yaml:"steps" jsonschema:"minimum=1,maximum=10000" doc:"steps of a walk"`
	Train      string `yaml:"train" doc:"CSV file of the training rows"`
	Validation string `yaml:"validation" doc:"CSV file of the validation rows"`
	Test       string `yaml:"test" doc:"CSV file of the test rows"`
}

// Check says what tags cannot: it is called when a configuration is read, and opens no files.
func (o *WalksOptions) Check() error {
	if o.Train == o.Test {
		return &dataset.OptionError{Field: "test", Text: "is the file of the training rows"}
	}
	return nil
}

// walks are the rows of three files, in memory.
type walks struct {
	modalities  []dataset.Modality
	labels      [3][]float32      // by split
	rows        [3][2][][]float32 // by split and modality
	fingerprint string
}

func openWalks(_ context.Context, options any, environment dataset.Environment) (dataset.Dataset, error) {
	o := options.(*WalksOptions)
	w := &walks{modalities: []dataset.Modality{
		{Name: "walk", Kind: dataset.Sequence, Shape: []int{o.Steps, 2}},
		{Name: "person", Kind: dataset.Table, Shape: []int{3}},
	}}
	digest := sha256.New()
	for split, name := range []string{o.Train, o.Validation, o.Test} {
		if !filepath.IsAbs(name) {
			name = filepath.Join(environment.Folder, name)
		}
		content, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("data set walks: %w", err)
		}
		table, err := csv.NewReader(content).ReadAll()
		content.Close()
		if err != nil {
			return nil, fmt.Errorf("data set walks: %s: %w", name, err)
		}
		for line, words := range table {
			if err := w.add(split, words); err != nil {
				return nil, fmt.Errorf("data set walks: %s: row %d: %w", name, line, err)
			}
			fmt.Fprintf(digest, "%d %q\n", split, words)
		}
	}
	w.fingerprint = hex.EncodeToString(digest.Sum(nil))
	return w, nil
}

// add adds a row of a file: the class, then the elements of each modality.
func (w *walks) add(split int, words []string) error {
	if want := 1 + w.modalities[0].Size() + w.modalities[1].Size(); len(words) != want {
		return fmt.Errorf("want %d columns, got %d", want, len(words))
	}
	numbers := make([]float32, len(words))
	for i, word := range words {
		x, err := strconv.ParseFloat(word, 32)
		if err != nil {
			return err
		}
		numbers[i] = float32(x)
	}
	if numbers[0] != 0 && numbers[0] != 1 {
		return fmt.Errorf("class %s: want 0 or 1", words[0])
	}
	w.labels[split] = append(w.labels[split], numbers[0])
	numbers = numbers[1:]
	for m, modality := range w.modalities {
		w.rows[split][m] = append(w.rows[split][m], numbers[:modality.Size()])
		numbers = numbers[modality.Size():]
	}
	return nil
}

func (w *walks) Name() string                    { return "walks" }
func (w *walks) Modalities() []dataset.Modality  { return w.modalities }
func (w *walks) Classes() []string               { return []string{"left", "right"} }
func (w *walks) MultiLabel() bool                { return false }
func (w *walks) Len(split dataset.Split) int     { return len(w.labels[split]) }
func (w *walks) Fingerprint() string             { return w.fingerprint }
func (w *walks) Unchanged(context.Context) error { return nil } // all is in memory
func (w *walks) Close() error                    { return nil }

func (w *walks) Read(split dataset.Split, modality, row int, dst []float32) error {
	copy(dst, w.rows[split][modality][row])
	return nil
}

func (w *walks) Label(split dataset.Split, row int, dst []float32) error {
	dst[0] = w.labels[split][row]
	return nil
}

// Preprocessing is what Read does to raw numbers: nothing.
func (w *walks) Preprocessing() map[string]dataset.Standardisation {
	none := dataset.Standardisation{Deviation: 1}
	return map[string]dataset.Standardisation{"walk": none, "person": none}
}
