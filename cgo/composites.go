//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import "mixmas/nn/device"

// Composites run as fused kernels. What only a composite and its gradient read is written where the gradient wants it, and
// nowhere in a program without gradients.

// hiddenLayer says what of the hidden layer of channel or token mixing is kept for the backward pass.
type hiddenLayer struct{ pre, inner bool }

func (d *Device) channelLayer(o *device.ChannelMixing) hiddenLayer {
	return d.hiddenLayer(o.Rows*o.Hidden, o.Width <= int(d.limits.channel_mlp_width))
}

func (d *Device) tokenLayer(o *device.TokenMixing) hiddenLayer {
	return d.hiddenLayer(o.Batch*o.Hidden*o.Width, o.Hidden <= int(d.limits.token_mlp_hidden))
}

// hiddenLayer is for a layer of n elements; fused says whether its gradient is one kernel (mixmas_limits).
func (d *Device) hiddenLayer(n int, fused bool) hiddenLayer {
	return hiddenLayer{pre: !fused || n <= int(d.limits.recompute_above), inner: !fused}
}

// composite appends the fused descriptor of a composite. It is false where there is none, for the parts to do.
func (b *binder) composite(op device.Composite) bool {
	if b.runner.session.device.separate {
		return false
	}
	switch o := op.(type) {
	case *device.ChannelMixing:
		b.channelMixing(o)
	case *device.ChannelMixingGrad:
		b.channelMixingGrad(o)
	case *device.TokenMixing:
		b.tokenMixing(o)
	case *device.TokenMixingGrad:
		b.tokenMixingGrad(o)
	case *device.HyperMixing:
		b.hyperMixing(o)
	case *device.HyperMixingGrad:
		b.hyperMixingGrad(o)
	case *device.Monarch:
		b.monarch(o)
	case *device.MonarchGrad:
		b.monarchGrad(o)
	default:
		return false
	}
	return true
}

// hasGradient says whether the program has the gradient of the operation at hand.
func (b *binder) hasGradient() bool {
	for _, op := range b.program.Operations[b.index+1:] {
		if c, ok := op.(device.Composite); ok && c.Of() != nil && c.Of() == b.program.Operations[b.index] {
			return true
		}
	}
	return false
}

// kept is where an inner buffer lies, and nil where nobody reads what the operation at hand would write there: wanted says
// whether its gradient does.
func (b *binder) kept(role string, buffer device.Buffer, n int, wanted bool) *C.float {
	memory := b.maybe(role, buffer, n)
	if memory == nil || !wanted && b.program.Private(b.index, buffer) {
		return nil
	}
	return memory
}

// target is where a gradient of n elements goes.
func (b *binder) target(role string, t device.Target, n int) C.mixmas_target {
	if t.D == 0 {
		return C.mixmas_target{}
	}
	return C.mixmas_target{d: b.need(role, t.D, n), plus: b.maybe(role+".Plus", t.Plus, n)}
}

func (b *binder) channelMixing(o *device.ChannelMixing) {
	b.positive("rows, width and hidden", o.Rows, o.Width, o.Hidden)
	n, h, weights := o.Rows*o.Width, o.Rows*o.Hidden, o.Width*o.Hidden
	backward, layer := b.hasGradient(), b.runner.session.device.channelLayer(o)
	add(b, C.MIXMAS_OP_CHANNEL_MIXING, C.mixmas_channel_mixing{x: b.need("X", o.X, n),
		norm_weight: b.need("NormWeight", o.NormWeight, o.Width), norm_bias: b.need("NormBias", o.NormBias, o.Width),
		w1: b.need("W1", o.W1, weights), b1: b.maybe("B1", o.B1, o.Hidden), w2: b.need("W2", o.W2, weights), b2: b.maybe("B2", o.B2, o.Width),
		y: b.need("Y", o.Y, n), normed: b.kept("Normed", o.Normed, n, backward), statistics: b.kept("Statistics", o.Statistics, 2*o.Rows, backward),
		pre: b.kept("Pre", o.Pre, h, backward && layer.pre), hidden_values: b.kept("Inner", o.Inner, h, backward && layer.inner),
		rows: C.int64_t(o.Rows), width: C.int64_t(o.Width), hidden: C.int64_t(o.Hidden), eps: C.float(o.Eps)})
}

