//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import "mixmas/nn/device"

var _ = device.On(&bindings, (*binder).embedding)

func (b *binder) embedding(o *device.Embedding) {
	add(b, C.MIXMAS_OP_EMBEDDING, C.mixmas_embedding{ids: b.memory(o.IDs), table: b.memory(o.Table), y: b.memory(o.Y),
		rows: C.int64_t(o.Rows), width: C.int64_t(o.Width), vocabulary: C.int64_t(o.Vocabulary)})
}

var _ = device.On(&bindings, (*binder).embeddingGrad)

func (b *binder) embeddingGrad(o *device.EmbeddingGrad) {
	add(b, C.MIXMAS_OP_EMBEDDING_GRAD, C.mixmas_embedding_grad{ids: b.memory(o.IDs), dy: b.memory(o.DY), plus: b.memory(o.Plus),
		dtable: b.memory(o.DTable), rows: C.int64_t(o.Rows), width: C.int64_t(o.Width), vocabulary: C.int64_t(o.Vocabulary)})
}
