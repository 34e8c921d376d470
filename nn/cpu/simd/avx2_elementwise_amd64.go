//go:build amd64 && !purego

package simd

// callLimit is the largest number of elements in one assembly call, since the scheduler cannot interrupt assembly.
const callLimit = 1 << 16

func unary(kernel func(n int, y, x *float32)) func(y, x []float32) {
	return func(y, x []float32) {
		x = x[:len(y)]
		for len(y) > 0 {
			n := min(len(y), callLimit)
			kernel(n, &y[0], &x[0])
			y, x = y[n:], x[n:]
		}
	}
}

func binary(kernel func(n int, y, a, b *float32)) func(y, a, b []float32) {
	return func(y, a, b []float32) {
		a, b = a[:len(y)], b[:len(y)]
		for len(y) > 0 {
			n := min(len(y), callLimit)
			kernel(n, &y[0], &a[0], &b[0])
			y, a, b = y[n:], a[n:], b[n:]
		}
	}
}

func nativeGeluBoth(y, dx, x, dy []float32) {
	dx, x, dy = dx[:len(y)], x[:len(y)], dy[:len(y)]
	for len(y) > 0 {
		n := min(len(y), callLimit)
		avx2GeluBoth(n, &y[0], &dx[0], &x[0], &dy[0])
		y, dx, x, dy = y[n:], dx[n:], x[n:], dy[n:]
	}
}

func scaled(kernel func(n int, y, x *float32, c float32)) func(y, x []float32, c float32) {
	return func(y, x []float32, c float32) {
		x = x[:len(y)]
		for len(y) > 0 {
			n := min(len(y), callLimit)
			kernel(n, &y[0], &x[0], c)
			y, x = y[n:], x[n:]
		}
	}
}

func nativeMax(y, index, x []float32, position float32) {
	index, x = index[:len(y)], x[:len(y)]
	for len(y) > 0 {
		n := min(len(y), callLimit)
		avx2Max(n, &y[0], &index[0], &x[0], position)
		y, index, x = y[n:], index[n:], x[n:]
	}
}

func nativeSum(x []float32) float32 {
	var sum float64
	for len(x) > 0 {
		n := min(len(x), callLimit)
		sum += float64(avx2Sum(n, &x[0]))
		x = x[n:]
	}
	return float32(sum)
}

func nativeDot(a, b []float32) float32 {
	b = b[:len(a)]
	var sum float64
	for len(a) > 0 {
		n := min(len(a), callLimit)
		sum += float64(avx2Dot(n, &a[0], &b[0]))
		a, b = a[n:], b[n:]
	}
	return float32(sum)
}

func nativeDropout(y, x []float32, first uint32, m *DropoutMask) {
	const block = 32 // elements, of 8 counters
	x = x[:len(y)]
	for len(y) >= block {
		n := min(len(y), callLimit) / block
		avx2Dropout(n, &y[0], &x[0], first, m.Step, m.Number, m.Key[0], m.Key[1], m.Threshold, m.Keep)
		y, x, first = y[n*block:], x[n*block:], first+uint32(n*block/4)
	}
	portableDropout(y, x, first, m)
}

func nativeAdam(p, g, m, v []float32, step *AdamStep) {
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	s := *step
	for len(p) > 0 {
		n := min(len(p), callLimit)
		avx2Adam(n, &p[0], &g[0], &m[0], &v[0], s.Beta1, 1-s.Beta1, s.Beta2, 1-s.Beta2, s.Rate, s.Root, s.Eps, 1-s.Decay, s.L2)
		p, g, m, v = p[n:], g[n:], m[n:], v[n:]
	}
}
