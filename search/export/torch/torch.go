package torch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"mixmas/nn/device"
	"mixmas/search/model"
)

// Options choose what is written beside the model.
type Options struct {
	// File is the name of the Python file, for its first lines.
	File string
	// Weights is the path of the model file with slashes, absolute or from the folder of the Python file.
	Weights string
	// Device computes the logits of made-up rows, with which the file tests itself.
	Device device.Device
	// Producer is the program and its version, for the file's first lines.
	Producer string
}

// Write writes a model as a Python file: a PyTorch module that loads the model's own file and gives the same logits. The same model
// gives the same bytes, but for the last digits of these logits on another device. The error names an architecture or fusion
// function that has no PyTorch form, see [Register].
func Write(ctx context.Context, w io.Writer, m *model.Model, o Options) error {
	text, err := write(ctx, m, o)
	if err != nil {
		return fmt.Errorf("export to PyTorch: %w", err)
	}
	_, err = io.WriteString(w, text)
	return err
}

// imported are modules of Python that PyTorch, numpy and our files import: a file of such a name in the folder of a program hides it.
var imported = strings.Fields(`torch numpy typing_extensions abc ast base64 bisect bz2 calendar codecs collections concurrent contextlib contextvars
 copy copyreg csv ctypes dataclasses datetime decimal difflib dis doctest email encodings enum errno fnmatch fractions functools gc getpass glob gzip
 hashlib heapq hmac html http importlib inspect io ipaddress itertools json keyword linecache locale logging lzma math mmap multiprocessing numbers
 opcode operator optparse os pathlib pdb pickle pickletools pkgutil platform pprint profile queue quopri random re reprlib secrets select
 selectors shutil signal site socket sqlite3 ssl stat statistics string struct subprocess sys sysconfig tarfile tempfile textwrap threading time
 timeit token tokenize traceback types typing unittest urllib uuid warnings weakref xml zipfile zlib`)

// importable is the form of names that Python imports, except its keywords.
var (
	importable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	keywords   = strings.Fields("False None True and as assert async await break class continue def del elif else except finally for from global if import " +
		"in is lambda nonlocal not or pass raise return try while with yield")
)

// checkName returns an error for the name of a file that Python cannot import, or should not.
func checkName(file string) error {
	name, python := strings.CutSuffix(file, ".py")
	switch {
	case !python:
		return errors.New("only a file whose name ends with .py can be imported by Python, such as model.py")
	case slices.Contains(imported, name):
		return fmt.Errorf("a file of this name would hide Python's module %s, which it needs: choose another name", name)
	case !importable.MatchString(name) || slices.Contains(keywords, name):
		return errors.New("a file of this name cannot be imported by Python: choose letters, digits and _, as in model.py")
	}
	return nil
}

func write(ctx context.Context, m *model.Model, o Options) (string, error) {
	if err := checkName(o.File); err != nil {
		return "", err
	}
	f := file{Model: m, Options: o}
	for _, spec := range specifications(m) {
		member, err := newMember(spec)
		if err != nil {
			return "", err
		}
		f.members = append(f.members, member)
	}
	f.holds = f.conditions()
	network, err := f.network()
	if err != nil {
		return "", err
	}
	expected, err := logits(ctx, o.Device, m)
	if err != nil {
		return "", err
	}
	return f.text(network, expected), nil
}
