import torch
from torch import nn


class Affine(nn.Module):
    """A factor and an offset for each feature."""

    def __init__(self, width):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x):
        return x * self.weight + self.bias


class ResMLPBlock(nn.Module):
    """ResMLP (Touvron et al. 2021): a linear layer over the tokens, then an MLP over the features, without norms."""

    def __init__(self, tokens, width, hidden, scale, dropout=0.0):
        super().__init__()
        self.affine1, self.spatial, self.affine2 = Affine(width), nn.Linear(tokens, tokens), Affine(width)
        self.mlp = MLP(width, hidden, dropout)
        self.scale1, self.scale2 = (nn.Parameter(torch.full((width,), scale)) for _ in range(2))

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        y = self.affine1(x)
        if mask is not None:  #: masked
            y = y * mask[..., None]  #: masked
        x = x + self.scale1 * self.spatial(y.transpose(1, 2)).transpose(1, 2)
        return x + self.scale2 * self.mlp(self.affine2(x))


class ResMLP(Encoder):
    """An encoder with factors and offsets in the place of the last norm."""

    def __init__(self, embed, blocks, width):
        super().__init__(embed, blocks, width)
        self.norm = Affine(width)
