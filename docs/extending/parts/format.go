package parts

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

func init() {
	dataset.Register(dataset.Format{
		Name: "walks", Doc: "walks in CSV files: a class, some steps (x, y), and three numbers about the walker",
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

// Check checks what tags cannot express. It is called when a configuration is read, and opens no files.
func (o *WalksOptions) Check() error {
	if o.Train == o.Test {
		return options.Errorf("test", "this is also the file of the training rows")
	}
	return nil
}

// openWalks reads the files into columns. Assemble does the rest, the same for every format: it standardises the columns,
// checks the labels and computes the fingerprint.
func openWalks(ctx context.Context, options any, environment dataset.Environment) (dataset.Dataset, error) {
	o := options.(*WalksOptions)
	contents := dataset.Contents{Name: "walks", Task: task.Task{Kind: task.OneLabel, Classes: []string{"left", "right"}},
		Sources: []dataset.Source{
			{Modality: dataset.Modality{Name: "walk", Kind: mixer.Sequence, Shape: []int{o.Steps, 2}}, Per: dataset.PerFeature},
			{Modality: dataset.Modality{Name: "person", Kind: mixer.Table, Shape: []int{3}}, Per: dataset.PerFeature},
		}}
	for split, file := range []string{o.Train, o.Validation, o.Test} {
		if !filepath.IsAbs(file) {
			file = filepath.Join(environment.Folder, file)
		}
		columns, err := readColumns(file, 1, 2*o.Steps, 3)
		if err != nil {
			return nil, fmt.Errorf("data set walks: %s: %w", file, err)
		}
		part := func(i int, shape ...int) dataset.Part {
			c := dataset.NewNumbers(file, shape, columns[i])
			return dataset.Part{Column: c, Rows: dataset.Rows{Count: c.Rows()}}
		}
		contents.Labels[split] = part(0)
		contents.Sources[0].Samples[split] = part(1, o.Steps, 2)
		contents.Sources[1].Samples[split] = part(2, 3)
	}
	return dataset.Assemble(ctx, contents, environment)
}

// readColumns reads a CSV file of numbers and splits its columns into groups of the given sizes.
func readColumns(file string, groups ...int) ([][]float32, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	columns := make([][]float32, len(groups))
	for row, words := range lines {
		for i, n := range groups {
			if len(words) < n {
				return nil, fmt.Errorf("row %d has too few numbers", row)
			}
			for _, word := range words[:n] {
				x, err := strconv.ParseFloat(word, 32)
				if err != nil {
					return nil, fmt.Errorf("row %d: %w", row, err)
				}
				columns[i] = append(columns[i], float32(x))
			}
			words = words[n:]
		}
		if len(words) > 0 {
			return nil, fmt.Errorf("row %d has too many numbers", row)
		}
	}
	return columns, nil
}
