package golden

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

// npy is a file with the given header dictionary and body.
func npy(header string, body []byte) []byte {
	data := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	return append(append(data, header...), body...)
}

func TestParse(t *testing.T) {
	body := binary.LittleEndian.AppendUint32(nil, math.Float32bits(1.5))
	body = binary.LittleEndian.AppendUint32(body, math.Float32bits(-2))
	a, err := parse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }\n", body))
	if err != nil || !slices.Equal(a.Shape, []int{2, 1}) || !slices.Equal(a.Data, []float64{1.5, -2}) {
		t.Errorf("got %v, %v", a, err)
	}
	body = []byte{1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0}
	a, err = parse(npy("{'descr': '<u4', 'fortran_order': True, 'shape': (2, 3), }\n", body))
	if err != nil || !slices.Equal(a.Data, []float64{1, 3, 5, 2, 4, 6}) {
		t.Errorf("got %v, %v", a, err)
	}
	a, err = parse(npy("{'descr': '<i8', 'fortran_order': False, 'shape': (), }\n", []byte{255, 255, 255, 255, 255, 255, 255, 255}))
	if err != nil || len(a.Shape) != 0 || !slices.Equal(a.Data, []float64{-1}) {
		t.Errorf("got %v, %v", a, err)
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct {
		data []byte
		want string
	}{
		{[]byte("no"), "not a .npy file"},
		{npy("{'descr': '<f4', 'shape': (1,), }", make([]byte, 4)), "unsupported header"},
		{npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", make([]byte, 8)), "unsupported type <c8"},
		{npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", make([]byte, 4)), "needs 8 bytes, the file has 4"},
		{npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", make([]byte, 4)), "does not fit"},
		{append([]byte("\x93NUMPY\x01\x00\xff\xff"), make([]byte, 20)...), "truncated"},
	} {
		if _, err := parse(test.data); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got the error %v, want one with %q", err, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(npy("{'descr': '<u4', 'fortran_order': False, 'shape': (1,), }", make([]byte, 4)))
	f.Add(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", make([]byte, 8)))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := parse(data)
		if err != nil {
			return
		}
		n := 1
		for _, side := range a.Shape {
			n *= side
		}
		if n != len(a.Data) {
			t.Errorf("shape %v with %d elements", a.Shape, len(a.Data))
		}
	})
}
