"""PyTorch definitions of every module: the reference that this project is compared with.

The classes are the specification in executable form: `golden.py` writes the reference vectors from them and
`bench.py` times them. Shapes: b batch, n tokens, d features, t token-MLP width, c channel-MLP width, h heads.
All parameters are float32, all activations exact (erf) GELU unless the spec says otherwise.
"""
import functools
import math

import torch
import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    """(..., i) -> (..., o): fc2(drop(gelu(fc1 x)))."""

    def __init__(self, i, hidden, o=None, dropout=0.0, bias=True):
        super().__init__()
        self.fc1 = nn.Linear(i, hidden, bias=bias)
        self.fc2 = nn.Linear(hidden, o or i, bias=bias)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        return self.drop(self.fc2(self.drop(F.gelu(self.fc1(x)))))


class SimpleMLP(nn.Module):
    """Encoder for tables: (b, f) -> (b, 1, d): [linear, ReLU, dropout] k times, then linear to d; no norm, one token."""

    def __init__(self, f, hidden, d, k=2, dropout=0.0):
        super().__init__()
        widths = [f] + [hidden] * k
        self.hidden = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, widths[1:]))
        self.out, self.drop = nn.Linear(hidden, d), nn.Dropout(dropout)

    def forward(self, x):
        for layer in self.hidden:
            x = self.drop(F.relu(layer(x)))
        return self.out(x).unsqueeze(1)


