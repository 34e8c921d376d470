package cpu

import (
	"math"

	"mixmas/nn/device"
	"mixmas/nn/philox"
)

// naive runs an operation as its documentation says, in float64. memory holds every buffer and is changed.
func naive(op device.Operation, memory map[device.Buffer][]float64, step device.Step) {
	read := func(b device.Buffer, i int) float64 {
		if b == 0 {
			return 0
		}
		return memory[b][i]
	}
	set := func(b device.Buffer, values []float64) {
		if b != 0 {
			copy(memory[b], values)
		}
	}
	switch o := op.(type) {
	case *device.MatMul:
		naiveMatMul(o, memory)
	case *device.Map:
		for i := range o.N {
			memory[o.Y][i] = act(o.Activation, memory[o.X][i])
		}
	case *device.MapGrad:
		for i := range o.N {
			memory[o.DX][i] = read(o.Plus, i) + memory[o.DY][i]*slope(o.Activation, memory[o.X][i])
		}
	case *device.Binary:
		each(o.Shape, func(n int, at func([]int) int) {
			a, b := memory[o.A][at(o.StridesA)], memory[o.B][at(o.StridesB)]
			memory[o.Y][n] = read(o.Plus, n) + []float64{a + b, a * b, a / b}[o.Arithmetic]
		})
	case *device.Assemble:
		y := make([]float64, o.N)
		for i := range y {
			y[i] = read(o.Base, i)
		}
		for _, p := range o.Pieces {
			each(p.Shape, func(_ int, at func([]int) int) {
				y[p.TargetOffset+at(p.TargetStrides)] += float64(p.Scale) * memory[p.Source][p.SourceOffset+at(p.SourceStrides)]
			})
		}
		set(o.Y, y)
	case *device.Reduce:
		for i := range o.Outer {
			for j := range o.Inner {
				at := func(k int) float64 { return memory[o.X][(i*o.Axis+k)*o.Inner+j] }
				n := i*o.Inner + j
				best, sum := 0, 0.0
				for k := range o.Axis {
					sum += at(k)
					if at(k) > at(best) {
						best = k
					}
				}
				if o.Reduction == device.Sum {
					memory[o.Y][n] = read(o.Plus, n) + float64(o.Scale)*sum
				} else {
					memory[o.Y][n], memory[o.Index][n] = at(best), float64(best)
				}
			}
		}
	case *device.MaxGrad:
		clear(memory[o.DX])
		for i := range o.Outer {
			for j := range o.Inner {
				memory[o.DX][(i*o.Axis+int(memory[o.Index][i*o.Inner+j]))*o.Inner+j] = memory[o.DY][i*o.Inner+j]
			}
		}
	case *device.Dropout:
		for i := range o.N {
			word := philox.Block([4]uint32{uint32(i / 4), 0, step.Counter, o.Number}, [2]uint32{uint32(step.Seed), uint32(step.Seed >> 32)})[i%4]
			memory[o.Y][i] = memory[o.X][i] / (1 - o.P)
			if float64(word) < math.Round(o.P*(1<<32)) {
				memory[o.Y][i] = 0
			}
		}
	case *device.LayerNorm:
		for r := range o.Rows {
			x := memory[o.X][r*o.Width:][:o.Width]
			mean, variance := moments(x)
			rstd := 1 / math.Sqrt(variance+o.Eps)
			for i, v := range x {
				memory[o.Y][r*o.Width+i] = (v-mean)*rstd*memory[o.Weight][i] + memory[o.Bias][i]
			}
			if o.Statistics != 0 {
				memory[o.Statistics][r], memory[o.Statistics][o.Rows+r] = mean, rstd
			}
		}
	case *device.LayerNormGrad:
		dx, dw, db := make([]float64, o.Rows*o.Width), make([]float64, o.Width), make([]float64, o.Width)
		for i := range o.Width {
			dw[i], db[i] = read(o.PlusWeight, i), read(o.PlusBias, i)
		}
		for r := range o.Rows {
			mean, rstd := memory[o.Statistics][r], memory[o.Statistics][o.Rows+r]
			normGrad(memory[o.X], memory[o.DY], dx, func(i int) int { return r*o.Width + i }, func(i int) int { return i }, o.Width,
				memory[o.Weight], dw, db, mean, rstd, true)
		}
		for i := range dx {
			dx[i] += read(o.Plus, i)
		}
		set(o.DX, dx)
		set(o.DWeight, dw)
		set(o.DBias, db)
	case *device.BatchNorm:
		n := o.Outer * o.Inner
		for c := range o.Channels {
			at := func(i int) int { return (i/o.Inner*o.Channels+c)*o.Inner + i%o.Inner }
			x := make([]float64, n)
			for i := range x {
				x[i] = memory[o.X][at(i)]
			}
			mean, variance := memory[o.RunningMean][c], memory[o.RunningVariance][c]
			if o.Train {
				mean, variance = moments(x)
				memory[o.RunningMean][c] += o.Momentum * (mean - memory[o.RunningMean][c])
				memory[o.RunningVariance][c] += o.Momentum * (variance*float64(n)/float64(n-1) - memory[o.RunningVariance][c])
			}
			rstd := 1 / math.Sqrt(variance+o.Eps)
			for i, v := range x {
				memory[o.Y][at(i)] = (v-mean)*rstd*memory[o.Weight][c] + memory[o.Bias][c]
			}
			if o.Statistics != 0 {
				memory[o.Statistics][c], memory[o.Statistics][o.Channels+c] = mean, rstd
			}
		}
	case *device.BatchNormGrad:
		n := o.Outer * o.Inner
		dx, dw, db := make([]float64, n*o.Channels), make([]float64, o.Channels), make([]float64, o.Channels)
		for c := range o.Channels {
			dw[c], db[c] = read(o.PlusWeight, c), read(o.PlusBias, c)
			at := func(i int) int { return (i/o.Inner*o.Channels+c)*o.Inner + i%o.Inner }
			normGrad(memory[o.X], memory[o.DY], dx, at, func(int) int { return c }, n, memory[o.Weight], dw, db,
				memory[o.Statistics][c], memory[o.Statistics][o.Channels+c], o.Train)
		}
		for i := range dx {
			dx[i] += read(o.Plus, i)
		}
		set(o.DX, dx)
		set(o.DWeight, dw)
		set(o.DBias, db)
	case *device.Im2Col:
		patches(o.Maps, func(patch, cell int) {
			memory[o.Y][patch] = 0
			if cell >= 0 {
				memory[o.Y][patch] = memory[o.X][cell]
			}
		})
	case *device.Col2Im:
		clear(memory[o.X])
		patches(o.Maps, func(patch, cell int) {
			if cell >= 0 {
				memory[o.X][cell] += memory[o.Y][patch]
			}
		})
	case *device.DepthwiseConv:
		y := make([]float64, o.Size())
		places := o.Kernel * o.Kernel
		patches(o.Maps, func(patch, cell int) {
			if cell < 0 {
				return
			}
			c, place, at := patch%o.Channels, patch/o.Channels%places, patch/o.Channels/places
			if o.Flip {
				place = places - 1 - place
			}
			y[at*o.Channels+c] += memory[o.Weight][c*places+place] * memory[o.X][cell]
		})
		for i := range y {
			y[i] += read(o.Plus, i)
		}
		set(o.Y, y)
	case *device.DepthwiseConvGrad:
		places := o.Kernel * o.Kernel
		dw := make([]float64, places*o.Channels)
		for i := range dw {
			dw[i] = read(o.Plus, i)
		}
		patches(o.Maps, func(patch, cell int) {
			if cell >= 0 {
				c, place, at := patch%o.Channels, patch/o.Channels%places, patch/o.Channels/places
				dw[c*places+place] += memory[o.DY][at*o.Channels+c] * memory[o.X][cell]
			}
		})
		set(o.DWeight, dw)
	case *device.CrossEntropy:
		sum := 0.0
		for r := range o.Rows {
			z, label := memory[o.Logits][r*o.Classes:][:o.Classes], int(memory[o.Labels][r])
			highest, total := math.Inf(-1), 0.0
			for _, v := range z {
				highest = max(highest, v)
			}
			for _, v := range z {
				total += math.Exp(v - highest)
			}
			sum += highest + math.Log(total) - z[label]
			for i, v := range z {
				if o.Delta != 0 {
					d := math.Exp(v-highest) / total
					if i == label {
						d--
					}
					memory[o.Delta][r*o.Classes+i] = d / float64(o.Rows)
				}
			}
		}
		memory[o.Loss][0] = sum / float64(o.Rows)
	case *device.BCEWithLogits:
		n, sum := o.Rows*o.Classes, 0.0
		for i := range n {
			z, y, w := memory[o.Logits][i], memory[o.Labels][i], 1.0
			if o.PosWeight != 0 {
				w = memory[o.PosWeight][i%o.Classes]
			}
			softplus := func(z float64) float64 { return max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) }
			sum += w*y*softplus(-z) + (1-y)*softplus(z)
			if o.Delta != 0 {
				memory[o.Delta][i] = ((1-y)/(1+math.Exp(-z)) - w*y/(1+math.Exp(z))) / float64(n)
			}
		}
		memory[o.Loss][0] = sum / float64(n)
	case *device.Adam:
		rate := step.LearningRate
		for i := range o.N {
			g := memory[o.Gradients][i]
			if o.Decoupled {
				memory[o.Parameters][i] *= 1 - rate*o.WeightDecay
			} else {
				g += o.WeightDecay * memory[o.Parameters][i]
			}
			m := o.Beta1*memory[o.Moments][i] + (1-o.Beta1)*g
			v := o.Beta2*memory[o.Variances][i] + (1-o.Beta2)*g*g
			memory[o.Moments][i], memory[o.Variances][i] = m, v
			t := float64(step.Update)
			memory[o.Parameters][i] -= rate * m / (1 - math.Pow(o.Beta1, t)) / (math.Sqrt(v/(1-math.Pow(o.Beta2, t))) + o.Eps)
		}
	case *device.SGD:
		for i := range o.N {
			g := memory[o.Gradients][i] + o.WeightDecay*memory[o.Parameters][i]
			if o.Velocity != 0 {
				if step.Update > 1 {
					g += o.Momentum * memory[o.Velocity][i]
				}
				memory[o.Velocity][i] = g
			}
			memory[o.Parameters][i] -= step.LearningRate * g
		}
	}
}

