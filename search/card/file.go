package card

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mixmas/search/atomicfile"
	"mixmas/search/regular"
)

// Path is the path of the card beside a model file: model_card.md beside model.safetensors.
func Path(model string) string {
	return strings.TrimSuffix(model, filepath.Ext(model)) + "_card.md"
}

// ErrEdited means that a card is not as it was written, and stays: somebody's words are in it.
var ErrEdited = errors.New("the card was edited and stays as it is: remove it to get a new one")

// Save writes the card of a model file beside it, unless there is one that was edited (ErrEdited).
func Save(model string, c Contents) error {
	path := Path(model)
	if err := checkUnedited(path); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := Write(&text, c); err != nil {
		return err
	}
	text.WriteString(mark(text.Bytes()))
	return atomicfile.Replace(path, func(w io.Writer) error {
		_, err := w.Write(text.Bytes())
		return err
	})
}

// Remove removes the card of a model file, if there is one and it was not edited.
func Remove(model string) error {
	err := checkUnedited(Path(model))
	if err == nil {
		err = os.Remove(Path(model))
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrEdited) {
		return nil
	}
	return err
}

// mark is the last line of a card, by which an edited one is known.
func mark(text []byte) string {
	return fmt.Sprintf("\n<!-- written by mixmas: %x -->\n", sha256.Sum256(text))
}

// checkUnedited returns ErrEdited if the file is not a card as Save wrote it. A missing one is as it was written.
func checkUnedited(path string) error {
	f, err := regular.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if errors.Is(err, regular.ErrIrregular) {
		return fmt.Errorf("%s: %w", path, ErrEdited)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	const most = 16 << 20
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return err
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) // as git may check it out
	if n := len(text) - len(mark(nil)); n < 0 || mark(text[:n]) != string(text[n:]) {
		return fmt.Errorf("%s: %w", path, ErrEdited)
	}
	return nil
}
