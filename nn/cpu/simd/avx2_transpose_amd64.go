//go:build amd64 && !purego

package simd

// nativeTranspose takes 8 rows at a time, then 4, then single ones.
func nativeTranspose(dst []float32, ldd int, src []float32, lds, rows, columns int) {
	if columns == 0 {
		return
	}
	i := 0
	for ; i+8 <= rows; i += 8 {
		transposeRows(dst[i:], ldd, src[i*lds:], lds, 8, columns)
	}
	if i+4 <= rows {
		transposeRows(dst[i:], ldd, src[i*lds:], lds, 4, columns)
		i += 4
	}
	for ; i < rows; i++ {
		for j, v := range src[i*lds:][:columns] {
			dst[j*ldd+i] = v
		}
	}
}

// transposeRows transposes height rows, 8 or 4, in squares; what is left of the rows is less than a square wide.
func transposeRows(dst []float32, ldd int, src []float32, lds, height, columns int) {
	squares := columns / height
	if squares > 0 {
		_, _ = src[(height-1)*lds+columns-1], dst[(squares*height-1)*ldd+height-1]
		if height == 8 {
			avx2Transpose8(squares, &src[0], lds, &dst[0], ldd)
		} else {
			avx2Transpose4(squares, &src[0], lds, &dst[0], ldd)
		}
	}
	for j := squares * height; j < columns; j++ {
		for i := range height {
			dst[j*ldd+i] = src[i*lds+j]
		}
	}
}