func naiveMatMul(o *device.MatMul, memory map[device.Buffer][]float64) {
	c := map[int]float64{}
	for i := range o.Batch[0] {
		for j := range o.Batch[1] {
			at := func(offset int, strides [2]int) int { return offset + i*strides[0] + j*strides[1] }
			a, b := at(o.OffsetA, o.StrideA), at(o.OffsetB, o.StrideB)
			for m := range o.M {
				for n := range o.N {
					sum := 0.0
					for k := range o.K {
						ai, bi := a+m*o.LDA+k, b+k*o.LDB+n
						if o.TransA {
							ai = a + k*o.LDA + m
						}
						if o.TransB {
							bi = b + n*o.LDB + k
						}
						sum += memory[o.A][ai] * memory[o.B][bi]
					}
					if o.Bias != 0 && o.BiasRows {
						sum += memory[o.Bias][m]
					} else if o.Bias != 0 {
						sum += memory[o.Bias][n]
					}
					c[at(o.OffsetC, o.StrideC)+m*o.LDC+n] += sum
				}
			}
		}
	}
	for i, v := range c {
		if o.Pre != 0 {
			memory[o.Pre][i] = v
		}
		if o.Gate != 0 {
			v *= slope(o.Activation, memory[o.Gate][i])
		} else {
			v = act(o.Activation, v)
		}
		if o.Plus != 0 {
			v += memory[o.Plus][i]
		}
		memory[o.C][i] = v
	}
}

