import torch
import torch.nn.functional as F
from torch import nn


class FTBlock(nn.Module):
    """Attention over the tokens, then a gated layer over the features. The first block has no norm before it."""

    def __init__(self, width, heads, hidden, first, dropout=0.0):
        super().__init__()
        self.norm1, self.attention = nn.Identity() if first else nn.LayerNorm(width), MultiHeadAttention(width, heads)
        self.norm2, self.dropout = nn.LayerNorm(width), nn.Dropout(dropout)
        self.value, self.gate = nn.Linear(width, hidden), nn.Linear(width, hidden)
        self.output = nn.Linear(hidden, width)

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attention(y, y)
        y = self.norm2(x)
        return x + self.output(self.dropout(self.value(y) * F.relu(self.gate(y))))


class Features(nn.Module):
    """A token for each number of a table: (b, features) -> (b, features, width)."""

    def __init__(self, features, width):
        super().__init__()
        self.weight, self.bias = (nn.Parameter((2 * torch.rand(features, width) - 1) / width ** 0.5) for _ in range(2))

    def forward(self, x):
        return x[..., None] * self.weight + self.bias


class FTTransformer(nn.Module):
    """FT-Transformer (Gorishniy et al. 2021): what a class token reads in the numbers, one token (b, 1, width)."""

    def __init__(self, features, width, depth, heads, hidden, dropout=0.0):
        super().__init__()
        self.features, self.class_token = Features(features, width), nn.Parameter(0.02 * torch.randn(1, width))
        self.blocks = nn.ModuleList(FTBlock(width, heads, hidden, i == 0, dropout) for i in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        x = torch.cat([self.class_token.expand(len(x), 1, -1), self.features(x)], 1)
        for block in self.blocks:
            x = block(x)
        return F.relu(self.norm(x[:, :1]))
