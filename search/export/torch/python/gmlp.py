import torch.nn.functional as F
from torch import nn


class GMLPBlock(nn.Module):
    """gMLP (Liu et al. 2021): features that are gated by others, which a linear layer over the tokens mixes."""

    def __init__(self, tokens, width, hidden, dropout=0.0):
        super().__init__()
        self.norm, self.value, self.gate = nn.LayerNorm(width), nn.Linear(width, hidden), nn.Linear(width, hidden)
        self.gate_norm, self.spatial = nn.LayerNorm(hidden), nn.Linear(tokens, tokens)
        self.output, self.dropout = nn.Linear(hidden, width), nn.Dropout(dropout)
        nn.init.normal_(self.spatial.weight, std=1e-6)
        nn.init.ones_(self.spatial.bias)

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        y = self.norm(x)
        gate = self.gate_norm(F.gelu(self.gate(y)))
        if mask is not None:  #: masked
            gate = gate * mask[..., None]  #: masked
        gate = self.spatial(gate.transpose(1, 2)).transpose(1, 2)
        return x + self.output(self.dropout(F.gelu(self.value(y)) * gate))
