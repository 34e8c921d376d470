// Command embedding predicts with a model of mixmas in a Go program of your own. It needs the packages of models, of the CPU and of
// data that people have in files, and nothing else of mixmas: see docs/embedding.md.
//
//	embedding mixmas-out/model.safetensors weight=0.9 file=a.png
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"mixmas/nn/cpu"
	"mixmas/search/dataset"
	_ "mixmas/search/dataset/records" // models of tables, pictures and texts
	"mixmas/search/model"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "embedding:", err)
		os.Exit(1)
	}
}

// run predicts one row: a model file, and the values of the row as NAME=VALUE.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("want the file of a model, then NAME=VALUE for each value of the row")
	}
	m, err := model.Open(args[0])
	if err != nil {
		return err
	}
	// A reader and a predictor are made once. All requests of a program may use them at the same time.
	reader, err := m.NewReader()
	if err != nil {
		return err
	}
	predictor, err := model.NewPredictor(cpu.New(cpu.Options{}), m)
	if err != nil {
		return err
	}
	defer predictor.Close()

	row := map[string]string{} // what it lacks is missing
	for _, text := range args[1:] {
		name, value, _ := strings.Cut(text, "=")
		row[name] = value
	}
	// With Contents set as well, files come from memory, such as from a request, and not from the disk.
	predictions, err := predict(ctx, reader, predictor, dataset.Input{Values: []map[string]string{row}})
	if err != nil {
		return err
	}
	for _, p := range predictions {
		fmt.Fprintf(out, "prediction: %s\n", strings.Join(p.Labels, ", "))
		for _, class := range m.Classes {
			fmt.Fprintf(out, "%.4f %s\n", p.Probabilities[class], class)
		}
	}
	return nil
}

// predict predicts the rows of an input.
func predict(ctx context.Context, reader *model.Reader, predictor *model.Predictor, in dataset.Input) ([]model.Prediction, error) {
	data, err := reader.Open(ctx, in, dataset.Environment{})
	if err != nil {
		return nil, err
	}
	defer data.Close()
	return predictor.PredictData(ctx, data)
}
