// Package torch writes models as Python files: PyTorch modules that load the model's own file and give the same logits.
//
// The texts are in python/, one file per architecture, and are registered by [Register] and [RegisterFusion]. A file gets the
// classes and functions that its model needs, found by their names, and of those the lines whose conditions hold, see [conditions].
package torch
