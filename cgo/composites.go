//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import "mixmas/nn/device"

// Composites run as fused kernels. Buffers that only a composite and its gradient read are written if the gradient needs
// them, and never in a program without gradients.

// hiddenLayer describes which values of the hidden layer of channel or token mixing are kept for the backward pass.
type hiddenLayer struct{ pre, inner bool }

func (d *Device) channelLayer(o *device.ChannelMixing) hiddenLayer {
	return d.hiddenLayer(o.Rows*o.Hidden, o.Width <= int(d.limits.channel_mlp_width))
}

func (d *Device) tokenLayer(o *device.TokenMixing) hiddenLayer {
	return d.hiddenLayer(o.Batch*o.Hidden*o.Width, o.Hidden <= int(d.limits.token_mlp_hidden))
}

// hiddenLayer returns what is kept of a layer of n elements; fused is true if its gradient is one kernel (mixmas_limits).
func (d *Device) hiddenLayer(n int, fused bool) hiddenLayer {
	return hiddenLayer{pre: !fused || n <= int(d.limits.recompute_above), inner: !fused}
}

// hasGradient reports whether the program has the gradient of the current operation.
func (b *binder) hasGradient() bool { return b.differentiated[b.program.Operations[b.index]] }

// differentiated returns the operations of a program whose gradients are in the program as one operation each.
func differentiated(p *device.Program) map[device.Operation]bool {
	found := map[device.Operation]bool{}
	for _, op := range p.Operations {
		if c, ok := op.(device.Composite); ok && c.Of() != nil {
			found[c.Of()] = true
		}
	}
	return found
}

// kept returns the address of an inner buffer, or nil if nothing reads what the current operation would write there. wanted
// is true if the operation's gradient reads it.
func (b *binder) kept(buffer device.Buffer, wanted bool) *C.float {
	memory := b.memory(buffer)
	if memory == nil || !wanted && b.program.Private(b.index, buffer) {
		return nil
	}
	return memory
}

// target returns where a gradient is written; it is empty if the gradient is not needed.
func (b *binder) target(t device.Target) C.mixmas_target {
	if t.D == 0 {
		return C.mixmas_target{}
	}
	return C.mixmas_target{d: b.memory(t.D), plus: b.memory(t.Plus)}
}

var _ = device.On(&bindings, (*binder).channelMixing)

func (b *binder) channelMixing(o *device.ChannelMixing) {
	backward, layer := b.hasGradient(), b.runner.session.device.channelLayer(o)
	add(b, C.MIXMAS_OP_CHANNEL_MIXING, C.mixmas_channel_mixing{x: b.memory(o.X),
		norm_weight: b.memory(o.NormWeight), norm_bias: b.memory(o.NormBias),
		w1: b.memory(o.W1), b1: b.memory(o.B1), w2: b.memory(o.W2), b2: b.memory(o.B2),
		y: b.memory(o.Y), normed: b.kept(o.Normed, backward), statistics: b.kept(o.Statistics, backward),
		pre: b.kept(o.Pre, backward && layer.pre), hidden_values: b.kept(o.Inner, backward && layer.inner),
		rows: C.int64_t(o.Rows), width: C.int64_t(o.Width), hidden: C.int64_t(o.Hidden), eps: C.float(o.Eps)})
}

var _ = device.On(&bindings, (*binder).channelMixingGrad)

func (b *binder) channelMixingGrad(o *device.ChannelMixingGrad) {
	f := o.Forward
	d := C.mixmas_channel_mlp_grad{normed: b.memory(f.Normed), w1: b.memory(f.W1), b1: b.memory(f.B1),
		w2: b.memory(f.W2), dy: b.memory(o.DY),
		dnormed: b.target(o.DNormed), dw1: b.target(o.DW1), db1: b.target(o.DB1),
		dw2: b.target(o.DW2), db2: b.target(o.DB2),
		rows: C.int64_t(f.Rows), width: C.int64_t(f.Width), hidden: C.int64_t(f.Hidden)}
	layer := b.runner.session.device.channelLayer(f)
	if layer.pre {
		d.pre = b.memory(f.Pre)
	}
	if layer.inner {
		d.hidden_values = b.memory(f.Inner)
	}
	add(b, C.MIXMAS_OP_CHANNEL_MLP_GRAD, d)
}

var _ = device.On(&bindings, (*binder).tokenMixing)

