"""Vectors of convolutions, by nn.Conv2d and nn.Conv1d, and of the encoders made of them, in the form in which they are exported."""
import pathlib

import torch
from torch import nn

from golden import Masked

EXPORT = pathlib.Path(__file__).parents[2] / "search/export/torch/python"
P = {}
for source in ("encoding", "residual_cnn", "dilated_cnn"):
    exec((EXPORT / f"{source}.py").read_text(), P)


def cases(w, s, seed):
    b, ch = s["b"], s["ch"]
    for name, shape, out, settings in (  # settings: kernel, stride, padding, dilation, bias
            ("conv2d", (b, ch, 8, 7), 5, ((3, 3), (1, 1), (1, 1), (1, 1), True)),
            ("conv2d_stride", (b + 1, 2 * ch, 9, 7), 6, ((3, 3), (2, 2), (1, 1), (1, 1), False)),
            ("conv2d_rectangular", (b, ch, 7, 5), 3, ((2, 3), (2, 1), (1, 3), (1, 2), True)),
            ("conv2d_one_cell", (1, 4, 1, 1), 5, ((3, 3), (1, 1), (1, 1), (1, 1), True)),
            ("conv2d_shortcut", (b, 6, 5, 6), 7, ((1, 1), (2, 2), (0, 0), (1, 1), False)),
            ("conv2d_patches", (b, 3, 8, 9), 4, ((3, 3), (3, 3), (0, 0), (1, 1), True)),
            ("conv2d_panels", (b, 16, 5, 4), 17, ((1, 3), (1, 1), (0, 1), (1, 1), False))):
        w.seed(name, seed)
        kernel, stride, padding, dilation, bias = settings
        w.module(name, "conv2d", dict(out=out, kernel=kernel, stride=stride, padding=padding, dilation=dilation, bias=bias),
                 nn.Conv2d(shape[1], out, kernel, stride, padding, dilation, bias=bias), torch.randn(shape))
    for name, shape, out, kernel, dilation in (
            ("conv1d", (b, 4, 11), 5, 3, 2), ("conv1d_one_step", (1, 3, 1), 4, 3, 1), ("conv1d_far", (b, 3, 5), 4, 3, 8)):
        w.seed(name, seed)
        w.module(name, "conv1d", dict(out=out, kernel=kernel, dilation=dilation),
                 nn.Conv1d(shape[1], out, kernel, padding=dilation * (kernel // 2), dilation=dilation), torch.randn(shape))
    for name, channels, out, stride, size in (("residual_block", 4, 4, 1, (b + 1, 4, 5, 3)), ("residual_block_stride", 3, 5, 2, (b + 1, 3, 7, 4))):
        for suffix, evaluate in (("", False), ("_evaluate", True)):
            w.seed(name + suffix, seed)
            w.module(name + suffix, "residual_block", dict(out=out, kernel=3, stride=stride), P["ResidualBlock"](channels, out, 3, stride),
                     torch.randn(size), evaluate=evaluate)
    for name, shape, hyper, made in (
            ("residual_cnn", (b + 1, ch, 9, 5), dict(width=8, stages=3, blocks=1, kernel=3, tokens=6),
             dict(widths=(2, 4, 8), blocks=1, kernel=3, stem_kernel=3, strides=(1, 2, 2))),
            ("residual_cnn_stem", (b + 1, ch, 9, 9), dict(width=4, stages=1, blocks=2, kernel=3, tokens=9),
             dict(widths=(4,), blocks=2, kernel=3, stem_kernel=7, strides=(4,)))):
        for suffix, evaluate in (("", False), ("_evaluate", True)):
            w.seed(name + suffix, seed)
            w.module(name + suffix, "residual_cnn", hyper, P["ResidualCNN"](shape[1], **made), torch.randn(shape), evaluate=evaluate)
    for name, n, kernel, dilation, causal, real in (
            ("dilated_block", 7, 3, 2, False, None), ("dilated_block_mask", 7, 3, 2, False, 5), ("dilated_block_causal", 6, 2, 4, True, 4)):
        w.seed(name, seed)
        block, hyper = P["DilatedBlock"](6, kernel, dilation, causal), dict(d=6, kernel=kernel, dilation=dilation, causal=causal)
        dilated(w, name, "dilated_block", hyper, block, torch.randn(b, n, 6), real)
    for name, n, features, real in (("dilated_cnn", 9, 4, None), ("dilated_cnn_mask", 9, 4, 6), ("dilated_cnn_one_step", 1, 3, None)):
        w.seed(name, seed)
        steps = (1, 2, 4, 8, 1) if n > 1 else (1,) * 5
        embed = nn.Linear(features, 5)
        net = P["DilatedCNN"](embed, [P["DilatedBlock"](5, 3, d) for d in steps], 5)
        dilated(w, name, "dilated_cnn", dict(width=5, depth=5, kernel=3), net, torch.randn(b, n, features), real)


def dilated(w, name, op, hyper, net, x, real):
    """A case with a number of real steps in the first row and fewer in each next one; None: all are."""
    if real is not None:
        count = [max(real - i, 0) for i in range(len(x))]
        net = Masked(net, (torch.arange(x.shape[1])[None] < torch.tensor(count)[:, None]).float())
        hyper = hyper | dict(real_tokens=count)
    w.module(name, op, hyper, net, x)
