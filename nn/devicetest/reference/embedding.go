package reference

import "mixmas/nn/device"

var _ = device.On(&operations, (*Runner).embedding)

func (r *Runner) embedding(o *device.Embedding) {
	ids, table, y := r.Values(o.IDs), r.Values(o.Table), r.Values(o.Y)
	for row := range o.Rows {
		to := y[row*o.Width:][:o.Width]
		if token := device.Token(ids[row], o.Vocabulary); token == device.Padding {
			clear(to)
		} else {
			copy(to, table[token*o.Width:])
		}
	}
}

var _ = device.On(&operations, (*Runner).embeddingGrad)

func (r *Runner) embeddingGrad(o *device.EmbeddingGrad) {
	ids, dy, dtable, plus := r.Values(o.IDs), r.Values(o.DY), r.Values(o.DTable), r.Values(o.Plus)
	for i := range o.Vocabulary * o.Width {
		dtable[i] = added(plus, i)
	}
	for i, d := range dy[:o.Rows*o.Width] {
		if token := device.Token(ids[i/o.Width], o.Vocabulary); token != device.Padding {
			dtable[token*o.Width+i%o.Width] += d
		}
	}
}
