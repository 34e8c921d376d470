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
	torch.RegisterFusion("scaled", torch.Fusion{Source: scaledSource, New: func(tokens []mixer.Input, options any) (string, error) {
		o, features := options.(*ScaledOptions), tokens[0].Shape[1]
		if o.Shared {
			features = 1
		}
		return torch.Call("Scaled", fmt.Sprint("modalities=", len(tokens)), fmt.Sprint("features=", features), fmt.Sprint("dropout=", o.Dropout)), nil
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

const scaledSource = `
import torch
import torch.nn.functional as F
from torch import nn


class Scaled(nn.Module):
    """The sum of the modalities' tokens, each feature times a learned gate of 0 or more."""

    def __init__(self, modalities, features, dropout):
        super().__init__()
        self.gate, self.drop = nn.Parameter(torch.ones(modalities, features)), nn.Dropout(dropout)

    def forward(self, tokens, masks):  #: masked else def forward(self, tokens):
        tokens = aligned(tokens, masks)  #: masked else tokens = aligned(tokens)
        scaled = self.drop(tokens * F.relu(self.gate)[:, None, None])
        return scaled.sum(0), None  #: masked else return scaled.sum(0)
`
