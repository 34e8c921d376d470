package cmd

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/urfave/cli/v2"

	"mixmas/nn/registry"
	"mixmas/search/atomicfile"
	"mixmas/search/dataset"
	"mixmas/search/dataset/picture"
	"mixmas/search/escape"
	"mixmas/search/model"
)

// usualModel is the model of a run without --out.
const usualModel = outFolder + "/model.safetensors"

// predictCommand applies a model file to data.
func predictCommand() *cli.Command {
	return &cli.Command{
		Name: "predict", Usage: "predict the labels of data with a trained model", ArgsUsage: "[FILE...]",
		Description: "A model of data in the format records reads tables, array files, folders and archives as they are: mixmas predict\n" +
			"new.csv. They need no labels, and only the columns that the model reads; rows may lack modalities that training rows\n" +
			"lacked, or all of them if the model was trained with drop_modality. --input NAME=VALUE predicts a single row.\n" +
			"Other models read the data of a configuration, with --data, or a row as arrays, with --input MODALITY=FILE.npy.\n" +
			"An ensemble is a model file like any other. Where a model has thresholds, they decide which labels are predicted;\n" +
			"probabilities are printed without them. mixmas serve predicts over HTTP.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "model", Value: usualModel, Usage: "model `FILE`"},
			&cli.StringSliceFlag{Name: "input", Usage: "predict a single row: `NAME=VALUE`, the name of a modality or column, such as photo=a.png or age=32; may be repeated"},
			&cli.StringFlag{Name: "id", Usage: "`COLUMN` that is printed beside each prediction; default: the first one that identifies the rows"},
			&cli.StringFlag{Name: "folder", Usage: "`DIR` where paths in tables start; default: the folder of the table"},
			&cli.StringFlag{Name: "data", Usage: "`CONFIG` whose data section is used (- is standard input), or a folder in the layout of the format " + folderFormats() + "; default: the built-in data, for models trained on them"},
			&cli.StringFlag{Name: "split", Value: "test", Usage: "`SPLIT` of the data: train, validation or test"},
			&cli.StringFlag{Name: "format", Value: "csv", Usage: "output `FORMAT`: csv or jsonl"},
			&cli.StringFlag{Name: "out", Usage: "write the predictions to `FILE` instead of standard output"},
			workersFlag("use `N` cores"), deviceFlag(), cacheSizeFlag(),
		},
		Action: predict,
	}
}

func predict(c *cli.Context) error {
	format := c.String("format")
	if format != "csv" && format != "jsonl" {
		return usagef("--format %s: want csv or jsonl%s", format, registry.Suggestion(format, []string{"csv", "jsonl"}))
	}
	split := slices.IndexFunc(dataset.Splits[:], func(s dataset.Split) bool { return s.String() == c.String("split") })
	if split < 0 {
		return usagef("--split %s: want train, validation or test%s", c.String("split"), registry.Suggestion(c.String("split"), []string{"train", "validation", "test"}))
	}
	if err := checkInput(c); err != nil {
		return err
	}
	if err := checkOverwrites(c, "out", append(c.Args().Slice(), c.String("model"), c.String("data"))...); err != nil {
		return err
	}
	m, err := model.Open(c.String("model"))
	if errors.Is(err, fs.ErrNotExist) && !c.IsSet("model") {
		return usagef("%s: %s does not exist: name a model with --model, or train one with mixmas run", commandName(c), usualModel)
	}
	if err != nil {
		return err
	}
	d, _, err := openDevice(c, autoNumerics)
	if err != nil {
		return err
	}
	data, err := openPredictInput(c, m)
	if err == nil {
		defer data.Close()
		err = m.CheckData(data)
	}
	if err != nil {
		return dataError(c, m, err)
	}
	if err := noteLacking(c, m, data.Dataset, dataset.Split(split)); err != nil {
		return err
	}
	logits, err := m.Predict(c.Context, d, data.Dataset, dataset.Split(split))
	if err != nil {
		return err
	}
	write := func(w io.Writer) error {
		out := bufio.NewWriter(w)
		form := writeCSV
		if format == "jsonl" {
			form = writeJSONLines
		}
		if err := form(out, predictions(m, logits, data), m.Classes, data.Columns); err != nil {
			return err
		}
		return out.Flush()
	}
	if path := c.String("out"); path != "" {
		return atomicfile.Write(path, write)
	}
	return write(c.App.Writer)
}

