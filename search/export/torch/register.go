package torch

import (
	"slices"

	"mixmas/nn/mixer"
	"mixmas/nn/registry"
)

// Architecture is a registered architecture of package mixer in PyTorch.
type Architecture struct {
	// Source is Python: classes and functions, which may use those of other sources, such as MLP, Encoder and PatchEmbed. An
	// exported file gets those that its model needs. The names of parameters must be those of the architecture in Go.
	Source string
	// New returns the expression that makes the module for an input, with a pointer to the architecture's options: see [Call]. The
	// module maps x and a mask, None or (b, n), to tokens (b, n, d).
	New func(in mixer.Input, options any) (string, error)
}

// Fusion is a registered fusion function of package mixer in PyTorch.
type Fusion struct {
	// Source is Python, as of an [Architecture].
	Source string
	// New returns the expression that makes the module for the tokens of all modalities. The module maps lists of tokens
	// (b, n_i, d) and of masks, each None or (b, n_i), to fused tokens and their mask or None.
	New func(tokens []mixer.Input, options any) (string, error)
}

var (
	architectures = registry.New[Architecture]("PyTorch form of architecture")
	fusions       = registry.New[Fusion]("PyTorch form of fusion function")
)

// Register adds the PyTorch form of an architecture, under the architecture's name. It panics if the name is taken or something is
// missing, or if its source defines a name that another source defines: these are programming errors.
func Register(name string, a Architecture) {
	if a.New == nil {
		panic("the PyTorch form of architecture " + name + " cannot be registered: it needs New")
	}
	architectures.Register(name, name, a)
	addSource(name, a.Source)
}

// RegisterFusion adds the PyTorch form of a fusion function, as [Register] does.
func RegisterFusion(name string, f Fusion) {
	if f.New == nil {
		panic("the PyTorch form of fusion function " + name + " cannot be registered: it needs New")
	}
	fusions.Register(name, name, f)
	addSource(name, f.Source)
}

// addSource adds a source, whose names nothing else in a file may have.
func addSource(name, source string) {
	list := parse(name, source)
	for _, c := range list {
		if wrappers.has(c.name) || use.has(c.name) || slices.Contains(constants, c.name) {
			panic("the PyTorch form of " + name + " defines " + c.name + ", which every file has")
		}
	}
	sources.add(list)
}
