//go:build amd64 && !purego

package simd

// nativeTranspose transposes 8 rows at a time, then 4. The last group may include rows that are already done. Fewer than 4
// rows are copied one by one.
func nativeTranspose(dst []float32, ldd int, src []float32, lds, rows, columns int) {
	if columns == 0 {
		return
	}
	i := 0
	for ; i+8 <= rows; i += 8 {
		transposeRows(dst[i:], ldd, src[i*lds:], lds, 8, columns)
	}
	if i+4 < rows {
		transposeRows(dst[i:], ldd, src[i*lds:], lds, 4, columns)
		i += 4
	}
	switch {
	case i == rows:
	case rows >= 4:
		i = rows - 4
		transposeRows(dst[i:], ldd, src[i*lds:], lds, 4, columns)
	default:
		transposeSingly(dst[i:], ldd, src[i*lds:], lds, rows-i, columns)
	}
}

// transposeRows transposes 8 or 4 rows in squares. The last two squares may overlap.
func transposeRows(dst []float32, ldd int, src []float32, lds, height, columns int) {
	if columns < height {
		transposeSingly(dst, ldd, src, lds, height, columns)
		return
	}
	squares := func(from, count int) {
		dst, src := dst[from*ldd:], src[from:]
		_, _ = src[(height-1)*lds+height*count-1], dst[(count*height-1)*ldd+height-1]
		if height == 8 {
			avx2Transpose8(count, &src[0], lds, &dst[0], ldd)
		} else {
			avx2Transpose4(count, &src[0], lds, &dst[0], ldd)
		}
	}
	squares(0, columns/height)
	if columns%height > 0 {
		squares(columns-height, 1)
	}
}

func transposeSingly(dst []float32, ldd int, src []float32, lds, rows, columns int) {
	for i := range rows {
		for j, v := range src[i*lds:][:columns] {
			dst[j*ldd+i] = v
		}
	}
}
