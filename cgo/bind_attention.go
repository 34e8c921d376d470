//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import "mixmas/nn/device"

var _ = device.On(&bindings, (*binder).attention)

func (b *binder) attention(o *device.Attention) {
	if b.wideHead(o) {
		b.parts(o)
		return
	}
	add(b, C.MIXMAS_OP_ATTENTION, C.mixmas_attention{q: b.memory(o.Q), k: b.memory(o.K), v: b.memory(o.V), mask: b.memory(o.Mask),
		y: b.memory(o.Y), log_sum: b.kept(o.LogSum, b.hasGradient()),
		batch: C.int64_t(o.Batch), queries: C.int64_t(o.Queries), keys: C.int64_t(o.Keys), width: C.int64_t(o.Width), heads: C.int64_t(o.Heads)})
}

var _ = device.On(&bindings, (*binder).attentionGrad)

func (b *binder) attentionGrad(o *device.AttentionGrad) {
	f := o.Forward
	if b.wideHead(f) {
		b.parts(o)
		return
	}
	add(b, C.MIXMAS_OP_ATTENTION_GRAD, C.mixmas_attention_grad{q: b.memory(f.Q), k: b.memory(f.K), v: b.memory(f.V), mask: b.memory(f.Mask),
		y: b.memory(f.Y), log_sum: b.memory(f.LogSum), dy: b.memory(o.DY),
		dq: b.target(o.DQ), dk: b.target(o.DK), dv: b.target(o.DV),
		batch: C.int64_t(f.Batch), queries: C.int64_t(f.Queries), keys: C.int64_t(f.Keys), width: C.int64_t(f.Width), heads: C.int64_t(f.Heads)})
}

// wideHead reports whether no kernel takes heads of this width.
func (b *binder) wideHead(o *device.Attention) bool {
	return o.HeadWidth() > int(b.runner.session.device.limits.attention_head)
}
