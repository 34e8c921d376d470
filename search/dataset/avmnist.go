package dataset

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// AVMNISTOptions are the options of the format "avmnist".
type AVMNISTOptions struct {
	Path       string `yaml:"path" doc:"folder with image/train_data.npy, audio/train_data.npy, train_labels.npy and the same for test"`
	Validation int    `yaml:"validation" jsonschema:"minimum=1" doc:"how many rows at the end of the training files are for validation"`
}

func init() {
	Register(Format{
		Name:    "avmnist",
		Doc:     "AV-MNIST in its published folder layout: written digits and noisy spoken ones",
		Options: func() any { return &AVMNISTOptions{Validation: 5000} },
		Open: func(ctx context.Context, options any, environment Environment) (Dataset, error) {
			o, ok := options.(*AVMNISTOptions)
			if !ok {
				return nil, fmt.Errorf("format avmnist: options are %T, want *dataset.AVMNISTOptions", options)
			}
			return openAVMNIST(ctx, *o, environment)
		},
	})
}

// Check implements [Checker].
func (o *AVMNISTOptions) Check() error {
	if o.Path == "" {
		return optionError("path", "no folder is named")
	}
	return nil
}

// openAVMNIST is the npy format with the files, modalities and classes of the published layout (Vielzeuf et al. 2018).
// Images may be flat, audio is 112×112 in the published data; other sizes are taken as they are.
func openAVMNIST(ctx context.Context, o AVMNISTOptions, environment Environment) (Dataset, error) {
	if err := o.Check(); err != nil {
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
	files := func(pattern string) NPYFiles {
		return NPYFiles{
			Train: filepath.Join(folder, fmt.Sprintf(pattern, "train")),
			Test:  filepath.Join(folder, fmt.Sprintf(pattern, "test")),
		}
	}
	return openArrays(ctx, NPYOptions{
		Name: "avmnist",
		Modalities: []NPYModality{
			{Name: "image", Kind: Map, NPYFiles: files("image/%s_data.npy")},
			{Name: "audio", Kind: Map, NPYFiles: files("audio/%s_data.npy")},
		},
		Labels:     files("%s_labels.npy"),
		Classes:    []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
		Validation: o.Validation,
	}, environment)
}
