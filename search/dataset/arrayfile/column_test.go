package arrayfile

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
)

// A file that is cut while it is open is an error, and rows before the cut can still be read.
func TestFileThatIsCut(t *testing.T) {
	path := t.TempDir() + "/x.npy"
	datasettest.WriteArray(t, path, "<f4", []int{8, 5000}, datasettest.Ramp(40000)...)
	a := opened(t, path)
	if err := os.Truncate(path, a.offset+4*5000*6+100); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for row := range 8 {
		group.Go(func() {
			dst := make([]float32, 5000)
			err := a.Read(row, nil, dst)
			if (err != nil) != (row > 5) || row > 5 && !strings.Contains(err.Error(), fmt.Sprintf("x.npy: row %d: the file was closed or has become shorter", row)) {
				t.Errorf("row %d: %v", row, err)
			}
			if row <= 5 && dst[4999] != float32(row*5000+4999) {
				t.Errorf("row %d ends with %v", row, dst[4999])
			}
		})
	}
	group.Wait()
}

// opened is an array that is open until the test ends.
func opened(t testing.TB, path string) *Column {
	t.Helper()
	a, err := Open(t.Context(), path, dataset.Environment{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}
