package dataset

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestFormatsAreSorted(t *testing.T) {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
		if f.Doc == "" {
			t.Errorf("format %s has no documentation", f.Name)
		}
	}
	if !slices.Equal(names, []string{"avmnist", "builtin", "npy", "records"}) {
		t.Errorf("formats are %v", names)
	}
}

func TestLookupOfAnUnknownName(t *testing.T) {
	_, err := Lookup("hdf6")
	if err == nil || !strings.Contains(err.Error(), `"hdf6": known are avmnist, builtin, npy, records`) {
		t.Errorf("error %v does not list the known formats", err)
	}
}

func TestRegisterPanics(t *testing.T) {
	whole := Format{Name: "builtin", Doc: "Another.", Options: func() any { return &struct{}{} }, Open: func(context.Context, any, Environment) (Dataset, error) { return nil, nil }}
	for name, f := range map[string]Format{"twice": whole, "incomplete": {Name: "new"}} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			Register(f)
		})
	}
}

func TestOpenWithForeignOptions(t *testing.T) {
	for _, f := range Formats() {
		if _, err := f.Open(context.Background(), 7, Environment{}); err == nil || !strings.Contains(err.Error(), "options of type int cannot be used") {
			t.Errorf("%s: error %v", f.Name, err)
		}
	}
}

func TestCache(t *testing.T) {
	dir := t.TempDir() + "/new/cache"
	c, err := OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Get("key"); ok {
		t.Error("an empty cache has an entry")
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := c.Put("key", []byte("value")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	again, err := OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	if value, ok := again.Get("key"); !ok || string(value) != "value" {
		t.Errorf("got %q, %v", value, ok)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("the folder has %d files, want 1: %v", len(files), err)
	}
}

func TestCacheErrors(t *testing.T) {
	if _, err := OpenCache(""); err == nil {
		t.Error("a folder without a name was opened")
	}
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCache(file + "/cache"); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v does not name the file in the way", err)
	}
}
