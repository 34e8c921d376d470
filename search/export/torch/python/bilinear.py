import torch
from torch import nn


class Bilinear(nn.Module):
    """The product of the modalities' tokens by a tensor of low rank, position by position (Liu et al. 2018)."""

    def __init__(self, modalities, width, rank):
        super().__init__()
        self.factors, self.rank = nn.ModuleList(nn.Linear(width, rank * width) for _ in range(modalities)), rank

    def forward(self, tokens, masks):  #: masked else def forward(self, tokens):
        tokens = aligned(tokens, masks)  #: masked else tokens = aligned(tokens)
        product = torch.stack([factor(x) for factor, x in zip(self.factors, tokens)]).prod(0)
        fused = product.unflatten(-1, (self.rank, -1)).sum(-2)
        return fused, None  #: masked else return fused
