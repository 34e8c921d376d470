package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// module is a module of which packages are in the program.
type module struct {
	Path, Version, Dir string
	Main               bool
}

// licences returns the licences of Go and of all modules in the program for a system: most ask to be shown with it.
func licences(ctx context.Context, goos, goarch string) ([]byte, error) {
	c := command(ctx, goos, goarch, "go", "list", "-deps", "-json=Module", "./cmd/mixmas")
	list, err := c.Output()
	if err != nil {
		return nil, err
	}
	root, err := command(ctx, goos, goarch, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	modules := []module{{Path: "Go", Version: runtime.Version(), Dir: strings.TrimSpace(string(root))}}
	for d := json.NewDecoder(bytes.NewReader(list)); ; {
		var p struct{ Module *module }
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if p.Module != nil && !p.Module.Main && !slices.Contains(modules, *p.Module) {
			modules = append(modules, *p.Module)
		}
	}
	slices.SortFunc(modules[1:], func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return licencesOf(modules)
}

// licencesOf returns the files of modules that state their licences and notices.
func licencesOf(modules []module) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("The program mixmas contains the following works. Its own licence is in LICENSE.\n")
	for _, m := range modules {
		entries, err := os.ReadDir(m.Dir)
		if err != nil {
			return nil, err
		}
		found := false
		for _, e := range entries {
			name := strings.ToUpper(e.Name())
			notice := strings.HasPrefix(name, "NOTICE")
			if e.IsDir() || !notice && !strings.HasPrefix(name, "LICENSE") && !strings.HasPrefix(name, "LICENCE") && !strings.HasPrefix(name, "COPYING") {
				continue
			}
			text, err := os.ReadFile(filepath.Join(m.Dir, e.Name()))
			if err != nil {
				return nil, err
			}
			found = found || !notice
			fmt.Fprintf(&b, "\n%s\n%s %s: %s\n\n%s\n", strings.Repeat("=", 80), m.Path, m.Version, e.Name(), bytes.TrimSpace(text))
		}
		if !found {
			return nil, fmt.Errorf("the module %s has no file with its licence", m.Path)
		}
	}
	return b.Bytes(), nil
}
