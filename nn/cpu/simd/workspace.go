package simd

// Workspace is the scratch memory of matrix products: a product packs blocks of its operands into it. One workspace
// serves one product at a time; every goroutine needs its own.
type Workspace struct {
	a, b []float32
}

// NewWorkspace returns scratch memory for products of any size on every set.
func NewWorkspace() *Workspace {
	return &Workspace{a: make([]float32, workspaceA), b: make([]float32, workspaceB)}
}
