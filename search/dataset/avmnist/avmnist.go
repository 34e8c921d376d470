// Package avmnist is the format "avmnist": AV-MNIST in the folder layout in which it was published (Vielzeuf et al. 2018).
package avmnist

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/search/dataset"
	"mixmas/search/dataset/arrays"
)

// Options are the options of the format "avmnist".
type Options struct {
	Path       string `yaml:"path" doc:"folder with image/train_data.npy, audio/train_data.npy, train_labels.npy and the same for test"`
	Validation int    `yaml:"validation" jsonschema:"minimum=1" doc:"number of rows at the end of the training files to use for validation"`
}

func init() {
	defaults := func() *Options { return &Options{Validation: 5000} }
	dataset.Register(dataset.Format{
		Name:    "avmnist",
		Doc:     "AV-MNIST in its published folder layout: handwritten digits and noisy spoken ones",
		Options: func() any { return defaults() },
		Folder: func(path string) any {
			o := defaults()
			o.Path = path
			return o
		},
		Open: func(ctx context.Context, options any, environment dataset.Environment) (dataset.Dataset, error) {
			return Open(ctx, *options.(*Options), environment)
		},
	})
}

// Check implements [dataset.Checker].
func (o *Options) Check() error {
	if o.Path == "" {
		return options.Errorf("path", "no folder is named")
	}
	return nil
}

// Open opens the folder with the format npy: it gives the files, modalities and classes of the published layout. Images may be
// flat. Audio is 112×112 in the published data; other sizes are accepted. Each modality is standardised as a whole.
func Open(ctx context.Context, o Options, environment dataset.Environment) (dataset.Dataset, error) {
	if err := dataset.CheckOptions(&o); err != nil {
		return nil, fmt.Errorf("data set avmnist: %w", err)
	}
	folder := o.Path
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(environment.Folder, folder)
	}
	if info, err := os.Stat(folder); err != nil {
		return nil, fmt.Errorf("data set avmnist: %w (`mixmas data build avmnist` makes such a folder)", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("data set avmnist: %s is not a folder", folder)
	}
	environment.Folder = "" // the paths below are complete
	files := func(pattern string) arrays.Files {
		return arrays.Files{
			Train: filepath.Join(folder, fmt.Sprintf(pattern, "train")),
			Test:  filepath.Join(folder, fmt.Sprintf(pattern, "test")),
		}
	}
	return arrays.Open(ctx, arrays.Options{
		Name: "avmnist",
		Modalities: []arrays.Modality{
			{Name: "image", Kind: mixer.Map, Files: files("image/%s_data.npy")},
			{Name: "audio", Kind: mixer.Map, Files: files("audio/%s_data.npy")},
		},
		Labels:      files("%s_labels.npy"),
		Classes:     []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
		Validation:  o.Validation,
		Standardise: dataset.PerModality,
	}, environment)
}
