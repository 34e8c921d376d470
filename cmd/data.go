package cmd

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"mixmas/nn/dimensions"
	"mixmas/search/align"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/dataset/avmnist/build"
	_ "mixmas/search/dataset/formats" // the formats that configurations can name
	"mixmas/search/defaults"
	"mixmas/search/escape"
	"mixmas/search/task"
)

// dataCommand makes and describes data sets.
func dataCommand() *cli.Command {
	return &cli.Command{
		Name:  "data",
		Usage: "make and describe data sets",
		Subcommands: []*cli.Command{
			{
				Name: "build", Usage: "make a data set from its published ingredients",
				Subcommands: []*cli.Command{{
					Name: "avmnist", Usage: "AV-MNIST from MNIST, the Free Spoken Digit Dataset and background noises",
					ArgsUsage: "--from DIR --to DIR",
					Flags: []cli.Flag{
						&cli.StringFlag{Name: "from", Usage: "`DIR` with the ingredients"},
						&cli.StringFlag{Name: "to", Usage: "`DIR` to create"},
						&cli.IntFlag{Name: "components", Value: 3, Usage: "keep `N` principal components of the images"},
						&cli.Float64Flag{Name: "snr", Value: -5, Usage: "signal-to-noise ratio of the sounds, in `DB`"},
						&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "seed `N` for choosing recordings and noises"},
					},
					Action: dataBuildAVMNIST,
				}},
			},
			{
				Name: "info", Usage: "describe the data of a configuration", ArgsUsage: "[CONFIG]",
				Description: "Without CONFIG it describes the built-in data. CONFIG - is standard input.",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "verify", Usage: "compute the fingerprint again, ignoring the cache"},
					&cli.BoolFlag{Name: "json", Usage: "print JSON"},
				},
				Action: dataInfo,
			},
		},
	}
}

func dataBuildAVMNIST(c *cli.Context) error {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	for _, name := range []string{"from", "to"} {
		if c.String(name) == "" {
			return usagef("%s: --%s is missing", commandName(c), name)
		}
	}
	if c.Int("components") < 1 {
		return usagef("--components %d: want at least 1", c.Int("components"))
	}
	if snr := c.Float64("snr"); math.IsNaN(snr) || math.IsInf(snr, 0) {
		return usagef("--snr %v: want a finite number of dB", snr)
	}
	status := newStatus(c.App.ErrWriter)
	report, err := build.Build(c.Context, build.Options{
		From: c.String("from"), To: c.String("to"), Components: c.Int("components"), SNR: c.Float64("snr"), Seed: c.Uint64("seed"),
		Progress: func(done, total int) {
			status.show("%s of %s rows", humanize.Comma(int64(done)), humanize.Comma(int64(total)))
		},
	})
	status.close()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, f := range report.Files {
		rows = append(rows, []string{escape.Terminal(f.Path), humanize.Bytes(uint64(f.Bytes)), f.SHA256})
	}
	if err := align.Rows(c.App.Writer, rows); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s: images keep %.1f%% of their variance\n", escape.Terminal(report.Folder), 100*report.Explained)
	return err
}

// openData opens the data of a configuration.
func openData(ctx context.Context, c *config.Config, verify bool) (dataset.Dataset, error) {
	return openFormat(ctx, c.Data.Format, c.Data.Options, dataset.Environment{Verify: verify, Folder: c.Folder()})
}

// openFormat opens data by the name of their format.
func openFormat(ctx context.Context, name string, options any, env dataset.Environment) (dataset.Dataset, error) {
	format, err := dataset.Lookup(name)
	if err != nil {
		return nil, err
	}
	env.Cache = openCache()
	return format.Open(ctx, options, env)
}

// openCache opens the user's cache of fingerprints. It returns nil if the cache cannot be created: everything works without
// it.
func openCache() dataset.Cache {
	folder, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	cache, err := dataset.OpenCache(filepath.Join(folder, "mixmas"))
	if err != nil {
		return nil
	}
	return cache
}

// description is the document that data info prints.
type description struct {
	Name        string     `json:"name"`
	Fingerprint string     `json:"fingerprint"`
	Modalities  []modality `json:"modalities"`
	Classes     []string   `json:"classes"`
	MultiLabel  bool       `json:"multi_label"`
	kind        task.Kind
	Rows        map[string]int `json:"rows"`
	// Counts are the numbers of rows that have each class, by split and then in the order of Classes.
	Counts map[string][]int `json:"counts"`
}

