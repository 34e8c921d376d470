package main

// adam emits the update of parameters. The first moment is β1 m + (1-β1) d with the gradient d, as PyTorch has it.
func (g *generator) adam() {
	g.function("avx2Adam", "n int, p, grad, m, v *float32, beta1, gain1, beta2, gain2, rate, root, eps, keep, l2 float32",
		"updates p, m and v; gain1 is 1-beta1, gain2 is 1-beta2, and keep is 1-decay.")
	n, p, grad, m, v := g.argument("n"), g.argument("p"), g.argument("grad"), g.argument("m"), g.argument("v")
	beta1, gain1, beta2, gain2 := g.broadcast("beta1"), g.broadcast("gain1"), g.broadcast("beta2"), g.broadcast("gain2")
	rate, root, eps, keep, l2 := g.broadcast("rate"), g.broadcast("root"), g.broadcast("eps"), g.broadcast("keep"), g.broadcast("l2")
	g.elements("e", n, 1, func(l lanes) {
		w, d, first := l.load(p), l.load(grad), l.load(m)
		g.VFMADD231PS(l2, w, d)
		g.VMULPS(beta1, first, first)
		g.VFMADD231PS(gain1, d, first)
		l.store(first, m)
		g.VMULPS(d, d, d)
		g.VMULPS(gain2, d, d)
		second := l.load(v)
		g.VFMADD213PS(d, beta2, second)
		l.store(second, v)
		g.VSQRTPS(second, second)
		g.VFMADD213PS(eps, root, second)
		g.VMULPS(rate, first, first)
		g.VDIVPS(second, first, first)
		g.VFMSUB213PS(first, keep, w)
		l.store(w, p)
	})
	g.end()
}
