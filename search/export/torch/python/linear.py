import torch
import torch.nn.functional as F
from torch import nn


class Flat(nn.Module):
    """The whole input as one token (b, 1, features): with a head it is a linear model."""

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        return x.flatten(1)[:, None]


class Words(nn.Module):
    """A row of a table for each token id."""

    def __init__(self, vocabulary, width):
        super().__init__()
        self.table = nn.Parameter(0.02 * torch.randn(vocabulary, width))

    def forward(self, ids):
        return F.embedding(ids, self.table)


class WordMean(nn.Module):
    """Token ids (b, n) -> the mean of their rows of a table, one token (b, 1, width). Padding, id 0, does not count."""

    def __init__(self, vocabulary, width):
        super().__init__()
        self.embed = Words(vocabulary, width)

    def forward(self, ids, mask):
        return mean_token(self.embed(ids), mask)[:, None]
