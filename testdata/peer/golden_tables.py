"""Reference vectors of gMLP, ResMLP, the residual MLP of tables, and the fusion functions gated and bilinear."""
import math

import torch
import torch.nn.functional as F
from torch import nn

import mixers as M
from golden_attention import mask_of


class GMLPBlock(nn.Module):
    """Liu et al. 2021, algorithm 1: one projection to u and v, whose weights are kept as two, and the spatial gating unit."""

    def __init__(self, n, d, c, mask=None):
        super().__init__()
        self.norm, self.gate_norm, self.mask = nn.LayerNorm(d), nn.LayerNorm(c), mask
        self.value, self.gate, self.spatial, self.output = nn.Linear(d, c), nn.Linear(d, c), nn.Linear(n, n), nn.Linear(c, d)

    def forward(self, x):
        weight, bias = (torch.cat([getattr(self.value, k), getattr(self.gate, k)]) for k in ("weight", "bias"))
        u, v = F.gelu(F.linear(self.norm(x), weight, bias)).chunk(2, -1)
        v = self.gate_norm(v)
        if self.mask is not None:
            v = v.masked_fill(self.mask[..., None] == 0, 0)
        v = F.conv1d(v, self.spatial.weight[..., None], self.spatial.bias)
        return x + self.output(u * v)


class Affine(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))

    def forward(self, x):
        return torch.addcmul(self.bias, self.weight, x)


class ResMLPBlock(nn.Module):
    """Layers_scale_mlp_blocks of the code of Touvron et al. 2021."""

    def __init__(self, n, d, c, mask=None):
        super().__init__()
        self.affine1, self.spatial, self.affine2, self.mlp = Affine(d), nn.Linear(n, n), Affine(d), M.MLP(d, c)
        self.scale1, self.scale2 = nn.Parameter(0.1 * torch.ones(d)), nn.Parameter(0.1 * torch.ones(d))
        self.mask = mask

    def forward(self, x):
        y = self.affine1(x)
        if self.mask is not None:
            y = y.masked_fill(self.mask[..., None] == 0, 0)
        x = x + self.scale1 * self.spatial(y.transpose(1, 2)).transpose(1, 2)
        return x + self.scale2 * self.mlp(self.affine2(x))


BLOCKS = {"gmlp": (GMLPBlock, nn.LayerNorm), "resmlp": (ResMLPBlock, Affine)}


class Encoder(nn.Module):
    """Patches or steps, blocks and a last norm."""

    def __init__(self, h, mask=None):
        super().__init__()
        block, norm = BLOCKS[h["architecture"]]
        if h["kind"] == "map":
            self.embed = nn.Module()
            self.embed.proj = nn.Conv2d(h["shape"][0], h["d"], h["patch"], h["patch"])
        elif h["kind"] == "sequence" and h["shape"][1] != h["d"]:
            self.embed = nn.Linear(h["shape"][1], h["d"])
        self.blocks = nn.ModuleList(block(h["n"], h["d"], h["c"], mask) for _ in range(h["depth"]))
        self.norm = norm(h["d"])

    def forward(self, x):
        if x.dim() == 4:
            x = self.embed.proj(x).flatten(2).transpose(1, 2)
        elif hasattr(self, "embed"):
            x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class PiecewiseLinear(nn.Module):
    """Gorishniy et al. 2022: all components are cut to 0 to 1, but the first not from below and the last not from above."""

    def __init__(self, f, bins):
        super().__init__()
        self.slope, self.offset = nn.Parameter(1 + torch.rand(f, bins)), nn.Parameter(torch.randn(f, bins))
        self.least = torch.tensor([-math.inf] + [0.0] * (bins - 1))
        self.most = torch.tensor([1.0] * (bins - 1) + [math.inf])

    def forward(self, x):
        z = torch.addcmul(self.offset, self.slope, x[..., None])
        return torch.minimum(torch.maximum(z, self.least.to(x)), self.most.to(x)).flatten(1)


class TableBlock(nn.Module):
    def __init__(self, d, c):
        super().__init__()
        self.norm, self.fc1, self.fc2 = nn.BatchNorm1d(d), nn.Linear(d, c), nn.Linear(c, d)

    def forward(self, x):
        return x + self.fc2(F.relu(self.fc1(self.norm(x))))


class ResidualMLP(nn.Module):
    """The ResNet of Gorishniy et al. 2021 up to its last layer."""

    def __init__(self, f, d, c, depth, bins):
        super().__init__()
        if bins:
            self.embed = PiecewiseLinear(f, bins)
        self.first = nn.Linear(f * max(bins, 1), d)
        self.blocks, self.norm = nn.ModuleList(TableBlock(d, c) for _ in range(depth)), nn.BatchNorm1d(d)

    def forward(self, x):
        x = self.first(self.embed(x) if hasattr(self, "embed") else x)
        for block in self.blocks:
            x = block(x)
        return F.relu(self.norm(x))[:, None]


