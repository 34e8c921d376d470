import torch
import torch.nn.functional as F
from torch import nn


def sinusoid(n, width):
    """Positions (n, width): sines on even features, cosines on odd ones (Vaswani et al. 2017)."""
    k = torch.arange(0, width, 2, dtype=torch.float64)
    angle = torch.arange(n, dtype=torch.float64)[:, None] / 10000.0 ** (k / width)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[:, :width].float()


class HyperMixing(nn.Module):
    """HyperMixing (Mai et al. 2023): an MLP over the tokens, with weights w1 and w2 that are made from the tokens.

    Each head has its share of the features, and two small MLPs without biases: they make row i of w1 and of w2 from
    token i and its position. If tied, w2 is w1.
    """

    def __init__(self, width, hidden, heads=1, tied=False):
        super().__init__()
        self.heads = heads
        self.w1_fc1, self.w1_fc2 = self.generator(width // heads, hidden // heads)
        self.w2_fc1, self.w2_fc2 = (None, None) if tied else self.generator(width // heads, hidden // heads)
        self.norm = nn.LayerNorm(width)

    def generator(self, width, hidden):
        layers = torch.empty(self.heads, width, width), torch.empty(self.heads, hidden, width)
        for layer in layers:
            for head in layer:
                nn.init.xavier_uniform_(head, gain=2 ** 0.5)
        return [nn.Parameter(layer) for layer in layers]

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        b, n, d = x.shape
        if mask is not None:  #: masked
            x = x * mask[..., None]  #: masked
        positioned = (x + sinusoid(n, d).to(x)).view(b, n, self.heads, d // self.heads)

        def generate(fc1, fc2):  # (b, heads, n, hidden)
            hidden = F.gelu(torch.einsum("bnhk,hjk->bhnj", positioned, fc1))
            weights = torch.einsum("bhnj,htj->bhnt", hidden, fc2)  #: masked else return torch.einsum("bhnj,htj->bhnt", hidden, fc2)
            return weights if mask is None else weights * mask[:, None, :, None]  #: masked

        w1 = generate(self.w1_fc1, self.w1_fc2)
        w2 = w1 if self.w2_fc1 is None else generate(self.w2_fc1, self.w2_fc2)
        x = x.view(b, n, self.heads, d // self.heads).permute(0, 2, 3, 1)  # (b, heads, d / heads, n)
        x = F.gelu(x @ w1) @ w2.transpose(2, 3)
        return self.norm(x.permute(0, 3, 1, 2).reshape(b, n, d))


class HyperMixerBlock(nn.Module):
    """HyperMixing over the tokens, then an MLP over the features."""

    def __init__(self, width, token_width, channel_width, heads=1, tied=False, dropout=0.0):
        super().__init__()
        self.norm1, self.token_mix = nn.LayerNorm(width), HyperMixing(width, token_width, heads, tied)
        self.norm2, self.channel_mix = nn.LayerNorm(width), MLP(width, channel_width, dropout)

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        x = x + self.token_mix(self.norm1(x), mask)  #: masked else x = x + self.token_mix(self.norm1(x))
        return x + self.channel_mix(self.norm2(x))