func act(a device.Activation, x float64) float64 {
	switch a {
	case device.GELU:
		return x * 0.5 * math.Erfc(-x/math.Sqrt2)
	case device.ReLU:
		return max(x, 0)
	case device.SquaredReLU:
		return max(x, 0) * max(x, 0)
	}
	return x
}

func slope(a device.Activation, x float64) float64 {
	switch {
	case a == device.GELU:
		return 0.5*math.Erfc(-x/math.Sqrt2) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	case a == device.ReLU && x <= 0, a == device.SquaredReLU && x <= 0:
		return 0
	case a == device.SquaredReLU:
		return 2 * x
	}
	return 1
}

// each calls f for each index of a shape, with its linear number and its place under strides.
func each(shape []int, f func(n int, at func(strides []int) int)) {
	for n := range product(shape) {
		f(n, func(strides []int) int {
			sum, rest := 0, n
			for d := len(shape) - 1; d >= 0; d-- {
				sum += rest % shape[d] * strides[d]
				rest /= shape[d]
			}
			return sum
		})
	}
}

// patches calls f for each element of the patches with its element of the maps, or -1 outside.
func patches(m device.Maps, f func(patch, cell int)) {
	shape := []int{m.Batch, m.OutHeight(), m.OutWidth(), m.Kernel, m.Kernel, m.Channels}
	each(shape, func(n int, at func([]int) int) {
		y := at([]int{0, m.Stride, 0, 1, 0, 0}) - m.Padding
		x := at([]int{0, 0, m.Stride, 0, 1, 0}) - m.Padding
		cell := -1
		if y >= 0 && y < m.Height && x >= 0 && x < m.Width {
			cell = ((at([]int{1, 0, 0, 0, 0, 0})*m.Height+y)*m.Width+x)*m.Channels + at([]int{0, 0, 0, 0, 0, 1})
		}
		f(n, cell)
	})
}

func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, variance
}

// normGrad is the gradient of one normalised group of n elements, element i of which lies at at(i) and has weight w[of(i)].
func normGrad(x, dy, dx []float64, at, of func(int) int, n int, w, dw, db []float64, mean, rstd float64, own bool) {
	var a, b float64
	for i := range n {
		normal, d := (x[at(i)]-mean)*rstd, dy[at(i)]
		dw[of(i)] += d * normal
		db[of(i)] += d
		a += w[of(i)] * d / float64(n)
		b += w[of(i)] * d * normal / float64(n)
	}
	if !own {
		a, b = 0, 0
	}
	for i := range n {
		dx[at(i)] = rstd * (w[of(i)]*dy[at(i)] - a - (x[at(i)]-mean)*rstd*b)
	}
}
