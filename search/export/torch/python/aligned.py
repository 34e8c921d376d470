import torch
import torch.nn.functional as F
from torch import nn


def aligned(tokens, masks):  #: masked else def aligned(tokens):
    """The tokens of all modalities (modalities, b, n, d), padded with zeros to the largest number."""
    tokens = [x if mask is None else x * mask[..., None] for x, mask in zip(tokens, masks)]  #: masked
    n = max(x.shape[1] for x in tokens)
    return torch.stack([F.pad(x, (0, 0, 0, n - x.shape[1])) for x in tokens])


class Mean(nn.Module):
    """The mean of the modalities' tokens, position by position."""

    def forward(self, tokens, masks):  #: masked else def forward(self, tokens):
        return aligned(tokens, masks).mean(0), None  #: masked else return aligned(tokens).mean(0)


class Max(nn.Module):
    """The largest of the modalities' tokens, position by position and feature by feature."""

    def forward(self, tokens, masks):  #: masked else def forward(self, tokens):
        return aligned(tokens, masks).amax(0), None  #: masked else return aligned(tokens).amax(0)


class Sum(nn.Module):
    """The sum of the modalities' tokens, position by position."""

    def forward(self, tokens, masks):  #: masked else def forward(self, tokens):
        return aligned(tokens, masks).sum(0), None  #: masked else return aligned(tokens).sum(0)
