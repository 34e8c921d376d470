// Package datasettest has small data sets for tests, and writes the files of others.
package datasettest

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// WriteArray writes an npy file of the given type; values are cycled until the shape is full.
func WriteArray(t testing.TB, path, descr string, shape []int, values ...float64) {
	t.Helper()
	size := 1
	list := ""
	for _, n := range shape {
		size *= n
		list += fmt.Sprintf("%d,", n)
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s)}\n", descr, list)
	b := append([]byte("\x93NUMPY\x01\x00"), binary.LittleEndian.AppendUint16(nil, uint16(len(text)))...)
	b = append(b, text...)
	var order interface {
		binary.ByteOrder
		binary.AppendByteOrder
	} = binary.LittleEndian
	if descr[0] == '>' {
		order = binary.BigEndian
	}
	for i := range size {
		v := values[i%len(values)]
		switch descr[1:] {
		case "u1", "i1", "b1":
			b = append(b, byte(int(v)))
		case "i2":
			b = order.AppendUint16(b, uint16(int(v)))
		case "i4":
			b = order.AppendUint32(b, uint32(int(v)))
		case "i8":
			b = order.AppendUint64(b, uint64(int(v)))
		case "f4":
			b = order.AppendUint32(b, math.Float32bits(float32(v)))
		case "f8":
			b = order.AppendUint64(b, math.Float64bits(v))
		default:
			t.Fatalf("type %s", descr)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Ramp is 0, 1, …, n−1.
func Ramp(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i)
	}
	return values
}

// AVMNIST writes an AV-MNIST folder with 6 rows for training and validation and 3 for testing.
func AVMNIST(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	WriteArray(t, folder+"/image/train_data.npy", "<f4", []int{6, 4}, Ramp(24)...)
	WriteArray(t, folder+"/image/test_data.npy", "<f4", []int{3, 4}, Ramp(12)...)
	WriteArray(t, folder+"/audio/train_data.npy", "|u1", []int{6, 3, 2}, Ramp(36)...)
	WriteArray(t, folder+"/audio/test_data.npy", "|u1", []int{3, 3, 2}, Ramp(18)...)
	WriteArray(t, folder+"/train_labels.npy", "<i8", []int{6}, 0, 1, 2, 7, 8, 9)
	WriteArray(t, folder+"/test_labels.npy", "<i8", []int{3}, 3, 4, 5)
	return folder
}
