package cmd

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmas/search/dataset"
	"mixmas/search/escape"
	"mixmas/search/model"
)

// predictCommand applies a model file to data.
func predictCommand() *cli.Command {
	return &cli.Command{
		Name: "predict", Usage: "predict the labels of data with a trained model", ArgsUsage: "--model FILE",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "model `FILE`, such as mixmas-out/model.safetensors"},
			&cli.StringFlag{Name: "data", Usage: "`CONFIG` whose data section is used (- is standard input), or a folder in the layout of the format " + folderFormats() + "; default: the built-in data, for models trained on them"},
			&cli.StringFlag{Name: "split", Value: "test", Usage: "`SPLIT` of the data: train, validation or test"},
			&cli.StringFlag{Name: "format", Value: "csv", Usage: "output `FORMAT`: csv or jsonl"},
			workersFlag("use `N` cores"), deviceFlag(), cacheSizeFlag(),
		},
		Action: predict,
	}
}

func predict(c *cli.Context) error {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	if c.String("model") == "" {
		return usagef("%s: --model is missing", commandName(c))
	}
	write, ok := map[string]func(io.Writer, []prediction, []string) error{"csv": writeCSV, "jsonl": writeJSONLines}[c.String("format")]
	if !ok {
		return usagef("--format %s: want csv or jsonl", c.String("format"))
	}
	split := slices.IndexFunc(dataset.Splits[:], func(s dataset.Split) bool { return s.String() == c.String("split") })
	if split < 0 {
		return usagef("--split %s: want train, validation or test", c.String("split"))
	}
	m, err := model.Open(c.String("model"))
	if err != nil {
		return err
	}
	d, _, err := openDevice(c, autoNumerics)
	if err != nil {
		return err
	}
	data, err := openPredictData(c, m)
	if err == nil {
		defer data.Close()
		err = m.CheckData(data)
	}
	if err != nil {
		return dataError(c, m, err)
	}
	logits, err := m.Predict(c.Context, d, data, dataset.Split(split))
	if err != nil {
		return err
	}
	out := bufio.NewWriter(c.App.Writer)
	if err := write(out, predictions(logits, m), m.Classes); err != nil {
		return err
	}
	return out.Flush()
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
	if c.String("data") != "" || c.Context.Err() != nil {
		return err
	}
	return usagef("%s: --data is missing, and the model cannot read the built-in data, which is the default (%w); the model reads %s: name a configuration with such data, or a folder in the layout of %s",
		commandName(c), err, m.Reads(), folderFormats())
}

// prediction is the prediction for one row.
type prediction struct {
	Row           int                `json:"row"`
	Labels        []string           `json:"labels"` // one, or any number for a multi-label task
	Probabilities map[string]float32 `json:"probabilities"`
	ordered       []float32
}

// predictions turns the logits of rows into predictions.
func predictions(logits []float32, m *model.Model) []prediction {
	k := len(m.Classes)
	list := make([]prediction, len(logits)/k)
	for row := range list {
		z := logits[row*k:][:k]
		p := prediction{Row: row, Labels: m.Labels(z), Probabilities: map[string]float32{}, ordered: m.Probabilities(z)}
		for i, x := range p.ordered {
			p.Probabilities[m.Classes[i]] = x
		}
		list[row] = p
	}
	return list
}

// writeCSV writes a header and a line per row: row, label (several joined by |), one probability per class.
func writeCSV(w io.Writer, list []prediction, classes []string) error {
	out := csv.NewWriter(w)
	header := []string{"row", "label"}
	for _, class := range classes {
		header = append(header, escape.CSV("p("+class+")"))
	}
	if err := out.Write(header); err != nil {
		return err
	}
	for _, p := range list {
		line := []string{strconv.Itoa(p.Row), escape.CSV(strings.Join(p.Labels, "|"))}
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

func writeJSONLines(w io.Writer, list []prediction, _ []string) error {
	for _, p := range list {
		line, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("row %d: %w", p.Row, err)
		}
		if _, err := w.Write(append(escape.JSON(line), '\n')); err != nil {
			return err
		}
	}
	return nil
}
