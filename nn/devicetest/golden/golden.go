// Package golden reads folders of reference vectors: a manifest.json that lists cases, and NAME.npz with the arrays of each.
package golden

import (
	"archive/zip"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Case is one entry of the manifest.
type Case struct {
	// Name identifies the case; Op is the operation that it tests.
	Name string `json:"name"`
	Op   string `json:"op"`
	// Hyper holds the operation's settings, a JSON object.
	Hyper json.RawMessage `json:"hyper"`
	// Tolerance is the largest absolute error of each expected array.
	Tolerance map[string]float64 `json:"atol"`

	dir string
}

// Array is a row-major tensor. Its elements are float64 for all types in the file.
type Array struct {
	Shape []int
	Data  []float64
}

// Float32 returns a copy of the elements as float32.
func (a Array) Float32() []float32 {
	data := make([]float32, len(a.Data))
	for i, x := range a.Data {
		data[i] = float32(x)
	}
	return data
}

// Dir returns the folder that the environment variable MIXMAS_GOLDEN names, relative to the module's root, or
// testdata/golden of this module if it is not set.
func Dir() (string, error) {
	folder := cmp.Or(os.Getenv("MIXMAS_GOLDEN"), filepath.Join("testdata", "golden"))
	if filepath.IsAbs(folder) {
		return folder, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return filepath.Join(dir, folder), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			return "", fmt.Errorf("find the golden folder: no go.mod above the working directory: %w", err)
		}
		dir = filepath.Dir(dir)
	}
}

// Cases reads the manifest of a folder.
func Cases(dir string) ([]Case, error) {
	path := filepath.Join(dir, "manifest.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var manifest struct {
		Cases []Case `json:"cases"`
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(manifest.Cases) == 0 {
		return nil, fmt.Errorf("%s: no cases", path)
	}
	for i := range manifest.Cases {
		manifest.Cases[i].dir = dir
	}
	return manifest.Cases, nil
}

// Arrays reads the arrays of a case by name.
func (c Case) Arrays() (map[string]Array, error) {
	path := filepath.Join(c.dir, c.Name+".npz")
	archive, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer archive.Close()
	arrays := map[string]Array{}
	for _, file := range archive.File {
		a, err := readFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, file.Name, err)
		}
		arrays[strings.TrimSuffix(file.Name, ".npy")] = a
	}
	return arrays, nil
}

func readFile(file *zip.File) (Array, error) {
	r, err := file.Open()
	if err != nil {
		return Array{}, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return Array{}, err
	}
	return parse(data)
}
