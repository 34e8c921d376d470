import torch
from torch import nn


def mean_token(x, mask=None):
    """The mean (b, d) of tokens (b, n, d), or of those whose mask (b, n) is 1; zeros if there are none."""
    if mask is None:
        return x.mean(1)
    return (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)


def encode(name, encoder, inputs):
    """A modality's tokens (b, n, d) and their mask (b, n), 1 for real ones, or None if all are."""  #: not lacking
    """A modality's tokens (b, n, d), their mask (b, n), and which rows have it (b, 1). None: all."""  #: lacking
    x, mask = inputs[name], inputs.get(name + ".mask")
    if mask is None:
        return encoder(x), None, None  #: lacking else return encoder(x), None
    if INPUTS[name].kind == "sequence":  #: sequences lacking
        x = encoder(x, mask)  #: sequences lacking
        return x, mask if mask.shape[1] == x.shape[1] else None, None  #: sequences lacking
    x = encoder(x, mask)  #: not lacking
    return x, mask if mask.shape[1] == x.shape[1] else None  #: not lacking
    present = mask.amax(1, keepdim=True)  #: lacking
    x = encoder(x, mask) if INPUTS[name].kind == "text" else encoder(x)  #: texts rows
    x = encoder(x, mask)  #: texts not rows
    x = encoder(x)  #: rows not texts
    if mask.shape[1] != x.shape[1]:  #: lacking
        mask = present.expand(-1, x.shape[1])  #: lacking
    return x * mask[..., None], mask, present  #: lacking
