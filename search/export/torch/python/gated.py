import torch
from torch import nn


class Gated(nn.Module):
    """The tokens of all modalities, each feature times a gate of 0 to 1 (Arevalo et al. 2017).

    The gates are those of the token itself, or of the mean of the modalities' mean tokens."""

    def __init__(self, modalities, width, mean=False):
        super().__init__()
        self.gates, self.mean = nn.ModuleList(nn.Linear(width, width) for _ in range(modalities)), mean

    def context(self, tokens, masks):  #: masked else def context(self, tokens):
        means = torch.stack([mean_token(x, mask) for x, mask in zip(tokens, masks)], 1)  #: masked
        present = [x.new_ones(len(x)) if mask is None else mask.amax(1) for x, mask in zip(tokens, masks)]  #: masked
        return mean_token(means, torch.stack(present, 1))[:, None]  #: masked
        return torch.stack([x.mean(1) for x in tokens]).mean(0)[:, None]  #: not masked

    def forward(self, tokens, masks):  #: masked else def forward(self, tokens):
        of = [self.context(tokens, masks)] * len(tokens) if self.mean else tokens  #: masked
        of = [self.context(tokens)] * len(tokens) if self.mean else tokens  #: not masked
        fused = torch.cat([x * torch.sigmoid(gate(c)) for x, gate, c in zip(tokens, self.gates, of)], 1)
        if all(mask is None for mask in masks):  #: masked
            return fused, None  #: masked
        real = [x.new_ones(x.shape[:2]) if mask is None else mask for x, mask in zip(tokens, masks)]  #: masked
        return fused, torch.cat(real, 1)  #: masked else return fused
