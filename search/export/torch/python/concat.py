import torch
from torch import nn


class Concat(nn.Module):
    """The tokens of all modalities, one after the other."""

    def forward(self, tokens, masks):  #: masked else def forward(self, tokens):
        if all(mask is None for mask in masks):  #: masked
            return torch.cat(tokens, 1), None  #: masked
        masks = [x.new_ones(x.shape[:2]) if mask is None else mask for x, mask in zip(tokens, masks)]  #: masked
        return torch.cat(tokens, 1), torch.cat(masks, 1)  #: masked else return torch.cat(tokens, 1)
