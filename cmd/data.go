package cmd

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"mixmas/search/align"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/dataset/avmnist/build"
	_ "mixmas/search/dataset/formats" // the formats that configurations can name
	"mixmas/search/defaults"
	"mixmas/search/escape"
	"mixmas/search/filecache"
	"mixmas/search/sample"
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
				Description: "It reads all samples, and says what their values are, what is missing and which rows occur more than once.\n" +
					"Without CONFIG it describes the built-in data. CONFIG - is standard input.",
				Flags: []cli.Flag{
					cacheSizeFlag(),
					&cli.BoolFlag{Name: "verify", Usage: "compute the fingerprint again, ignoring the cache"},
					&cli.BoolFlag{Name: "json", Usage: "print JSON"},
					&cli.StringFlag{Name: "html", Usage: "also write a page for browsers to `FILE`, with samples to look at"},
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

// openComplete reads a configuration, opens its data, and fills in and checks by them what it leaves open. It returns the names of
// the fields that it filled.
func openComplete(c *cli.Context, path string) (plan *config.Config, data dataset.Dataset, filled []string, err error) {
	if plan, err = loadConfig(c, path); err != nil {
		return nil, nil, nil, err
	}
	if data, err = openData(c, plan); err != nil {
		return nil, nil, nil, err
	}
	if filled, err = defaults.Fill(plan, data); err == nil {
		err = plan.CheckData(data)
	}
	if err != nil {
		_ = data.Close()
		return nil, nil, nil, err
	}
	return plan, data, filled, nil
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
	status := newStatus(c.App.ErrWriter)
	defer status.close()
	env.Progress = func(modality string, rows, of int) {
		status.show("decoding %s: %s of %s rows", escape.Terminal(modality), humanize.Comma(int64(rows)), humanize.Comma(int64(of)))
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