func (b *binder) channelMixingGrad(o *device.ChannelMixingGrad) {
	f := o.Forward
	b.positive("rows, width and hidden", f.Rows, f.Width, f.Hidden)
	n, h, weights := f.Rows*f.Width, f.Rows*f.Hidden, f.Width*f.Hidden
	d := C.mixmas_channel_mlp_grad{normed: b.need("Normed", f.Normed, n), w1: b.need("W1", f.W1, weights), b1: b.maybe("B1", f.B1, f.Hidden),
		w2: b.need("W2", f.W2, weights), dy: b.need("DY", o.DY, n),
		dnormed: b.target("DNormed", o.DNormed, n), dw1: b.target("DW1", o.DW1, weights), db1: b.target("DB1", o.DB1, f.Hidden),
		dw2: b.target("DW2", o.DW2, weights), db2: b.target("DB2", o.DB2, f.Width),
		rows: C.int64_t(f.Rows), width: C.int64_t(f.Width), hidden: C.int64_t(f.Hidden)}
	layer := b.runner.session.device.channelLayer(f)
	if layer.pre {
		d.pre = b.need("Pre", f.Pre, h)
	}
	if layer.inner {
		d.hidden_values = b.need("Inner", f.Inner, h)
	}
	add(b, C.MIXMAS_OP_CHANNEL_MLP_GRAD, d)
}

func (b *binder) tokenMixing(o *device.TokenMixing) {
	b.positive("batch, tokens, width and hidden", o.Batch, o.Tokens, o.Width, o.Hidden)
	n, h, weights := o.Batch*o.Tokens*o.Width, o.Batch*o.Hidden*o.Width, o.Tokens*o.Hidden
	backward, layer := b.hasGradient(), b.runner.session.device.tokenLayer(o)
	add(b, C.MIXMAS_OP_TOKEN_MIXING, C.mixmas_token_mixing{x: b.need("X", o.X, n),
		norm_weight: b.need("NormWeight", o.NormWeight, o.Width), norm_bias: b.need("NormBias", o.NormBias, o.Width),
		w1: b.need("W1", o.W1, weights), b1: b.maybe("B1", o.B1, o.Hidden), w2: b.need("W2", o.W2, weights), b2: b.maybe("B2", o.B2, o.Tokens),
		y: b.need("Y", o.Y, n), normed: b.kept("Normed", o.Normed, n, backward),
		statistics: b.kept("Statistics", o.Statistics, 2*o.Batch*o.Tokens, backward),
		pre:        b.kept("Pre", o.Pre, h, backward && layer.pre), hidden_values: b.kept("Inner", o.Inner, h, backward && layer.inner),
		batch: C.int64_t(o.Batch), tokens: C.int64_t(o.Tokens), width: C.int64_t(o.Width), hidden: C.int64_t(o.Hidden), eps: C.float(o.Eps)})
}

func (b *binder) tokenMixingGrad(o *device.TokenMixingGrad) {
	f := o.Forward
	b.positive("batch, tokens, width and hidden", f.Batch, f.Tokens, f.Width, f.Hidden)
	n, h, weights := f.Batch*f.Tokens*f.Width, f.Batch*f.Hidden*f.Width, f.Tokens*f.Hidden
	d := C.mixmas_token_mlp_grad{normed: b.need("Normed", f.Normed, n), w1: b.need("W1", f.W1, weights),
		b1: b.maybe("B1", f.B1, f.Hidden), w2: b.need("W2", f.W2, weights),
		dy: b.need("DY", o.DY, n), dnormed: b.target("DNormed", o.DNormed, n),
		dw1: b.target("DW1", o.DW1, weights), db1: b.target("DB1", o.DB1, f.Hidden),
		dw2: b.target("DW2", o.DW2, weights), db2: b.target("DB2", o.DB2, f.Tokens),
		batch: C.int64_t(f.Batch), tokens: C.int64_t(f.Tokens), width: C.int64_t(f.Width), hidden: C.int64_t(f.Hidden)}
	layer := b.runner.session.device.tokenLayer(f)
	if layer.pre {
		d.pre = b.need("Pre", f.Pre, h)
	}
	if layer.inner {
		d.hidden_values = b.need("Inner", f.Inner, h)
	}
	add(b, C.MIXMAS_OP_TOKEN_MLP_GRAD, d)
}

// generators are the sizes of the weights of the generators of hyper mixing.
func (b *binder) generators(o *device.HyperMixing) (fc1, fc2 int) {
	b.positive("batch, tokens, width, hidden and heads", o.Batch, o.Tokens, o.Width, o.Hidden, o.Heads)
	if b.err == nil && (o.Width%o.Heads != 0 || o.Hidden%o.Heads != 0) {
		b.fail("%d heads do not divide the width %d and the hidden width %d", o.Heads, o.Width, o.Hidden)
	}
	if b.err != nil {
		return 0, 0
	}
	return o.Width * o.Width / o.Heads, o.Hidden * o.Width / o.Heads
}

