import math

import torch
import torch.nn.functional as F
from torch import nn


class PiecewiseLinear(nn.Module):
    """Numbers (b, features) -> (b, features * bins): where each is in its bins, cut to 0 to 1 (Gorishniy et al. 2022).

    The first bin is open below, the last one above."""

    def __init__(self, features, bins):
        super().__init__()
        edges = [min(max(i, 0.5), bins - 0.5) / bins for i in range(bins + 1)]
        edges = 2 ** 0.5 * torch.erfinv(2 * torch.tensor(edges) - 1) if bins > 1 else torch.tensor([-1.0, 1.0])
        slope = 1 / (edges[1:] - edges[:-1])
        self.slope = nn.Parameter(slope.repeat(features, 1))
        self.offset = nn.Parameter((-edges[:-1] * slope).repeat(features, 1))

    def forward(self, x):
        z = x[..., None] * self.slope + self.offset
        last = z.shape[-1] - 1
        parts = [z[..., i : i + 1].clamp(0 if i else -math.inf, 1 if i < last else math.inf) for i in range(last + 1)]
        return torch.cat(parts, -1).flatten(1)


class ResidualMLPBlock(nn.Module):
    def __init__(self, width, hidden, dropout=0.0):
        super().__init__()
        self.norm, self.dropout = nn.BatchNorm1d(width), nn.Dropout(dropout)
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        return x + self.dropout(self.fc2(self.dropout(F.relu(self.fc1(self.norm(x))))))


class ResidualMLP(nn.Module):
    """Tables (b, features) -> one token (b, 1, width): the ResNet of Gorishniy et al. 2021."""

    def __init__(self, features, width, hidden, depth, bins=0, dropout=0.0):
        super().__init__()
        self.embed = PiecewiseLinear(features, bins) if bins else nn.Identity()
        self.first = nn.Linear(features * max(bins, 1), width)
        self.blocks = nn.ModuleList(ResidualMLPBlock(width, hidden, dropout) for _ in range(depth))
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x):
        x = self.first(self.embed(x))
        for block in self.blocks:
            x = block(x)
        return F.relu(self.norm(x))[:, None]
