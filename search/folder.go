package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"mixmas/search/model"
	"mixmas/search/regular"
)

// ErrOccupied means that a folder holds files of another training, which a full training would replace.
var ErrOccupied = errors.New("the folder is occupied")

// CheckFolder reports early whether the full training with a name may write its model to a folder. It may if the folder has
// no model, or those with the same name that were trained on the same data; with [Options.Overwrite] it may replace anything but
// folders. Otherwise the error is ErrOccupied.
func (s *Search) CheckFolder(name, folder string) error {
	for _, file := range modelFiles {
		if err := s.checkFile(name, filepath.Join(folder, file), ErrOccupied); err != nil {
			return err
		}
	}
	return nil
}

// ErrTaken means that a file is not a model of the same search and data, which an ensemble may replace.
var ErrTaken = errors.New("the file is taken")

// CheckFile reports early whether [Search.Combine] may write an ensemble to a file: the file and the description beside it must be
// new, or a model of the same search that was trained on the same data; with [Options.Overwrite] it may replace anything but
// folders. Otherwise the error is ErrTaken.
func (s *Search) CheckFile(path string) error {
	if path == descriptionOf(path) {
		return fmt.Errorf("%s is the name of the description that is written beside the model", path)
	}
	return s.checkFile(s.config.Name, path, ErrTaken)
}

// checkFile checks a model file and the description beside it. taken is the error if they hold something else.
func (s *Search) checkFile(name, path string, taken error) error {
	for _, file := range []struct {
		path string
		read func(*os.File) (model.Description, error)
	}{{path, modelDescription}, {descriptionOf(path), descriptionText}} {
		path := file.path
		if s.overwrite {
			if info, err := os.Lstat(path); err == nil && info.IsDir() {
				return fmt.Errorf("%s is a folder, which a model cannot replace: remove it", path)
			}
			continue
		}
		f, err := regular.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var d model.Description
		if err == nil {
			d, err = file.read(f)
			f.Close()
		}
		switch {
		case err != nil:
			return fmt.Errorf("%w: a file there is not a mixmas model: %w", taken, err)
		case d.Name != name:
			return fmt.Errorf("%w: %s is the model of %q, not of %q", taken, path, d.Name, name)
		case d.Data.Fingerprint != s.data.Fingerprint():
			return fmt.Errorf("%w: %s was trained on other data, with fingerprint %.12s, not %.12s", taken, path, d.Data.Fingerprint,
				s.data.Fingerprint())
		}
	}
	return nil
}

// modelDescription returns the description in a model file.
func modelDescription(f *os.File) (model.Description, error) {
	m, err := model.Read(f)
	if err != nil {
		return model.Description{}, err
	}
	return m.Description, nil
}

// descriptionText returns the description in the JSON file next to a model file.
func descriptionText(f *os.File) (d model.Description, err error) {
	const limit = 64 << 20 // the file may be anything
	if err := json.NewDecoder(io.LimitReader(f, limit)).Decode(&d); err != nil {
		return d, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return d, nil
}
