package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmas/nn/cpu"
	"mixmas/search/atomicfile"
	"mixmas/search/export/onnx"
	"mixmas/search/export/torch"
	"mixmas/search/model"
)

// exportForm is a form in which models are exported. Its name is the flag that names the file.
type exportForm struct {
	name, usage string
	// edited means that people change the file: one that is there is replaced only with --force.
	edited bool
	// write writes the model m, whose own file is from, to w, which becomes the file to.
	write func(ctx context.Context, w io.Writer, m *model.Model, from, to string) error
}

var exportForms = []exportForm{
	{"onnx", "write an ONNX model to `FILE`", false, func(_ context.Context, w io.Writer, m *model.Model, _, _ string) error {
		return onnx.Write(w, m, onnx.Options{Producer: version()})
	}},
	{"torch", "write a PyTorch module to `FILE`, such as model.py, which loads MODEL", true, func(ctx context.Context, w io.Writer, m *model.Model, from, to string) error {
		return torch.Write(ctx, w, m, torch.Options{File: filepath.Base(to), Weights: seenFrom(to, from), Device: cpu.New(cpu.Options{}), Producer: "mixmas " + version()})
	}},
}

// exportCommand writes a model file in forms that other programs run.
func exportCommand() *cli.Command {
	var flags []cli.Flag
	for _, form := range exportForms {
		flags = append(flags, &cli.StringFlag{Name: form.name, Usage: form.usage})
	}
	flags = append(flags, &cli.BoolFlag{Name: "force", Usage: "overwrite the FILE of --torch, in which there may be changes"})
	return &cli.Command{
		Name: "export", Usage: "write a trained model in a form that other programs run", ArgsUsage: "MODEL",
		Description: "MODEL is a model.safetensors; an ensemble is a model file like any other. The export reads raw numbers: it\n" +
			"standardises them itself. An ONNX file has everything in it; a PyTorch module is readable code that loads MODEL from where it is.\n" +
			"docs/export.md describes inputs and outputs, with examples in Python.",
		Flags:  flags,
		Action: export,
	}
}

func export(c *cli.Context) error {
	if err := arguments(c, 1, 1, "MODEL"); err != nil {
		return err
	}
	path := c.Args().First()
	var names []string
	given := false
	for _, form := range exportForms {
		names, given = append(names, "--"+form.name+" FILE"), given || c.IsSet(form.name)
		if !c.IsSet(form.name) {
			continue
		}
		if err := checkOverwrites(c, form.name, path); err != nil {
			return err
		}
		if to, err := os.Stat(c.String(form.name)); err == nil && form.edited && to.Mode().IsRegular() && !c.Bool("force") {
			return fmt.Errorf("%s exists: use --force to overwrite it", c.String(form.name))
		}
	}
	if !given {
		return usagef("%s: say in which form: %s", commandName(c), strings.Join(names, " or "))
	}
	if c.IsSet("onnx") && c.IsSet("torch") && samePath(c.String("onnx"), c.String("torch")) {
		return usagef("%s: --onnx and --torch name the same file, %s: name two", commandName(c), quote(c.String("onnx")))
	}
	m, err := model.Open(path)
	if err != nil {
		return err
	}
	for _, form := range exportForms {
		if !c.IsSet(form.name) {
			continue
		}
		if err := atomicfile.Write(c.String(form.name), func(w io.Writer) error { return form.write(c.Context, w, m, path, c.String(form.name)) }); err != nil {
			return err
		}
	}
	return nil
}

// samePath reports whether two paths are those of one file, which need not exist.
func samePath(a, b string) bool {
	if one, err := os.Stat(a); err == nil {
		other, err := os.Stat(b)
		return err == nil && os.SameFile(one, other)
	}
	one, err := filepath.Abs(a)
	other, otherErr := filepath.Abs(b)
	return err == nil && otherErr == nil && one == other
}

// seenFrom is the path of a file from the folder of another one, with slashes; the absolute path where there is none.
func seenFrom(other, file string) string {
	to, err := filepath.Abs(filepath.Dir(other))
	if err != nil {
		return filepath.ToSlash(file)
	}
	from, err := filepath.Abs(file)
	if err != nil {
		return filepath.ToSlash(file)
	}
	if path, err := filepath.Rel(to, from); err == nil {
		return filepath.ToSlash(path)
	}
	return filepath.ToSlash(from)
}
