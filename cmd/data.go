package cmd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"mixmas/nn/dimensions"
	"mixmas/search/align"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/dataset/avmnist/build"
	_ "mixmas/search/dataset/formats" // the formats that configurations can name
	"mixmas/search/escape"
	"mixmas/search/filecache"
	"mixmas/search/sample"
	"mixmas/search/task"
)

// dataCommand makes and describes data sets.
func dataCommand() *cli.Command {
	return &cli.Command{
		Name:  "data",
		Usage: "make and describe data sets",
		Description: "What was decoded or unpacked once is kept for the next command in the folder mixmas/decoded of the user's cache folder\n" +
			"($XDG_CACHE_HOME or ~/.cache, on macOS ~/Library/Caches, on Windows %LocalAppData%). It may be emptied at any time;\n" +
			"--cache-size bounds it.",
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
					cacheSizeFlag(),
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
func openData(c *cli.Context, plan *config.Config) (dataset.Dataset, error) {
	return openFormat(c, plan.Data.Format, plan.Data.Options, dataset.Environment{Verify: c.Bool("verify"), Folder: plan.Folder()})
}

// openFormat opens data by the name of their format.
func openFormat(c *cli.Context, name string, options any, env dataset.Environment) (_ dataset.Dataset, err error) {
	format, err := dataset.Lookup(name)
	if err != nil {
		return nil, err
	}
	env.Cache = openCache()
	if env.Decoded, env.DecodedBytes, err = decodedCache(c); err != nil {
		return nil, err
	}
	return format.Open(c.Context, options, env)
}

// cacheSizeFlag is the flag of the commands that open data.
func cacheSizeFlag() cli.Flag {
	return &cli.StringFlag{Name: "cache-size", DefaultText: humanize.IBytes(filecache.DefaultBytes),
		Usage: "keep at most `SIZE` of decoded and unpacked data in the user's cache folder, such as 5GB; 0 keeps none"}
}

// decodedCache returns the folder of decoded data and its bound in bytes, 0 if there is no folder for it.
func decodedCache(c *cli.Context) (folder string, most int64, err error) {
	most = filecache.DefaultBytes
	if text := c.String("cache-size"); text != "" {
		bytes, err := humanize.ParseBytes(text)
		if err != nil || bytes > math.MaxInt64 {
			return "", 0, usagef("--cache-size %s: want a number of bytes, such as 500MB or 20GiB", quote(text))
		}
		most = int64(bytes)
	}
	if folder, err = decodedFolder(); err != nil {
		return "", 0, nil // everything works without it
	}
	return folder, most, nil
}

// decodedFolder is the folder of decoded data.
func decodedFolder() (string, error) {
	folder, err := os.UserCacheDir()
	return filepath.Join(folder, "mixmas", "decoded"), err
}

// warnings looks at the splits of a data set. It returns what people should know about the data before anything is trained, or
// an error if training makes no sense.
func warnings(ctx context.Context, plan *config.Config, data dataset.Dataset) ([]string, error) {
	distance := cmp.Or(plan.Sample.Distance, sample.Defaults().Distance)
	found, err := dataset.CheckSplits(ctx, data, distance, openCache())
	return append(slices.Clone(data.Warnings()), found...), err
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
	// Warnings are sentences about what is odd in the data.
	Warnings []string `json:"warnings,omitempty"`
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
	data, err := openData(c, plan)
	if err != nil {
		return err
	}
	defer data.Close()
	if err := plan.CheckData(data); err != nil {
		return err
	}
	d, err := describe(c.Context, data)
	if err != nil {
		return err
	}
	if d.Warnings, err = warnings(c.Context, plan, data); err != nil {
		d.Warnings = append(d.Warnings, err.Error()) // the description shows what is wrong
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
		if _, err := fmt.Fprintf(w, "and %s more (--json lists them all)\n", humanize.Comma(int64(more))); err != nil {
			return err
		}
	}
	for _, text := range d.Warnings {
		if _, err := fmt.Fprintf(w, "\nwarning: %s\n", escape.Terminal(text)); err != nil {
			return err
		}
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
		counts, err := dataset.CountClasses(ctx, data, split)
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
