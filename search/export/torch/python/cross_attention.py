import torch
from torch import nn


class CrossAttention(nn.Module):
    """The tokens of each modality attend to those of all others (Yu et al. 2020)."""

    def __init__(self, modalities, width, heads, dropout=0.0):
        super().__init__()
        count = modalities if modalities > 1 else 0
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(count))
        self.attentions = nn.ModuleList(MultiHeadAttention(width, heads) for _ in range(count))
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens, masks):  #: masked else def forward(self, tokens):
        if len(tokens) == 1:
            return tokens[0], masks[0]  #: masked else return tokens[0]
        normed, fused = [norm(x) for norm, x in zip(self.norms, tokens)], []
        real = [x.new_ones(x.shape[:2]) if mask is None else mask for x, mask in zip(tokens, masks)]  #: masked
        for i, x in enumerate(tokens):
            keys = torch.cat(normed[:i] + normed[i + 1:], 1)
            x = x + self.dropout(self.attentions[i](normed[i], keys, torch.cat(real[:i] + real[i + 1:], 1)))  #: masked
            x = x + self.dropout(self.attentions[i](normed[i], keys))  #: not masked
            fused.append(x * real[i][..., None])  #: masked else fused.append(x)
        if all(mask is None for mask in masks):  #: masked
            return torch.cat(fused, 1), None  #: masked
        return torch.cat(fused, 1), torch.cat(real, 1)  #: masked else return torch.cat(fused, 1)