// noteLacking says which modalities rows lack, and whether the model was trained to do without.
func noteLacking(c *cli.Context, m *model.Model, data dataset.Dataset, split dataset.Split) error {
	for _, warning := range data.Warnings() {
		if raw(c) {
			fmt.Fprintln(c.App.ErrWriter, "warning:", warning)
		}
	}
	counts, err := m.Lacking(c.Context, data, split)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(c.App.ErrWriter, "note: %s of %s lack %s, which the model was trained to do without\n", humanize.Comma(int64(counts[name])),
			english.Plural(data.Len(split), "row", ""), escape.Terminal(name))
	}
	return err
}

// raw reports whether rows are given as they are, in files or as values.
func raw(c *cli.Context) bool { return c.Args().Len() > 0 || len(c.StringSlice("input")) > 0 }

// checkInput returns an error for flags that contradict each other.
func checkInput(c *cli.Context) error {
	for _, name := range []string{"data", "split"} {
		if raw(c) && c.IsSet(name) {
			return usagef("%s: --%s is for the data of a configuration: leave it out, or the files", commandName(c), name)
		}
	}
	if c.Args().Len() > 0 && len(c.StringSlice("input")) > 0 {
		return usagef("%s: want either files or --input", commandName(c))
	}
	for _, file := range c.Args().Slice() {
		switch {
		case hasSuffix(file, ".yaml", ".yml"):
			return usagef("%s: %s is a configuration, not rows: name it with --data", commandName(c), quote(file))
		case picture.HasName(file):
			return usagef("%s: %s is a picture, not a table of rows: give it to a modality, such as --input photo=%s", commandName(c), quote(file), quote(file))
		}
	}
	for _, text := range c.StringSlice("input") {
		if name, _, ok := strings.Cut(text, "="); !ok || name == "" {
			return usagef("--input %s: want NAME=VALUE, such as age=32", quote(text))
		}
	}
	for _, name := range []string{"id", "folder"} {
		if c.IsSet(name) && c.Args().Len() == 0 {
			return usagef("%s: --%s is for files: name one", commandName(c), name)
		}
	}
	return nil
}

// openPredictInput opens what the command names: files or values as they are, or the data of --data.
func openPredictInput(c *cli.Context, m *model.Model) (*dataset.Unlabelled, error) {
	if !raw(c) {
		if m.Input != nil && c.String("data") == "" {
			return nil, usagef("%s: name a file to predict from, or --input NAME=VALUE", commandName(c))
		}
		data, err := openPredictData(c, m)
		return &dataset.Unlabelled{Dataset: data}, err
	}
	reader, err := m.NewReader()
	if err != nil {
		return nil, err
	}
	in := dataset.Input{Files: c.Args().Slice(), Folder: c.String("folder"), ID: c.String("id")}
	env := dataset.Environment{Cache: openCache()}
	if texts := c.StringSlice("input"); len(texts) > 0 {
		row := map[string]string{}
		for _, text := range texts {
			name, value, _ := strings.Cut(text, "=")
			if _, twice := row[name]; twice {
				return nil, usagef("--input %s is given twice", quote(name))
			}
			row[name] = value
		}
		in.Values = []map[string]string{row}
	}
	status := newStatus(c.App.ErrWriter)
	defer status.close()
	env.Progress = func(modality string, rows, of int) {
		status.show("reading %s: %s of %s rows", escape.Terminal(modality), humanize.Comma(int64(rows)), humanize.Comma(int64(of)))
	}
	return reader.Open(c.Context, in, env)
}

