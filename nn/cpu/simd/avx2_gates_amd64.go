//go:build amd64 && !purego

package simd

func nativeGru(state, gates, x, hidden, bias []float32) {
	if w := len(state); w > 0 {
		_, _, _, _ = gates[4*w-1], x[3*w-1], hidden[3*w-1], bias[3*w-1]
		avx2Gru(w, &state[0], &gates[0], &x[0], &hidden[0], &bias[0])
	}
}

func nativeGruGrad(dstate, dx, dhidden, gates, previous []float32) {
	if w := len(dstate); w > 0 {
		_, _, _, _ = dx[3*w-1], dhidden[3*w-1], gates[4*w-1], previous[w-1]
		avx2GruGrad(w, &dstate[0], &dx[0], &dhidden[0], &gates[0], &previous[0])
	}
}

func nativeLstm(state, cell, gates, x, hidden, bias []float32) {
	if w := len(state); w > 0 {
		_, _, _, _, _ = cell[w-1], gates[4*w-1], x[4*w-1], hidden[4*w-1], bias[4*w-1]
		avx2Lstm(w, &state[0], &cell[0], &gates[0], &x[0], &hidden[0], &bias[0])
	}
}

func nativeLstmGrad(dstate, dcell, dx, gates, previous []float32) {
	if w := len(dstate); w > 0 {
		_, _, _, _ = dcell[w-1], dx[4*w-1], gates[4*w-1], previous[w-1]
		avx2LstmGrad(w, &dstate[0], &dcell[0], &dx[0], &gates[0], &previous[0])
	}
}
