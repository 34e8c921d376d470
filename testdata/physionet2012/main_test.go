package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const outcomes = "RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death\n"

// publish writes the four files of the challenge.
func publish(t *testing.T, stays map[string]string, a, b string) string {
	t.Helper()
	dir := t.TempDir()
	for set, list := range map[string]string{"a": a, "b": b} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		files := tar.NewWriter(z)
		for _, record := range slices.Sorted(maps.Keys(stays)) {
			if !strings.HasPrefix(record, set) {
				continue
			}
			text := "Time,Parameter,Value\n" + stays[record]
			if err := files.WriteHeader(&tar.Header{Name: "set-" + set + "/" + record + ".txt", Mode: 0o644, Size: int64(len(text))}); err != nil {
				t.Fatal(err)
			}
			if _, err := files.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := files.Close(); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{"set-" + set + ".tar.gz": packed.Bytes(), "Outcomes-" + set + ".txt": []byte(outcomes + list)} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestSummaries(t *testing.T) {
	from := publish(t, map[string]string{
		"a1": "00:00,RecordID,1\n00:00,Age,54\n00:00,Gender,0\n00:00,Height,-1\n00:00,ICUType,4\n00:00,Weight,80\n" +
			"00:30,HR,60\n01:30,HR,70\n02:30,HR,92\n01:00,pH,735\n01:00,pH,7.4\n03:00,MechVent,1\n04:00,Weight,82\n05:00,NewThing,9\n,,\n",
		"b2": "00:00,Age,31\n",
	}, "a1,6,1,5,-1,0\n", "b2,1,1,2,3,1\n")
	to := filepath.Join(t.TempDir(), "made")
	if err := run(from, to); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(to, table))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for row, want := range []map[string]string{
		{"record": "a1", "set": "a", "death": "0", "Age": "54", "Gender": "0", "Height": "", "ICUType": "4", "Weight": "80",
			"HR_last": "92", "HR_min": "60", "HR_max": "92", "HR_mean": "74", "HR_slope": "16", "HR_count": "3",
			"pH_last": "7.4", "pH_slope": "", "pH_count": "1", "Weight_last": "82", "MechVent_count": "1", "GCS_mean": "", "GCS_count": "0"},
		{"record": "b2", "set": "b", "death": "1", "Age": "31", "Weight": "", "HR_last": "", "HR_count": "0", "MechVent_count": "0"},
	} {
		for column, value := range want {
			if i := slices.Index(rows[0], column); i < 0 || rows[row+1][i] != value {
				t.Errorf("row %d: %s is in column %d of %q, want %q", row, column, i, rows[row+1], value)
			}
		}
	}
}

func TestErrorsNameTheFile(t *testing.T) {
	for _, c := range []struct {
		stay, a, want string
	}{
		{"00:00,Age,54\n", "a1,6,1,5,-1,2\n", `Outcomes-a.txt: record a1: want 0 or 1 in the column In-hospital_death, got "2"`},
		{"00:00,Age,54\n", "a9,6,1,5,-1,0\n", "Outcomes-a.txt: record a9 is not in "},
		{"00:00,Age,54\n", "", "set-a.tar.gz: record a1 is not in "},
		{"00:00,Age,old\n", "a1,6,1,5,-1,0\n", `set-a.tar.gz: set-a/a1.txt: line 2: Age: want a number, got "old"`},
		{"noon,Age,54\n", "a1,6,1,5,-1,0\n", `set-a.tar.gz: set-a/a1.txt: line 2: want a time such as 07:30, got "noon"`},
		{"00:00,Age\n", "a1,6,1,5,-1,0\n", "set-a.tar.gz: set-a/a1.txt: record on line 2: wrong number of fields"},
	} {
		to := t.TempDir()
		err := run(publish(t, map[string]string{"a1": c.stay}, c.a, ""), to)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
		if _, err := os.Stat(filepath.Join(to, table)); err == nil {
			t.Errorf("a table was written in spite of %s", c.want)
		}
	}
	if err := run("", t.TempDir()); err == nil || !strings.Contains(err.Error(), "--from is missing") {
		t.Error(err)
	}
}
