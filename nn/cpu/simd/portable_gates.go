package simd

import "math"

func portableGru(state, gates, x, hidden, bias []float32) {
	w := len(state)
	for i := range state {
		sum := func(k int) float64 { return float64(x[k*w+i]) + float64(hidden[k*w+i]) + float64(bias[k*w+i]) }
		r, z := logistic(sum(0)), logistic(sum(1))
		q := float64(hidden[2*w+i]) + float64(bias[2*w+i])
		n := math.Tanh(float64(x[2*w+i]) + r*q)
		gates[i], gates[w+i], gates[2*w+i], gates[3*w+i] = float32(r), float32(z), float32(n), float32(q)
		state[i] = float32(n + z*(float64(state[i])-n))
	}
}

// flushed makes a gradient through time zero where it is negligible (as in ../gen/gates.go).
func flushed(x float32) float64 {
	if -1e-24 < x && x < 1e-24 {
		return 0
	}
	return float64(x)
}

func portableGruGrad(dstate, dx, dhidden, gates, previous []float32) {
	w := len(dstate)
	for i := range dstate {
		r, z, n, q := float64(gates[i]), float64(gates[w+i]), float64(gates[2*w+i]), float64(gates[3*w+i])
		d := flushed(dstate[i])
		dn := d * (1 - z) * (1 - n*n)
		dz := d * (float64(previous[i]) - n) * z * (1 - z)
		dr := dn * q * r * (1 - r)
		dx[i], dx[w+i], dx[2*w+i] = float32(dr), float32(dz), float32(dn)
		dhidden[i], dhidden[w+i], dhidden[2*w+i] = dx[i], dx[w+i], float32(dn*r)
		dstate[i] = float32(d * z)
	}
}

func portableLstm(state, cell, gates, x, hidden, bias []float32) {
	w := len(state)
	for k := range state {
		sum := func(gate int) float64 {
			at := gate*w + k
			return float64(x[at]) + float64(hidden[at]) + float64(bias[at])
		}
		i, f, g, o := logistic(sum(0)), logistic(sum(1)), math.Tanh(sum(2)), logistic(sum(3))
		gates[k], gates[w+k], gates[2*w+k], gates[3*w+k] = float32(i), float32(f), float32(g), float32(o)
		c := f*float64(cell[k]) + i*g
		cell[k], state[k] = float32(c), float32(o*math.Tanh(c))
	}
}

func portableLstmGrad(dstate, dcell, dx, gates, previous []float32) {
	w := len(dstate)
	for k := range dstate {
		i, f, g, o := float64(gates[k]), float64(gates[w+k]), float64(gates[2*w+k]), float64(gates[3*w+k])
		before := float64(previous[k])
		t := math.Tanh(f*before + i*g)
		d := flushed(dstate[k])
		dc := flushed(dcell[k]) + d*o*(1-t*t)
		dx[k], dx[w+k] = float32(dc*g*i*(1-i)), float32(dc*before*f*(1-f))
		dx[2*w+k], dx[3*w+k] = float32(dc*i*(1-g*g)), float32(d*t*o*(1-o))
		dcell[k], dstate[k] = float32(dc*f), 0
	}
}