// modality describes a modality, with one mean and one standard deviation if all its elements share them, otherwise with
// lists by feature.
type modality struct {
	Name        string           `json:"name"`
	Kind        string           `json:"kind"`
	Shape       []int            `json:"shape"`
	Lengths     bool             `json:"lengths,omitempty"` // rows differ in their number of steps
	Mean        *float64         `json:"mean,omitempty"`
	Deviation   *float64         `json:"deviation,omitempty"`
	Standardise dataset.Grouping `json:"standardise,omitempty"` // feature or none
	Means       []float64        `json:"means,omitempty"`
	Deviations  []float64        `json:"deviations,omitempty"`
	Constant    []int            `json:"constant,omitempty"` // features with the same value in all training rows
	text        string
}

func dataInfo(c *cli.Context) error {
	if err := arguments(c, 0, 1, "CONFIG"); err != nil {
		return err
	}
	plan, err := loadConfig(c, c.Args().First())
	if err != nil {
		return err
	}
	data, err := openData(c.Context, plan, c.Bool("verify"))
	if err != nil {
		return err
	}
	defer data.Close()
	if _, err := defaults.Fill(plan, data); err != nil {
		return err
	}
	if err := plan.CheckData(data); err != nil {
		return err
	}
	d, err := describe(c.Context, data)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, d)
	}
	return d.writeText(c.App.Writer)
}

// mostClasses is the largest number of classes that are listed in text.
const mostClasses = 20

// writeText writes the description as text.
func (d *description) writeText(w io.Writer) error {
	rows := [][]string{{"name", escape.Terminal(d.Name)}, {"fingerprint", d.Fingerprint}}
	for _, m := range d.Modalities {
		rows = append(rows, []string{escape.Terminal(m.Name),
			fmt.Sprintf("%s %s, %s", m.Kind, dimensions.Text(m.Shape), m.text)})
	}
	rows = append(rows, []string{"classes", fmt.Sprintf("%d, %v", len(d.Classes), d.kind)})
	head := []string{"rows with class"}
	for _, split := range dataset.Splits {
		rows = append(rows, []string{split.String(), humanize.Comma(int64(d.Rows[split.String()])) + " rows"})
		head = append(head, split.String())
	}
	counts := [][]string{head}
	listed := min(len(d.Classes), mostClasses)
	for i, class := range d.Classes[:listed] {
		row := []string{escape.Terminal(class)}
		for _, split := range dataset.Splits {
			row = append(row, humanize.Comma(int64(d.Counts[split.String()][i])))
		}
		counts = append(counts, row)
	}
	if err := align.Rows(w, append(rows, nil)); err != nil {
		return err
	}
	if err := align.Rows(w, counts); err != nil {
		return err
	}
	if more := len(d.Classes) - listed; more > 0 {
		_, err := fmt.Fprintf(w, "and %s more (--json lists them all)\n", humanize.Comma(int64(more)))
		return err
	}
	return nil
}

// describe describes an open data set.
func describe(ctx context.Context, data dataset.Dataset) (*description, error) {
	d := &description{Name: data.Name(), Fingerprint: data.Fingerprint(), Classes: data.Task().Classes,
		kind: data.Task().Kind, MultiLabel: data.Task().Kind == task.MultiLabel, Rows: map[string]int{}, Counts: map[string][]int{}}
	standard := data.Preprocessing()
	for _, m := range data.Modalities() {
		d.Modalities = append(d.Modalities, describeModality(m, standard[m.Name]))
	}
	for _, split := range dataset.Splits {
		counts, err := countClasses(ctx, data, split)
		if err != nil {
			return nil, err
		}
		d.Rows[split.String()], d.Counts[split.String()] = data.Len(split), counts
	}
	return d, nil
}

// describeModality describes a modality and its standardisation.
func describeModality(m dataset.Modality, s dataset.Standardisation) modality {
	d := modality{Name: m.Name, Kind: string(m.Kind), Shape: m.Shape, Lengths: m.Masked, Constant: s.Constant, text: s.Text(m)}
	if m.Masked {
		d.text = "with lengths, " + d.text
	}
	if s.Per == dataset.PerModality {
		d.Mean, d.Deviation = &s.Mean[0], &s.Deviation[0]
	} else {
		d.Standardise, d.Means, d.Deviations = s.Per, s.Mean, s.Deviation
	}
	return d
}

// countClasses returns the number of rows of a split that have each class.
func countClasses(ctx context.Context, data dataset.Dataset, split dataset.Split) ([]int, error) {
	const between = 1 << 12 // rows
	t := data.Task()
	counts, label := make([]int, len(t.Classes)), make([]float32, t.Width())
	for row := range data.Len(split) {
		if row%between == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := data.Label(split, row, label); err != nil {
			return nil, err
		}
		task.Count(t.Kind, counts, label)
	}
	return counts, nil
}
