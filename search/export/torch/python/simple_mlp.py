import torch.nn.functional as F
from torch import nn


class SimpleMLP(nn.Module):
    """Tables (b, features) -> one token (b, 1, width), through hidden layers."""

    def __init__(self, features, hidden, width, layers, dropout=0.0):
        super().__init__()
        widths = [features] + [hidden] * layers
        self.hidden = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, widths[1:]))
        self.out, self.drop = nn.Linear(hidden, width), nn.Dropout(dropout)

    def forward(self, x):
        for layer in self.hidden:
            x = self.drop(F.relu(layer(x)))
        return self.out(x)[:, None]
