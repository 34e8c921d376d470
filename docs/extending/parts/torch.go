package parts

import (
	"fmt"

	"mixmas/nn/mixer"
	"mixmas/search/export/torch"
)

func init() {
	torch.Register("step_mlp", torch.Architecture{Source: stepMLPSource, New: func(in mixer.Input, options any) (string, error) {
		o := options.(*StepMLPOptions)
		return torch.Call("StepMLP", fmt.Sprint("features=", in.Shape[1]), fmt.Sprint("hidden=", o.Hidden),
			fmt.Sprint("width=", o.Width), fmt.Sprint("dropout=", o.Dropout)), nil
	}})
	torch.RegisterFusion("gated", torch.Fusion{Source: gatedSource, New: func(tokens []mixer.Input, options any) (string, error) {
		o, features := options.(*GatedOptions), tokens[0].Shape[1]
		if o.Shared {
			features = 1
		}
		return torch.Call("Gated", fmt.Sprint("modalities=", len(tokens)), fmt.Sprint("features=", features), fmt.Sprint("dropout=", o.Dropout)), nil
	}})
}

const stepMLPSource = `
import torch.nn.functional as F
from torch import nn


class StepMLP(nn.Module):
    """An MLP on each step of a sequence, or on each token, and a layer norm."""

    def __init__(self, features, hidden, width, dropout):
        super().__init__()
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(features, hidden), "fc2": nn.Linear(hidden, width)})
        self.drop, self.norm = nn.Dropout(dropout), nn.LayerNorm(width)

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        x = self.drop(F.gelu(self.mlp["fc1"](x)))
        return self.norm(self.drop(self.mlp["fc2"](x)))
`

const gatedSource = `
import torch
import torch.nn.functional as F
from torch import nn


class Gated(nn.Module):
    """The sum of the modalities' tokens, each feature times a learned gate of 0 or more."""

    def __init__(self, modalities, features, dropout):
        super().__init__()
        self.gate, self.drop = nn.Parameter(torch.ones(modalities, features)), nn.Dropout(dropout)

    def forward(self, tokens, masks):  #: masked else def forward(self, tokens):
        tokens = aligned(tokens, masks)  #: masked else tokens = aligned(tokens)
        gated = self.drop(tokens * F.relu(self.gate)[:, None, None])
        return gated.sum(0), None  #: masked else return gated.sum(0)
`