class PatchEmbed2d(nn.Module):
    """(b, ch, H, W) -> (b, (H/p)(W/p), d): non-overlapping p x p patches, row-major, each projected by one matrix."""

    def __init__(self, channels, d, patch):
        super().__init__()
        self.proj = nn.Conv2d(channels, d, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class MixerBlock(nn.Module):
    """MLP-Mixer (Tolstikhin et al. 2021): x += token_mlp(LN x)^T ; x += channel_mlp(LN x)."""

    def __init__(self, n, d, t, c, dropout=0.0):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.token_mix, self.channel_mix = MLP(n, t, dropout=dropout), MLP(d, c, dropout=dropout)

    def forward(self, x):
        x = x + self.token_mix(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channel_mix(self.norm2(x))


@functools.lru_cache(maxsize=None)
def sinusoid(n, d, device=None, dtype=None):
    """(n, d) sinusoidal positions: sin on even features, cos on odd, wavelengths 10000^(2k/d)."""
    pos = torch.arange(n, dtype=torch.float64)[:, None]
    k = torch.arange(0, d, 2, dtype=torch.float64)
    ang = pos / (10000.0 ** (k / d))
    p = torch.zeros(n, d, dtype=torch.float64)
    p[:, 0::2] = ang.sin()
    p[:, 1::2] = ang.cos()[:, : d // 2]
    return p.to(device=device, dtype=dtype or torch.float32)


class HyperMixing(nn.Module):
    """HyperMixing (Mai et al. 2023), h heads over the feature axis: LN(concat_k W2_k gelu(W1_k^T x_k)).

    W1 = hyper1(x + P), W2 = hyper2(x + P) are generated per token and head; tied shares the generator, so W2 = W1.
    mask (b, n), 1 for real tokens: padded tokens are zeroed in x, and their rows in W1 and W2.
    """

    def __init__(self, d, t, heads=1, tied=False):
        super().__init__()
        assert d % heads == 0 and t % heads == 0
        self.heads, self.tied, dk, tk = heads, tied, d // heads, t // heads
        gens = ["w1"] if tied else ["w1", "w2"]
        for g in gens:  # one bias-free two-layer MLP dk -> dk -> tk per head
            self.register_parameter(g + "_fc1", nn.Parameter(torch.empty(heads, dk, dk)))
            self.register_parameter(g + "_fc2", nn.Parameter(torch.empty(heads, tk, dk)))
            for p in (getattr(self, g + "_fc1"), getattr(self, g + "_fc2")):
                bound = math.sqrt(2.0) * math.sqrt(6.0 / (p.shape[1] + p.shape[2]))  # Xavier uniform per head, gain sqrt 2
                nn.init.uniform_(p, -bound, bound)
        self.norm = nn.LayerNorm(d)

    def generate(self, g, x):
        """(b, n, h, dk) -> (b, h, n, tk)."""
        a = F.gelu(torch.einsum("bnhk,hjk->bhnj", x, getattr(self, g + "_fc1")))
        return torch.einsum("bhnj,htj->bhnt", a, getattr(self, g + "_fc2"))

    def forward(self, x, mask=None):
        b, n, d = x.shape
        if mask is not None:
            x = x * mask[..., None]
        xp = (x + sinusoid(n, d, x.device, x.dtype)).view(b, n, self.heads, -1)
        w1 = self.generate("w1", xp)
        w2 = w1 if self.tied else self.generate("w2", xp)
        if mask is not None:
            w1, w2 = w1 * mask[:, None, :, None], w2 * mask[:, None, :, None]
        v = x.view(b, n, self.heads, -1).permute(0, 2, 3, 1)          # (b, h, dk, n)
        y = F.gelu(v @ w1) @ w2.transpose(-1, -2)                     # (b, h, dk, n)
        return self.norm(y.permute(0, 3, 1, 2).reshape(b, n, d))


class HyperMixerBlock(nn.Module):
    """x += hypermixing(LN x) ; x += channel_mlp(LN x)."""

    def __init__(self, d, t, c, heads=1, tied=False, dropout=0.0):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.token_mix, self.channel_mix = HyperMixing(d, t, heads, tied), MLP(d, c, dropout=dropout)

    def forward(self, x, mask=None):
        x = x + self.token_mix(self.norm1(x), mask)
        return x + self.channel_mix(self.norm2(x))


def monarch_factors(n):
    """The factor pair (p, q), p <= q, of the smallest m >= n with q <= 2p; m = p q is the padded length."""
    m = n
    while True:
        p = max(i for i in range(1, math.isqrt(m) + 1) if m % i == 0)
        if m // p <= 2 * p:
            return p, m // p
        m += 1


class Monarch(nn.Module):
    """Monarch matrix of order m = p q over the last axis: block-diagonal, transpose, block-diagonal, transpose.

    View x as a p x q matrix (row-major): L multiplies each of the p rows by its own q x q block, R each of the q
    columns by its own p x p block. Weights are N(0, 1/block) so that the product keeps the variance of x.
    """

    def __init__(self, p, q):
        super().__init__()
        self.p, self.q = p, q
        self.L = nn.Parameter(torch.randn(p, q, q) / math.sqrt(q))
        self.R = nn.Parameter(torch.randn(q, p, p) / math.sqrt(p))

    def forward(self, x):
        y = x.view(*x.shape[:-1], self.p, self.q)
        y = torch.einsum("pij,...pj->...pi", self.L, y)
        y = torch.einsum("qij,...jq->...iq", self.R, y)
        return y.reshape(x.shape)


class MonarchBlock(nn.Module):
    """M2 layer (Fu et al. 2023): mix tokens, then features, with two Monarch matrices and a learned kernel each.

    u = M2(relu(Kn * M1 x^T))^T ; y = M4 relu(kd * M3 u) ; out = LN(y + u). Axes are zero-padded to Monarch orders
    on entry and cut back on exit.
    """

    def __init__(self, n, d):
        super().__init__()
        self.n, self.d = n, d
        (pn, qn), (pd, qd) = monarch_factors(n), monarch_factors(d)
        self.np, self.dp = pn * qn, pd * qd
        self.m1, self.m2, self.m3, self.m4 = Monarch(pn, qn), Monarch(pn, qn), Monarch(pd, qd), Monarch(pd, qd)
        self.n_kernel = nn.Parameter(torch.randn(self.dp, self.np))
        self.d_kernel = nn.Parameter(torch.randn(self.dp))
        self.norm = nn.LayerNorm(d)

    def forward(self, x):
        x = F.pad(x, (0, self.dp - self.d, 0, self.np - self.n))
        u = self.m2(F.relu(self.n_kernel * self.m1(x.transpose(1, 2)))).transpose(1, 2).contiguous()
        y = self.m4(F.relu(self.d_kernel * self.m3(u)))
        return self.norm((y + u)[:, : self.n, : self.d])


class StarReLU(nn.Module):
    """relu(x)^2 + b, b learned."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return F.relu(x).square() + self.bias


class RegionMix(nn.Module):
    """Region-aware mixing of RaMLP (Lai et al. 2023), on (b, H, W, d); k divides H and W, g divides e d.

    Branch 1: 1x1 to e d, 5x5 depthwise, then one shared (k k g)-square matrix over each dilated k x k region of g
    channels, batch norm. Branch 2: 1x1 to e d, batch norm. Their product goes through a 1x1 back to d.
    """

    def __init__(self, d, expansion=2, region=7, group=1):
        super().__init__()
        m = int(expansion * d)
        self.k, self.g = region, group
        self.pw1, self.pw2 = nn.Linear(d, m, bias=False), nn.Linear(d, m, bias=False)
        self.dw = nn.Conv2d(m, m, 5, padding=2, groups=m, bias=False)
        self.region = nn.Linear(region * region * group, region * region * group, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(m), nn.BatchNorm2d(m)
        self.proj = nn.Linear(m, d, bias=False)

    def forward(self, x):
        b, H, W, _ = x.shape
        k, g, hh, ww = self.k, self.g, H // self.k, W // self.k
        a = self.dw(self.pw1(x).permute(0, 3, 1, 2))
        m = a.shape[1]
        a = a.view(b, m // g, g, k, hh, k, ww).permute(0, 4, 6, 1, 2, 3, 5).reshape(b, hh * ww, m // g, g * k * k)
        a = self.region(a / (k * k * g))
        a = a.view(b, hh, ww, m // g, g, k, k).permute(0, 3, 4, 5, 1, 6, 2).reshape(b, m, H, W)
        gate = self.bn2(self.pw2(x).permute(0, 3, 1, 2))
        return self.proj((self.bn1(a) * gate).permute(0, 2, 3, 1))


class RaMLPBlock(nn.Module):
    """x += dw3x3(x) ; x = s1 x + region_mix(LN x) ; x = s2 x + fc2(starrelu(fc1(LN x)))."""

    def __init__(self, d, mlp_ratio=4, expansion=2, region=7, group=1, scaled=False):
        super().__init__()
        self.cpe = nn.Conv2d(d, d, 3, padding=1, groups=d, bias=False)
        self.norm1, self.norm2 = nn.LayerNorm(d, eps=1e-6), nn.LayerNorm(d, eps=1e-6)
        self.mix = RegionMix(d, expansion, region, group)
        self.fc1, self.act = nn.Linear(d, int(mlp_ratio * d), bias=False), StarReLU()
        self.fc2 = nn.Linear(int(mlp_ratio * d), d, bias=False)
        self.scale1 = nn.Parameter(torch.ones(d)) if scaled else None
        self.scale2 = nn.Parameter(torch.ones(d)) if scaled else None

    def forward(self, x):
        x = x + self.cpe(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        x = (x if self.scale1 is None else x * self.scale1) + self.mix(self.norm1(x))
        return (x if self.scale2 is None else x * self.scale2) + self.fc2(self.act(self.fc1(self.norm2(x))))


class Down(nn.Module):
    """Strided convolution between channel-last maps, layer norm before it (stages 2-4) or after it (stem)."""

    def __init__(self, i, o, kernel, stride, pad, norm_first):
        super().__init__()
        self.norm = nn.LayerNorm(i if norm_first else o, eps=1e-6)
        self.conv, self.norm_first = nn.Conv2d(i, o, kernel, stride, pad), norm_first

    def forward(self, x):
        x = self.norm(x) if self.norm_first else x
        x = self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x if self.norm_first else self.norm(x)


class RaMLP(nn.Module):
    """(b, ch, H, W) -> (b, tokens, dims[-1]): four stages; each cell of the last map is a token, then LN."""

    def __init__(self, channels, depths=(3, 3, 9, 3), dims=(64, 128, 256, 512), mlp_ratio=(4, 4, 3, 3),
                 expansion=(3, 3, 2, 2), region=(7, 4, 2, 1), group=(1, 4, 16, 64)):
        super().__init__()
        self.down, self.stages = nn.ModuleList(), nn.ModuleList()
        for s, d in enumerate(dims):
            self.down.append(Down(channels, d, 7, 4, 2, False) if s == 0 else Down(dims[s - 1], d, 3, 2, 1, True))
            self.stages.append(nn.Sequential(*[RaMLPBlock(d, mlp_ratio[s], expansion[s], region[s], group[s], s >= 2)
                                               for _ in range(depths[s])]))
        self.norm = nn.LayerNorm(dims[-1], eps=1e-6)
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(m.weight, std=0.02)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)

    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        for down, stage in zip(self.down, self.stages):
            x = stage(down(x))
        return self.norm(x.flatten(1, 2))


class Encoder(nn.Module):
    """embed -> blocks -> layer norm: tokens (b, n, d). `embed` is PatchEmbed2d for maps, Linear or None for sequences."""

    def __init__(self, embed, blocks, d):
        super().__init__()
        self.embed, self.blocks, self.norm = embed, nn.Sequential(*blocks), nn.LayerNorm(d)

    def forward(self, x):
        return self.norm(self.blocks(x if self.embed is None else self.embed(x)))


def blocks(kind, depth, n, d, t, c, heads=1, dropout=0.0):
    make = {"mlp_mixer": lambda: MixerBlock(n, d, t, c, dropout),
            "hyper_mixer": lambda: HyperMixerBlock(d, t, c, heads, dropout=dropout),
            "monarch_mixer": lambda: MonarchBlock(n, d)}[kind]
    return [make() for _ in range(depth)]


def image_encoder(kind, channels, size, patch, d, depth, t, c, heads=1, dropout=0.0):
    n = (size[0] // patch) * (size[1] // patch)
    return Encoder(PatchEmbed2d(channels, d, patch), blocks(kind, depth, n, d, t, c, heads, dropout), d)


def sequence_encoder(kind, length, features, d, depth, t, c, heads=1, dropout=0.0):
    embed = None if features == d else nn.Linear(features, d)
    return Encoder(embed, blocks(kind, depth, length, d, t, c, heads, dropout), d)


def fuse(name, tokens):
    """tokens: list of (b, n_i, d) with one d. concat stacks token axes; mean, max and sum zero-pad n to the largest."""
    if name == "concat":
        return torch.cat(tokens, 1)
    n = max(t.shape[1] for t in tokens)
    s = torch.stack([F.pad(t, (0, 0, 0, n - t.shape[1])) for t in tokens])
    return {"mean": s.mean, "sum": s.sum, "max": lambda dim: s.max(dim).values}[name](dim=0)


class Multimodal(nn.Module):
    """Encoders -> align to one width -> fusion function -> fusion network -> heads.

    Each modality m has logits z_m = head_m(mean_n tokens_m); the fused tokens give z_f. The prediction is
    (z_f + sum_m z_m) / (M + 1) ("mean", the searched model) or z_f alone ("fusion", M2-Mixer); the loss is the loss of
    the prediction plus that of every z_m.
    """

    def __init__(self, encoders, dims, d, fusion, network, classes, prediction="mean"):
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.align = nn.ModuleDict({m: nn.Identity() if dims[m] == d else nn.Linear(dims[m], d) for m in encoders})
        self.heads = nn.ModuleDict({m: nn.Linear(dims[m], classes) for m in encoders})
        self.fusion, self.network, self.head, self.prediction = fusion, network, nn.Linear(d, classes), prediction

    def forward(self, batch):
        tokens = {m: e(batch[m]) for m, e in self.encoders.items()}
        fused = self.network(fuse(self.fusion, [self.align[m](t) for m, t in tokens.items()]))
        z, zf = {m: self.heads[m](t.mean(1)) for m, t in tokens.items()}, self.head(fused.mean(1))
        return (zf if self.prediction == "fusion" else (zf + sum(z.values())) / (len(z) + 1)), z

    def loss(self, batch, labels, pos_weight=None):
        def criterion(logits):
            if labels.dim() == 1:
                return F.cross_entropy(logits, labels)
            return F.binary_cross_entropy_with_logits(logits, labels, pos_weight=pos_weight)
        prediction, z = self(batch)
        return criterion(prediction) + sum(criterion(v) for v in z.values())


def fusion_network(kind, n, d, depth, t, c, heads=1, dropout=0.0):
    return Encoder(None, blocks(kind, depth, n, d, t, c, heads, dropout), d)
