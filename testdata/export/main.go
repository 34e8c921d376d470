// Command export writes the models of package exporttest in all forms, with raw inputs and what the program predicts from them,
// to a folder for each: check_onnx.py and check_torch.py compare.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/export/exporttest"
	"mixmas/search/export/onnx"
	"mixmas/search/export/torch"
	"mixmas/search/model"
)

// array is one array of case.bin.
type array struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // as numpy calls it
	Shape  []int  `json:"shape"`
	Offset int    `json:"offset"`
}

func main() {
	to := flag.String("to", "build/export", "the folder")
	random := flag.Int("random", 20, "how many random models there are besides")
	seed := flag.Uint64("seed", 1, "the seed of the first random model")
	flag.Parse()
	log.SetFlags(0)
	cases := exporttest.Cases()
	for i := range *random {
		cases = append(cases, exporttest.Random(*seed+uint64(i)))
	}
	for _, c := range cases {
		if err := write(*to, c); err != nil {
			log.Fatalf("%s: %v", c.Name, err)
		}
	}
	for _, c := range others() { // only ONNX files take what has no text of its own
		if err := write(*to+"-other", c, "model.py"); err != nil {
			log.Fatalf("%s: %v", c.Name, err)
		}
	}
}

// write writes a case, but not the files without.
func write(to string, c exporttest.Case, without ...string) error {
	folder := filepath.Join(to, strings.NewReplacer("/", "-", " ", "_").Replace(c.Name))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	file, err := c.File()
	if err != nil {
		return err
	}
	m, err := model.Parse(file)
	if err != nil {
		return err
	}
	logits, err := c.Logits(context.Background(), cpu.New(cpu.Options{}), m)
	if err != nil {
		return err
	}
	var bin bytes.Buffer
	var arrays []array
	add := func(name, kind string, data any, shape ...int) error {
		arrays = append(arrays, array{name, kind, append([]int{c.Rows}, shape...), bin.Len()})
		return binary.Write(&bin, binary.LittleEndian, data)
	}
	for _, in := range c.Inputs {
		switch {
		case in.Kind == mixer.Text:
			ids := make([]int64, len(in.Values))
			for i, id := range in.Values {
				ids[i] = int64(id)
			}
			err = add(in.Name, "int64", ids, in.Shape...)
		default:
			err = add(in.Name, "float32", in.Values, in.Shape...)
		}
		if err != nil {
			return err
		}
		if in.Lengths == nil {
			continue
		}
		lengths, present := make([]int64, c.Rows), make([]bool, c.Rows)
		for i, n := range in.Lengths {
			lengths[i], present[i] = int64(n), n > 0
		}
		if in.Kind == mixer.Sequence {
			err = add(in.Name+".length", "int64", lengths)
		} else {
			err = add(in.Name+".present", "bool", present)
		}
		if err != nil {
			return err
		}
	}
	if err := add("", "float32", logits, len(m.Classes)); err != nil { // the predictions
		return err
	}
	labels := make([][]string, c.Rows)
	for i := range labels {
		labels[i] = m.Labels(logits[i*len(m.Classes):][:len(m.Classes)])
	}
	description, err := json.Marshal(map[string]any{"name": c.Name, "arrays": arrays, "classes": m.Classes, "labels": labels})
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		write func(w io.Writer) error
	}{
		{"model.safetensors", func(w io.Writer) error { _, err := w.Write(file); return err }},
		{"case.bin", func(w io.Writer) error { _, err := w.Write(bin.Bytes()); return err }},
		{"case.json", func(w io.Writer) error { _, err := w.Write(description); return err }},
		{"model.onnx", func(w io.Writer) error { return onnx.Write(w, m, onnx.Options{Producer: "test"}) }},
		{"model.py", func(w io.Writer) error {
			return torch.Write(context.Background(), w, m, torch.Options{File: "model.py", Weights: "model.safetensors", Device: cpu.New(cpu.Options{}), Producer: "test"})
		}},
	} {
		if slices.Contains(without, f.name) {
			continue
		}
		var b bytes.Buffer
		if err := f.write(&b); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, f.name), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