// openPredictData opens the data of --data, which names a configuration or a folder, with the model's preprocessing.
func openPredictData(c *cli.Context, m *model.Model) (dataset.Dataset, error) {
	path, env := c.String("data"), dataset.Environment{Preprocessing: m.Preprocessing}
	if info, err := os.Stat(path); path != "" && err == nil && info.IsDir() {
		format, ok := folderFormat(readsFolders(), m.Data.Format)
		if !ok {
			return nil, fmt.Errorf("%s is a folder, and no data format reads folders: name a configuration", path)
		}
		return openFormat(c, format.Name, format.Folder(path), env)
	}
	plan, err := loadConfig(c, path)
	if err != nil {
		return nil, err
	}
	if trained := m.Data.Format; path == "" && trained != plan.Data.Format {
		return nil, fmt.Errorf("it was trained on data in format %s", trained)
	}
	env.Folder = plan.Folder()
	return openFormat(c, plan.Data.Format, plan.Data.Options, env)
}

// readsFolders returns the formats that can read a folder by its layout alone.
func readsFolders() []dataset.Format {
	return slices.DeleteFunc(dataset.Formats(), func(f dataset.Format) bool { return f.Folder == nil })
}

// folderFormats lists these formats in a phrase.
func folderFormats() string {
	var names []string
	for _, f := range readsFolders() {
		names = append(names, f.Name)
	}
	return strings.Join(names, " or ")
}

// folderFormat returns the format of the model's training data if it reads folders, otherwise the first format that does.
func folderFormat(formats []dataset.Format, trained string) (dataset.Format, bool) {
	if len(formats) == 0 {
		return dataset.Format{}, false
	}
	return formats[max(0, slices.IndexFunc(formats, func(f dataset.Format) bool { return f.Name == trained }))], true
}

// dataError returns an error for data that the model cannot read. It points out a missing --data.
func dataError(c *cli.Context, m *model.Model, err error) error {
	if c.String("data") != "" || raw(c) || m.Input != nil || c.Context.Err() != nil {
		return err
	}
	return usagef("%s: --data is missing, and the model cannot read the built-in data, which is the default (%w); the model reads %s: name a configuration with such data, or a folder in the layout of %s",
		commandName(c), err, m.Reads(), folderFormats())
}

// prediction is the prediction for one row.
type prediction struct {
	model.Prediction
	ordered []float32 // probabilities, in the order of the classes
	carried []string  // the cells of Columns
}

// predictions yields the prediction of each row, with what is carried along for it.
func predictions(m *model.Model, logits []float32, data *dataset.Unlabelled) iter.Seq[prediction] {
	return func(yield func(prediction) bool) {
		k := len(m.Classes)
		for row := range len(logits) / k {
			z := logits[row*k:][:k]
			p := prediction{Prediction: m.Prediction(row, z), ordered: m.Probabilities(z)}
			if len(data.Columns) > 0 {
				p.carried = data.Row(row)
			}
			if !yield(p) {
				return
			}
		}
	}
}

// writeCSV writes a header and a line per row: row, what is carried along in the given columns, label (several joined by |), one
// probability per class.
func writeCSV(w io.Writer, list iter.Seq[prediction], classes, columns []string) error {
	out := csv.NewWriter(w)
	header := []string{"row"}
	for _, name := range columns {
		header = append(header, escape.CSV(name))
	}
	header = append(header, "label")
	for _, class := range classes {
		header = append(header, escape.CSV("p("+class+")"))
	}
	if err := out.Write(header); err != nil {
		return err
	}
	for p := range list {
		line := []string{strconv.Itoa(p.Row)}
		for _, cell := range p.carried {
			line = append(line, escape.CSV(cell))
		}
		line = append(line, escape.CSV(strings.Join(p.Labels, "|")))
		for _, x := range p.ordered {
			line = append(line, strconv.FormatFloat(float64(x), 'g', -1, 32))
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// writeJSONLines writes an object per row.
func writeJSONLines(w io.Writer, list iter.Seq[prediction], _, columns []string) error {
	for p := range list {
		for i, cell := range p.carried {
			if p.Columns == nil {
				p.Columns = map[string]string{}
			}
			p.Columns[columns[i]] = cell
		}
		line, err := json.Marshal(p.Prediction)
		if err != nil {
			return fmt.Errorf("row %d: %w", p.Row, err)
		}
		if _, err := w.Write(append(escape.JSON(line), '\n')); err != nil {
			return err
		}
	}
	return nil
}
