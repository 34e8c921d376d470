import torch
import torch.nn.functional as F
from torch import nn


class PatchEmbed(nn.Module):
    """Maps (b, channels, height, width) -> a token for each patch, row by row: (b, patches, width)."""

    def __init__(self, channels, width, patch):
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel_size=patch, stride=patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class TextEmbed(nn.Module):
    """Token ids (b, n) -> a row of a table for each, plus that of its position. Padding, id 0, becomes zeros."""

    def __init__(self, vocabulary, tokens, width, vectors=None):  #: vectors else def __init__(self, vocabulary, tokens, width):
        super().__init__()
        self.table = nn.Parameter(0.02 * torch.randn(vocabulary, vectors or width))  #: vectors
        self.proj = nn.Linear(vectors, width) if vectors else nn.Identity()  #: vectors
        self.table = nn.Parameter(0.02 * torch.randn(vocabulary, width))  #: not vectors
        self.positions = nn.Parameter(0.3 * torch.randn(tokens, width))

    def forward(self, ids):
        words = self.proj(F.embedding(ids, self.table))  #: vectors else words = F.embedding(ids, self.table)
        return (words + self.positions) * (ids != 0)[..., None]


class Encoder(nn.Module):
    """An embedding, blocks that mix its tokens, and a layer norm: tokens (b, n, width)."""

    def __init__(self, embed, blocks, width):
        super().__init__()
        self.embed, self.blocks, self.norm = embed, nn.ModuleList(blocks), nn.LayerNorm(width)

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        x = self.embed(x)
        for block in self.blocks:
            x = block(x, mask)  #: masked else x = block(x)
        return self.norm(x)
