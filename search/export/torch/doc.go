// Package torch writes models as PyTorch modules.
package torch