func (b *binder) tokenMixing(o *device.TokenMixing) {
	backward, layer := b.hasGradient(), b.runner.session.device.tokenLayer(o)
	add(b, C.MIXMAS_OP_TOKEN_MIXING, C.mixmas_token_mixing{x: b.memory(o.X),
		norm_weight: b.memory(o.NormWeight), norm_bias: b.memory(o.NormBias),
		w1: b.memory(o.W1), b1: b.memory(o.B1), w2: b.memory(o.W2), b2: b.memory(o.B2),
		y: b.memory(o.Y), normed: b.kept(o.Normed, backward),
		statistics: b.kept(o.Statistics, backward),
		pre:        b.kept(o.Pre, backward && layer.pre), hidden_values: b.kept(o.Inner, backward && layer.inner),
		batch: C.int64_t(o.Batch), tokens: C.int64_t(o.Tokens), width: C.int64_t(o.Width), hidden: C.int64_t(o.Hidden), eps: C.float(o.Eps)})
}

var _ = device.On(&bindings, (*binder).tokenMixingGrad)

func (b *binder) tokenMixingGrad(o *device.TokenMixingGrad) {
	f := o.Forward
	d := C.mixmas_token_mlp_grad{normed: b.memory(f.Normed), w1: b.memory(f.W1),
		b1: b.memory(f.B1), w2: b.memory(f.W2),
		dy: b.memory(o.DY), dnormed: b.target(o.DNormed),
		dw1: b.target(o.DW1), db1: b.target(o.DB1),
		dw2: b.target(o.DW2), db2: b.target(o.DB2),
		batch: C.int64_t(f.Batch), tokens: C.int64_t(f.Tokens), width: C.int64_t(f.Width), hidden: C.int64_t(f.Hidden)}
	layer := b.runner.session.device.tokenLayer(f)
	if layer.pre {
		d.pre = b.memory(f.Pre)
	}
	if layer.inner {
		d.hidden_values = b.memory(f.Inner)
	}
	add(b, C.MIXMAS_OP_TOKEN_MLP_GRAD, d)
}

var _ = device.On(&bindings, (*binder).hyperMixing)

func (b *binder) hyperMixing(o *device.HyperMixing) {
	backward := b.hasGradient()
	d := C.mixmas_hyper_mixing{x: b.memory(o.X), positions: b.memory(o.Positions),
		z: b.memory(o.Z), positioned: b.kept(o.Positioned, backward),
		batch: C.int64_t(o.Batch), tokens: C.int64_t(o.Tokens), width: C.int64_t(o.Width), hidden: C.int64_t(o.Hidden), heads: C.int64_t(o.Heads)}
	for i := range o.FC1 {
		d.fc1[i], d.fc2[i] = b.memory(o.FC1[i]), b.memory(o.FC2[i])
		d.pre[i], d.inner[i] = b.kept(o.Pre[i], backward), b.kept(o.Inner[i], backward)
		d.weights[i] = b.kept(o.Weights[i], backward)
	}
	add(b, C.MIXMAS_OP_HYPER_MIXING, d)
}

var _ = device.On(&bindings, (*binder).hyperMixingGrad)

func (b *binder) hyperMixingGrad(o *device.HyperMixingGrad) {
	f := o.Forward
	d := C.mixmas_hyper_mixing_grad{x: b.memory(f.X), positioned: b.memory(f.Positioned), dz: b.memory(o.DZ),
		dx:    b.target(o.DX),
		batch: C.int64_t(f.Batch), tokens: C.int64_t(f.Tokens), width: C.int64_t(f.Width), hidden: C.int64_t(f.Hidden), heads: C.int64_t(f.Heads)}
	for i := range f.FC1 {
		d.pre[i], d.inner[i], d.weights[i] = b.memory(f.Pre[i]), b.memory(f.Inner[i]), b.memory(f.Weights[i])
		d.fc1[i], d.fc2[i] = b.memory(f.FC1[i]), b.memory(f.FC2[i])
		d.dfc1[i], d.dfc2[i] = b.target(o.DFC1[i]), b.target(o.DFC2[i])
	}
	add(b, C.MIXMAS_OP_HYPER_MIXING_GRAD, d)
}

var _ = device.On(&bindings, (*binder).monarch)

func (b *binder) monarch(o *device.Monarch) {
	add(b, C.MIXMAS_OP_MONARCH, C.mixmas_monarch{x: b.memory(o.X), l: b.memory(o.L), r: b.memory(o.R),
		y: b.memory(o.Y), batch: C.int64_t(o.Batch), p: C.int64_t(o.P), q: C.int64_t(o.Q), width: C.int64_t(o.Width)})
}

var _ = device.On(&bindings, (*binder).monarchGrad)

func (b *binder) monarchGrad(o *device.MonarchGrad) {
	f := o.Forward
	add(b, C.MIXMAS_OP_MONARCH_GRAD, C.mixmas_monarch_grad{x: b.memory(f.X), l: b.memory(f.L), r: b.memory(f.R),
		dy: b.memory(o.DY), dx: b.target(o.DX), dl: b.target(o.DL), dr: b.target(o.DR),
		batch: C.int64_t(f.Batch), p: C.int64_t(f.P), q: C.int64_t(f.Q), width: C.int64_t(f.Width)})
}