class Gated(nn.Module):
    """The gates of a modality's tokens are decided by the tokens, or by the mean of the modalities' means."""

    def __init__(self, d, context, masks):
        super().__init__()
        self.context, self.masks = context, masks
        self.gates = nn.ModuleList(nn.Linear(d, d) for _ in masks)

    def mean(self, tokens):
        rows = []
        for row in range(len(tokens[0])):
            means = []
            for x, mask in zip(tokens, self.masks):
                real = x[row] if mask is None else x[row][mask[row] == 1]
                if len(real):
                    means.append(real.mean(0))
            rows.append(torch.stack(means).mean(0) if means else 0 * tokens[0][row].sum(0))
        return torch.stack(rows)[:, None]

    def forward(self, *tokens):
        mean = self.mean(tokens) if self.context == "mean" else None
        return torch.cat([x * torch.sigmoid(gate(x if mean is None else mean)) for x, gate in zip(tokens, self.gates)], 1)


class Bilinear(nn.Module):
    """Low-rank multimodal fusion as its authors wrote it: a one before each token, and a factor (rank, 1+d, d) per modality."""

    def __init__(self, d, rank, masks):
        super().__init__()
        self.rank, self.masks = rank, masks
        self.factors = nn.ModuleList(nn.Linear(d, rank * d) for _ in masks)

    def forward(self, *tokens):
        n, product = max(x.shape[1] for x in tokens), 1
        for x, mask, layer in zip(tokens, self.masks, self.factors):
            if mask is not None:
                x = x.masked_fill(mask[..., None] == 0, 0)
            x = F.pad(x, (0, 0, 0, n - x.shape[1]))
            x = torch.cat([torch.ones_like(x[..., :1]), x], -1)[:, None]
            factor = torch.cat([layer.bias[:, None], layer.weight], 1).unflatten(0, (self.rank, -1)).transpose(1, 2)
            product = product * (x @ factor)
        return product.sum(1)


def cases(w, s, seed):
    b, n, d, c = s["b"], s["n"], s["d"] // 2, s["c"] // 2
    side, patch = s["side"], s["patch"]
    real = [n - 3 - i % 2 for i in range(b)]
    none = real[:-1] + [0]  # a sample without real tokens
    image = dict(kind="map", shape=[s["ch"], side, side + patch], n=side // patch * (side // patch + 1), patch=patch, depth=1)
    for architecture in BLOCKS:
        base = dict(architecture=architecture, kind="tokens", shape=[n, d], n=n, d=d, c=c, depth=1, patch=0, real=None)
        for suffix, more, batch in (("", {}, b), ("_mask", dict(real=real, depth=2), b), ("_none", dict(real=none), b),
                                    ("_map", image, b), ("_sequence", dict(kind="sequence", shape=[n, 5], depth=2), b),
                                    ("_one", dict(shape=[1, d], n=1), 1), ("_one_feature", dict(shape=[n, 1], d=1, c=1), b)):
            h, name = base | more, architecture + suffix
            w.seed(name, seed)
            mask = None if h["real"] is None else mask_of(h["real"], h["n"])
            w.module(name, "token_mlp", h, Encoder(h, mask), torch.randn(batch, *h["shape"]))
    for name, f, depth, bins, batch, evaluate in (
            ("residual_mlp", 5, 2, 0, b + 1, False), ("residual_mlp_evaluate", 5, 2, 0, b, True), ("residual_mlp_bins", 5, 1, 7, b + 4, False),
            ("residual_mlp_bins_evaluate", 3, 1, 2, 1, True), ("residual_mlp_one_bin", n, 1, 1, b + 1, False),
            ("residual_mlp_one_feature", 1, 1, 0, b + 1, False)):
        h = dict(f=f, d=d, c=c, depth=depth, bins=bins)
        w.seed(name, seed)
        w.module(name, "residual_mlp", h, ResidualMLP(**h), torch.randn(batch, f), evaluate=evaluate)
    few = [max(1, k - 2) for k in real]
    for suffix, lengths, counts in (("", [n, 3], [None, None]), ("_mask", [n, n - 2], [real, few]),
                                    ("_three", [n, 1, 4], [none, [i % 2 for i in range(b)], [0] * b]),
                                    ("_one_token", [1, 1], [None, None]), ("_one_modality", [n], [real])):
        masks = [None if k is None else mask_of(k, m) for k, m in zip(counts, lengths)]
        for kind, h, make in (("gated", dict(context="token"), Gated), ("gated_mean", dict(context="mean"), Gated),
                              ("bilinear", dict(rank=3), Bilinear)):
            name = kind + suffix
            w.seed(name, seed)
            net = make(d, *h.values(), masks)
            w.module(name, kind.removesuffix("_mean"), h | dict(reals=counts), net, *[torch.randn(b, m, d) for m in lengths])
