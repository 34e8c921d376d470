import torch
import torch.nn.functional as F
from torch import nn


class MultiHeadAttention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017) of tokens x (b, n, width) to y (b, m, width)."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.output = nn.Linear(width, width), nn.Linear(width, width)

    def split(self, x):
        """The heads' shares of the features: (b, heads, n, width / heads)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x, y, mask=None):  #: masked else def forward(self, x, y):
        q, k, v = self.split(self.query(x)), self.split(self.key(y)), self.split(self.value(y))
        scores = q @ k.transpose(2, 3) / q.shape[-1] ** 0.5  # (b, heads, n, m)
        shares = scores.softmax(-1)  #: not masked
        if mask is None:  #: masked
            shares = scores.softmax(-1)  #: masked
        else:  # a sample without real tokens has no shares  #: masked
            real = mask[:, None, None] != 0  #: masked
            shares = scores.masked_fill(~real, torch.finfo(scores.dtype).min).softmax(-1) * real  #: masked
        return self.output((shares @ v).transpose(1, 2).flatten(2))


class TransformerBlock(nn.Module):
    """Attention over the tokens, then an MLP over the features, each behind a layer norm or, if post, before one."""

    def __init__(self, width, heads, hidden, post=False, dropout=0.0):
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), MultiHeadAttention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width), MLP(width, hidden, dropout)
        self.post, self.dropout = post, nn.Dropout(dropout)

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        y = x if self.post else self.norm1(x)
        x = x + self.dropout(self.attention(y, y, mask))  #: masked else x = x + self.dropout(self.attention(y, y))
        if self.post:
            x = self.norm1(x)
            return self.norm2(x + self.mlp(x))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """Tokens with positions through blocks. With a class token, that alone is the result."""

    def __init__(self, embed, blocks, width, positions=None, sinusoidal=False, class_token=False, norm=True):
        super().__init__()
        self.embed, self.blocks, self.sinusoidal = embed, nn.ModuleList(blocks), sinusoidal
        self.positions = nn.Parameter(0.02 * torch.randn(positions, width)) if positions else None
        self.class_token = nn.Parameter(0.02 * torch.randn(1, width)) if class_token else None
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        x = self.embed(x)
        if self.positions is not None:
            x = x + self.positions
        elif self.sinusoidal:
            x = x + sinusoid(*x.shape[1:]).to(x)
        if self.class_token is not None:
            x = torch.cat([self.class_token.expand(len(x), 1, -1), x], 1)
            if mask is not None:  #: masked
                mask = F.pad(mask, (1, 0), value=1.0)  #: masked
        for block in self.blocks:
            x = block(x, mask)  #: masked else x = block(x)
        return self.norm(x if self.class_token is None else x[:, :1])
