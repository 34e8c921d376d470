import torch
from torch import nn


def real_only(x, mask):
    """Steps or tokens x (b, n, d) with zeros where the mask (b, n) is 0; None: all are real."""
    return x if mask is None else x * mask[..., None]


def as_tokens(x):
    """The cells of maps (b, d, height, width), or tables (b, d), as tokens (b, n, d)."""
    return x.flatten(2).transpose(1, 2) if x.dim() == 4 else x[:, None]


class Stack(nn.Module):
    """Layers one after another. Maps are (b, d, height, width), all else is steps or tokens (b, n, d).

    Before the layer with number tokens, what it gets becomes tokens.
    """

    masks = True  #: masked

    def __init__(self, *layers, tokens=None):
        super().__init__()
        self.layers, self.tokens = nn.ModuleList(layers), tokens

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        for i, layer in enumerate(self.layers):
            x = as_tokens(x) if i == self.tokens else x
            x = layer(x)  #: not masked
            if hasattr(layer, "masks"):  # it gets the mask of its steps, and returns that of the result  #: masked
                x, mask = layer(x, mask)  #: masked
            else:  #: masked
                x = layer(x)  #: masked
        return x, mask  #: masked else return x


class Layers(Stack):
    """What the last layer gives, as tokens (b, n, d)."""

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        x, own = super().forward(x, mask)  #: masked else x = super().forward(x)
        x = x if x.dim() == 3 else as_tokens(x)  #: masked else return x if x.dim() == 3 else as_tokens(x)
        return x if own is None or own.shape[1] == mask.shape[1] else real_only(x, own)  #: masked


class Residual(Stack):
    """x + layers(x)."""

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        return x + super().forward(x, mask)[0], mask  #: masked else return x + super().forward(x)


class Repeat(nn.ModuleList):
    """Stacks one after another."""

    masks = True  #: masked

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        for stack in self:
            x, mask = stack(x, mask)  #: masked else x = stack(x)
        return x, mask  #: masked else return x


class CellLinear(nn.Linear):
    """A linear layer over the channels of maps."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class CellNorm(nn.LayerNorm):
    """A layer norm over the channels of maps."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class CellMLP(MLP):
    """An MLP over the channels of maps."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class TokenBatchNorm(nn.BatchNorm1d):
    """A batch norm of each feature of tokens (b, n, d)."""

    def forward(self, x):
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class StepConv(nn.Conv1d):
    """A convolution over the steps (b, n, d)."""

    masks = True  #: masked

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        x = real_only(x, mask)  #: masked
        x = super().forward(x.transpose(1, 2)).transpose(1, 2)
        return x, None if mask is None else mask[:, :: self.stride[0]]  #: masked else return x


class Embedding(nn.Module):
    """Tokens of the input."""

    def __init__(self, embed):
        super().__init__()
        self.embed = embed

    def forward(self, x):
        x = self.embed(x)
        return x if x.dim() == 3 else x[:, None]


class Positions(nn.Module):
    """Adds something to each token for its place, which is learned if there is a number of tokens."""

    def __init__(self, width, tokens=None):
        super().__init__()
        self.positions = nn.Parameter(0.02 * torch.randn(tokens, width)) if tokens else None

    def forward(self, x):
        return x + (sinusoid(*x.shape[1:]).to(x) if self.positions is None else self.positions)


class MixerLayer(MixerBlock):
    """A mixer block over real tokens, with zeros in the place of others."""

    masks = True  #: masked

    def forward(self, x, mask=None):  #: masked
        return super().forward(real_only(x, mask), mask), mask  #: masked


class TransformerLayer(TransformerBlock):
    """A transformer block over real tokens, with zeros in the place of others."""

    masks = True  #: masked

    def forward(self, x, mask=None):  #: masked
        return super().forward(real_only(x, mask), mask), mask  #: masked


class AttentionLayer(MultiHeadAttention):
    """Attention of tokens to each other."""

    masks = True  #: masked

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        return super().forward(x, x, mask), mask  #: masked else return super().forward(x, x)


class RecurrentLayer(Recurrent):
    """Recurrent cells, which leave out steps that are not real."""

    masks = True  #: masked

    def forward(self, x, mask=None):  #: masked
        return super().forward(x, mask), mask  #: masked


class Pool(nn.Module):
    """The mean or the largest of the squares of maps, or of neighbouring steps or tokens; without a size, of all."""

    masks = True  #: masked

    def __init__(self, size=None, largest=False):
        super().__init__()
        self.size, self.largest = size, largest

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        if x.dim() == 4:
            (b, d, height, width), (down, right) = x.shape, (self.size or x.shape[2], self.size or x.shape[3])
            x = x.reshape(b, d, height // down, down, width // right, right)
            x = x.amax((3, 5)) if self.largest else x.mean((3, 5))
            return x, mask  #: masked else return x
        x = x.unflatten(1, (-1, self.size or x.shape[1]))
        if mask is None:  #: masked
            return (x.amax(2) if self.largest else x.mean(2)), mask  #: masked
        return x.amax(2) if self.largest else x.mean(2)  #: not masked
        mask = mask.unflatten(1, (-1, x.shape[2]))  #: masked
        real = mask.amax(2)  #: masked
        if self.largest:  #: masked
            x = x.masked_fill(mask[..., None] == 0, torch.finfo(x.dtype).min).amax(2) * real[..., None]  #: masked
        else:  #: masked
            x = (x * mask[..., None]).sum(2) / mask.sum(2, keepdim=True).clamp(min=1)  #: masked
        return x, real  #: masked
