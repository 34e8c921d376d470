package cmd

import (
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmas/search/atomicfile"
	"mixmas/search/export/onnx"
	"mixmas/search/model"
)

// exportForm is a form in which models are exported. Its name is the flag that names the file.
type exportForm struct {
	name, usage string
	// write writes the model m. path is the model's own file.
	write func(w io.Writer, m *model.Model, path string) error
}

var exportForms = []exportForm{
	{"onnx", "write an ONNX model to `FILE`", func(w io.Writer, m *model.Model, _ string) error {
		return onnx.Write(w, m, onnx.Options{Producer: version()})
	}},
}

// exportCommand writes a model file in forms that other programs run.
func exportCommand() *cli.Command {
	var flags []cli.Flag
	for _, form := range exportForms {
		flags = append(flags, &cli.StringFlag{Name: form.name, Usage: form.usage})
	}
	return &cli.Command{
		Name: "export", Usage: "write a trained model in a form that other programs run", ArgsUsage: "MODEL",
		Description: "MODEL is a model.safetensors; an ensemble is a model file like any other. The export reads raw numbers: it\n" +
			"standardises them itself. docs/export.md describes its inputs and outputs, with an example in Python.",
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
		if err := checkOverwrites(c, form.name, path); c.IsSet(form.name) && err != nil {
			return err
		}
	}
	if !given {
		return usagef("%s: say in which form: %s", commandName(c), strings.Join(names, " or "))
	}
	m, err := model.Open(path)
	if err != nil {
		return err
	}
	for _, form := range exportForms {
		if !c.IsSet(form.name) {
			continue
		}
		if err := atomicfile.Write(c.String(form.name), func(w io.Writer) error { return form.write(w, m, path) }); err != nil {
			return err
		}
	}
	return nil
}
