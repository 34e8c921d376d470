package device

// CrossEntropy is the mean cross-entropy of softmax(Logits) (Rows, Classes) against the class index of each row in Labels
// (Rows, the indices as float32). It writes the mean loss to Loss (one element) and, if Delta is present, the gradient of
// that mean with respect to the logits to Delta.
type CrossEntropy struct {
	Logits, Labels, Loss, Delta Buffer
	Rows, Classes               int
}

// SoftCrossEntropy is the mean over the rows of -Σ t log softmax(z), where z is a row of Logits and t of Targets, both (Rows,
// Classes). Targets are not negative; their sum s in a row may be any. It writes the mean loss to Loss (one element) and, if
// Delta is present, the gradient of that mean with respect to the logits to Delta: (s softmax(z) - t) / Rows.
type SoftCrossEntropy struct {
	Logits, Targets, Loss, Delta Buffer
	Rows, Classes                int
}

// BCEWithLogits is the mean binary cross-entropy of sigmoid(Logits) against Labels, both (Rows, Classes): -mean(w y log
// σ(z) + (1-y) log(1-σ(z))), where w is the class's element of PosWeight (Classes elements), or 1 if PosWeight is absent.
type BCEWithLogits struct {
	Logits, Labels, PosWeight, Loss, Delta Buffer
	Rows, Classes                          int
}

var _ = kind(&CrossEntropy{})

// Name implements [Operation].
func (o *CrossEntropy) Name() string { return "cross_entropy" }

// Buffers implements [Operation].
func (o *CrossEntropy) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.Logits, o.Labels), present(w, o.Loss, o.Delta)
}

// Cost implements [Operation].
func (o *CrossEntropy) Cost() Cost { n := o.Rows * o.Classes; return traffic(8*n, 2*n) }

// Sizes implements [Operation].
func (o *CrossEntropy) Sizes() string {
	return sizes(o.Rows, o.Classes)
}

// Check implements [Operation].
func (o *CrossEntropy) Check(c *Checker) {
	c.Positive("rows and classes", o.Rows, o.Classes)
	n := o.Rows * o.Classes
	c.Need("Logits", o.Logits, n)
	c.Need("Labels", o.Labels, o.Rows)
	c.Need("Loss", o.Loss, 1)
	c.Maybe("Delta", o.Delta, n)
}

var _ = kind(&SoftCrossEntropy{})

// Name implements [Operation].
func (o *SoftCrossEntropy) Name() string { return "soft_cross_entropy" }

// Buffers implements [Operation].
func (o *SoftCrossEntropy) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.Logits, o.Targets), present(w, o.Loss, o.Delta)
}

// Cost implements [Operation].
func (o *SoftCrossEntropy) Cost() Cost { n := o.Rows * o.Classes; return traffic(12*n, 3*n) }

// Sizes implements [Operation].
func (o *SoftCrossEntropy) Sizes() string {
	return sizes(o.Rows, o.Classes)
}

// Check implements [Operation].
func (o *SoftCrossEntropy) Check(c *Checker) {
	c.Positive("rows and classes", o.Rows, o.Classes)
	n := o.Rows * o.Classes
	c.Need("Logits", o.Logits, n)
	c.Need("Targets", o.Targets, n)
	c.Need("Loss", o.Loss, 1)
	c.Maybe("Delta", o.Delta, n)
}

var _ = kind(&BCEWithLogits{})

// Name implements [Operation].
func (o *BCEWithLogits) Name() string { return "bce_with_logits" }

// Buffers implements [Operation].
func (o *BCEWithLogits) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.Logits, o.Labels, o.PosWeight), present(w, o.Loss, o.Delta)
}

// Cost implements [Operation].
func (o *BCEWithLogits) Cost() Cost { n := o.Rows * o.Classes; return traffic(10*n, 3*n) }

// Sizes implements [Operation].
func (o *BCEWithLogits) Sizes() string {
	return sizes(o.Rows, o.Classes)
}

// Check implements [Operation].
func (o *BCEWithLogits) Check(c *Checker) {
	c.Positive("rows and classes", o.Rows, o.Classes)
	n := o.Rows * o.Classes
	c.Need("Logits", o.Logits, n)
	c.Need("Labels", o.Labels, n)
	c.Maybe("PosWeight", o.PosWeight, o.Classes)
	c.Need("Loss", o.Loss, 1)
	c.Maybe("Delta", o.Delta, n)
}