func (b *binder) hyperMixing(o *device.HyperMixing) {
	fc1, fc2 := b.generators(o)
	n, h := o.Batch*o.Tokens*o.Width, o.Batch*o.Tokens*o.Hidden
	backward := b.hasGradient()
	d := C.mixmas_hyper_mixing{x: b.need("X", o.X, n), positions: b.need("Positions", o.Positions, o.Tokens*o.Width),
		z: b.need("Z", o.Z, n), positioned: b.kept("Positioned", o.Positioned, n, backward),
		batch: C.int64_t(o.Batch), tokens: C.int64_t(o.Tokens), width: C.int64_t(o.Width), hidden: C.int64_t(o.Hidden), heads: C.int64_t(o.Heads)}
	for i := range o.FC1 {
		d.fc1[i], d.fc2[i] = b.need("FC1", o.FC1[i], fc1), b.need("FC2", o.FC2[i], fc2)
		d.pre[i], d.inner[i] = b.kept("Pre", o.Pre[i], n, backward), b.kept("Inner", o.Inner[i], n, backward)
		d.weights[i] = b.kept("Weights", o.Weights[i], h, backward)
	}
	add(b, C.MIXMAS_OP_HYPER_MIXING, d)
}

func (b *binder) hyperMixingGrad(o *device.HyperMixingGrad) {
	f := o.Forward
	fc1, fc2 := b.generators(f)
	n, h := f.Batch*f.Tokens*f.Width, f.Batch*f.Tokens*f.Hidden
	d := C.mixmas_hyper_mixing_grad{x: b.need("X", f.X, n), positioned: b.need("Positioned", f.Positioned, n), dz: b.need("DZ", o.DZ, n),
		dx:    b.target("DX", o.DX, n),
		batch: C.int64_t(f.Batch), tokens: C.int64_t(f.Tokens), width: C.int64_t(f.Width), hidden: C.int64_t(f.Hidden), heads: C.int64_t(f.Heads)}
	for i := range f.FC1 {
		d.pre[i], d.inner[i], d.weights[i] = b.need("Pre", f.Pre[i], n), b.need("Inner", f.Inner[i], n), b.need("Weights", f.Weights[i], h)
		d.fc1[i], d.fc2[i] = b.need("FC1", f.FC1[i], fc1), b.need("FC2", f.FC2[i], fc2)
		d.dfc1[i], d.dfc2[i] = b.target("DFC1", o.DFC1[i], fc1), b.target("DFC2", o.DFC2[i], fc2)
	}
	add(b, C.MIXMAS_OP_HYPER_MIXING_GRAD, d)
}

func (b *binder) monarch(o *device.Monarch) {
	b.positive("batch, p, q and width", o.Batch, o.P, o.Q, o.Width)
	n := o.Batch * o.P * o.Q * o.Width
	add(b, C.MIXMAS_OP_MONARCH, C.mixmas_monarch{x: b.need("X", o.X, n), l: b.need("L", o.L, o.P*o.Q*o.Q), r: b.need("R", o.R, o.Q*o.P*o.P),
		y: b.need("Y", o.Y, n), batch: C.int64_t(o.Batch), p: C.int64_t(o.P), q: C.int64_t(o.Q), width: C.int64_t(o.Width)})
}

func (b *binder) monarchGrad(o *device.MonarchGrad) {
	f := o.Forward
	b.positive("batch, p, q and width", f.Batch, f.P, f.Q, f.Width)
	n := f.Batch * f.P * f.Q * f.Width
	add(b, C.MIXMAS_OP_MONARCH_GRAD, C.mixmas_monarch_grad{x: b.need("X", f.X, n), l: b.need("L", f.L, f.P*f.Q*f.Q), r: b.need("R", f.R, f.Q*f.P*f.P),
		dy: b.need("DY", o.DY, n), dx: b.target("DX", o.DX, n), dl: b.target("DL", o.DL, f.P*f.Q*f.Q), dr: b.target("DR", o.DR, f.Q*f.P*f.P),
		batch: C.int64_t(f.Batch), p: C.int64_t(f.P), q: C.int64_t(f.Q), width: C.int64_t(f.Width)})
}
