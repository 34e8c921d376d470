// Command physionet2012 makes a table of the PhysioNet/CinC Challenge 2012: one row per stay in an intensive care unit, with
// summaries of what was measured in its first 48 hours, and whether the patient died in the hospital.
//
//	go run ./testdata/physionet2012 --from INGREDIENTS --to data/physionet2012
//
// INGREDIENTS is a folder with the published files set-a.tar.gz, set-b.tar.gz, Outcomes-a.txt and Outcomes-b.txt.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// table is the file that is written.
const table = "summary.csv"

func main() {
	from := flag.String("from", "", "`FOLDER` with set-a.tar.gz, set-b.tar.gz, Outcomes-a.txt and Outcomes-b.txt")
	to := flag.String("to", filepath.Join("data", "physionet2012"), "write "+table+" to `FOLDER`")
	flag.Parse()
	if err := run(*from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "physionet2012:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	if from == "" {
		return errors.New("--from is missing: name the folder with the published files")
	}
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	if err := w.Write(header()); err != nil {
		return err
	}
	for _, set := range []string{"a", "b"} {
		if err := writeSet(w, from, set); err != nil {
			return err
		}
	}
	if w.Flush(); w.Error() != nil {
		return w.Error()
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, table), text.Bytes(), 0o666)
}

// writeSet writes the rows of a set, in the order of its outcomes.
func writeSet(w *csv.Writer, from, set string) error {
	archive, list := filepath.Join(from, "set-"+set+".tar.gz"), filepath.Join(from, "Outcomes-"+set+".txt")
	stays, err := readStays(archive)
	if err != nil {
		return err
	}
	outcomes, err := readOutcomes(list)
	if err != nil {
		return err
	}
	for _, o := range outcomes {
		s, found := stays[o.record]
		if !found {
			return fmt.Errorf("%s: record %s is not in %s", list, o.record, archive)
		}
		delete(stays, o.record)
		if err := w.Write(append([]string{o.record, set, o.death}, s.cells()...)); err != nil {
			return err
		}
	}
	for record := range stays {
		return fmt.Errorf("%s: record %s is not in %s", archive, record, list)
	}
	return nil
}

// readStays reads the files RECORD.txt of an archive.
func readStays(name string) (map[string]*stay, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	stays := map[string]*stay{}
	for files := tar.NewReader(unpacked); ; {
		file, err := files.Next()
		if err == io.EOF {
			return stays, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		record, is := strings.CutSuffix(path.Base(file.Name), ".txt")
		if !is || file.Typeflag != tar.TypeReg || strings.HasPrefix(record, ".") {
			continue
		}
		if stays[record], err = readStay(files); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, file.Name, err)
		}
	}
}

// outcome says whether a patient died in the hospital: 0 or 1.
type outcome struct{ record, death string }

func readOutcomes(name string) ([]outcome, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	const record, death = 0, 5
	if len(rows) == 0 || len(rows[0]) <= death || rows[0][record] != "RecordID" || rows[0][death] != "In-hospital_death" {
		return nil, fmt.Errorf("%s: want the columns RecordID, SAPS-I, SOFA, Length_of_stay, Survival and In-hospital_death", name)
	}
	var list []outcome
	for _, row := range rows[1:] {
		if row[death] != "0" && row[death] != "1" {
			return nil, fmt.Errorf("%s: record %s: want 0 or 1 in the column In-hospital_death, got %q", name, row[record], row[death])
		}
		list = append(list, outcome{row[record], row[death]})
	}
	return list, nil
}
