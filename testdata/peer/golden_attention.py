"""Reference vectors of attention, transformers and cross-attention, made by PyTorch's own modules."""
import copy

import torch
import torch.nn.functional as F
from torch import nn

from golden import shake

PARTS = ("query", "key", "value")


def ours(name, tensor):
    """Our names of one of PyTorch's parameters (or its gradient), with their part of it."""
    before, _, last = name.rpartition(".")
    if last.startswith("in_proj_"):
        for part, piece in zip(PARTS, tensor.chunk(3)):
            yield f"{before}.{part}.{last.removeprefix('in_proj_')}".lstrip("."), piece
        return
    for old, new in (("out_proj", "output"), ("linear1", "mlp.fc1"), ("linear2", "mlp.fc2")):
        name = name.replace(old, new)
    yield name, tensor


def renamed(tensors):
    """Parameters or gradients by our names: those of a layer's attention are in a module self_attn."""
    return {k.replace("self_attn.", "attention."): v for name, t in tensors for k, v in ours(name, t)}


def mask_of(real, n):
    """A mask (b, n), 1 for the first tokens of each sample."""
    return (torch.arange(n)[None] < torch.tensor(real)[:, None]).double()


def case(w, seed, name, op, hyper, make, *shapes):
    """A case of a module made by make(), which maps inputs of the given shapes to y; the modules' dropout is 0."""
    w.seed(name, seed)
    net = make()
    shake(net)
    xs = [torch.randn(shape) for shape in shapes]
    label = (lambda i: "x") if len(xs) == 1 else (lambda i: f"x{i}")
    runs = []
    for dtype in (torch.float64, torch.float32):
        m = copy.deepcopy(net).to(dtype).train()
        leaves = [x.to(dtype).clone().requires_grad_() for x in xs]
        y = m(*leaves)
        if dtype is torch.float64:
            gy = torch.randn_like(y)
        y.backward(gy.float().to(dtype))
        got = {"y": y} | {"g" + label(i): x.grad for i, x in enumerate(leaves)}
        got |= {f"g.{k}": g for k, g in renamed((k, p.grad) for k, p in m.named_parameters()).items()}
        runs.append({k: v.detach().double().numpy() for k, v in got.items()})
    given = {label(i): x.numpy() for i, x in enumerate(xs)} | {"gy": gy.float().numpy()}
    given |= {f"p.{k}": p.detach().numpy() for k, p in renamed(net.named_parameters()).items()}
    # The shares do not depend on the bias of the keys: its gradient is rounding alone.
    keys = {k for k in runs[0] if k.endswith(".key.bias") or k == "g.key.bias"}
    for run in runs:
        run.update({k: 0 * run[k] for k in keys})
    w.save(name, op, hyper, given, *runs)


class Product(nn.Module):
    """F.scaled_dot_product_attention of inputs (b, n, d)."""

    def __init__(self, heads, mask=None):
        super().__init__()
        self.heads, self.mask = heads, mask

    def forward(self, q, k, v):
        q, k, v = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (q, k, v))
        mask = None if self.mask is None else self.mask.bool()[:, None, None]
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)


class Attention(nn.Module):
    """nn.MultiheadAttention of x to itself, or to y."""

    def __init__(self, d, heads, mask=None):
        super().__init__()
        self.inner, self.mask = nn.MultiheadAttention(d, heads, batch_first=True), mask

    def named_parameters(self, *args, **kwargs):
        return self.inner.named_parameters(*args, **kwargs)

    def forward(self, x, y=None):
        y = x if y is None else y
        return self.inner(x, y, y, key_padding_mask=None if self.mask is None else self.mask == 0, need_weights=False)[0]


def layer(d, heads, hidden, post):
    return nn.TransformerEncoderLayer(d, heads, hidden, dropout=0.0, activation="gelu", batch_first=True, norm_first=not post)


class Block(nn.Module):
    """nn.TransformerEncoderLayer; its parameters keep their own names."""

    def __init__(self, d, heads, hidden, post, mask=None):
        super().__init__()
        self.inner, self.mask = layer(d, heads, hidden, post), mask

    def named_parameters(self, *args, **kwargs):
        return self.inner.named_parameters(*args, **kwargs)

    def forward(self, x):
        return self.inner(x, src_key_padding_mask=None if self.mask is None else self.mask == 0)


def sinusoid(n, d):
    k = torch.arange(0, d, 2, dtype=torch.float64)
    angle = torch.arange(n, dtype=torch.float64)[:, None] / 10000.0 ** (k / d)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[:, :d]


class Transformer(nn.Module):
    """Patches or steps, positions, perhaps a class token, nn.TransformerEncoderLayers, and a norm if they are pre-norm."""

    def __init__(self, h, mask=None):
        super().__init__()
        d, self.mask, self.norm = h["d"], mask, None
        if h["kind"] == "map":
            self.embed = nn.Module()
            self.embed.proj = nn.Conv2d(h["shape"][0], d, h["patch"], h["patch"])
        elif h["kind"] == "sequence" and h["shape"][1] != d:
            self.embed = nn.Linear(h["shape"][1], d)
        n = h["n"]
        if h["positions"] == "learned":
            self.positions = nn.Parameter(torch.randn(n, d))
        if h["token"] == "class":
            self.class_token = nn.Parameter(torch.randn(1, d))
        self.blocks = nn.ModuleList(layer(d, h["heads"], h["hidden"], h["norm"] == "post") for _ in range(h["depth"]))
        if h["norm"] == "pre":
            self.norm = nn.LayerNorm(d)

    def forward(self, x):
        if x.dim() == 4:
            x = self.embed.proj(x).flatten(2).transpose(1, 2)
        elif hasattr(self, "embed"):
            x = self.embed(x)
        x = x + (self.positions if hasattr(self, "positions") else sinusoid(*x.shape[1:]).to(x))
        mask, token = self.mask, getattr(self, "class_token", None)
        if token is not None:
            x = torch.cat([token.expand(len(x), 1, -1), x], 1)
            mask = None if mask is None else F.pad(mask, (1, 0), value=1)
        for block in self.blocks:
            x = block(x, src_key_padding_mask=None if mask is None else mask == 0)
        x = x if token is None else x[:, :1]
        return x if self.norm is None else self.norm(x)


class FTBlock(nn.Module):
    def __init__(self, d, heads, hidden, first):
        super().__init__()
        self.norm1, self.norm2 = None if first else nn.LayerNorm(d), nn.LayerNorm(d)
        self.attention = nn.MultiheadAttention(d, heads, batch_first=True)
        self.value, self.gate, self.output = nn.Linear(d, hidden), nn.Linear(d, hidden), nn.Linear(hidden, d)

    def forward(self, x):
        y = x if self.norm1 is None else self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        y = self.norm2(x)
        return x + self.output(self.value(y) * F.relu(self.gate(y)))


class FTTransformer(nn.Module):
    """The class token may be anywhere: here it is the last one, as in the publication."""

    def __init__(self, f, d, heads, hidden, depth):
        super().__init__()
        self.features = nn.Module()
        self.features.weight, self.features.bias = nn.Parameter(torch.randn(f, d)), nn.Parameter(torch.randn(f, d))
        self.class_token = nn.Parameter(torch.randn(1, d))
        self.blocks = nn.ModuleList(FTBlock(d, heads, hidden, i == 0) for i in range(depth))
        self.norm = nn.LayerNorm(d)

    def forward(self, x):
        x = x[..., None] * self.features.weight + self.features.bias
        x = torch.cat([x, self.class_token.expand(len(x), 1, -1)], 1)
        for block in self.blocks:
            x = block(x)
        return F.relu(self.norm(x[:, -1:]))


class CrossAttention(nn.Module):
    """Each modality's tokens attend to those of the others; masks has one or None for each."""

    def __init__(self, d, heads, masks):
        super().__init__()
        self.masks = masks
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in masks)
        self.attentions = nn.ModuleList(nn.MultiheadAttention(d, heads, batch_first=True) for _ in masks)

    def forward(self, *tokens):
        normed, out = [norm(x) for norm, x in zip(self.norms, tokens)], []
        masks = [torch.ones(x.shape[:2]) if m is None else m for x, m in zip(tokens, self.masks)]
        for i, x in enumerate(tokens):
            rest = [j for j in range(len(tokens)) if j != i]
            keys, mask = torch.cat([normed[j] for j in rest], 1), torch.cat([masks[j] for j in rest], 1)
            x = x + self.attentions[i](normed[i], keys, keys, key_padding_mask=mask == 0, need_weights=False)[0]
            out.append(x * masks[i].to(x)[..., None])
        return torch.cat(out, 1)


def cases(w, s, seed):
    b, n, d, heads, c = s["b"], s["n"], s["d"] // 2, s["heads"], s["c"] // 2
    real = [n - 3 - i % 2 for i in range(b)]
    one = lambda b, n: [(b, n, d)] * 3
    for name, shapes, counts in (("attention", one(b, n), None), ("attention_cross", [(b, n + 2, d), (b, n, d), (b, n, d)], None),
                                 ("attention_mask", [(b, n - 1, d), (b, n, d), (b, n, d)], real), ("attention_one", one(1, 1), None),
                                 ("attention_one_key", [(b, n, d), (b, 1, d), (b, 1, d)], None)):
        mask = None if counts is None else mask_of(counts, n)
        case(w, seed, name, "attention", dict(heads=heads, real=counts), lambda: Product(heads, mask), *shapes)
    for name, shapes, counts in (("multi_head_attention", [(b, n, d)], None), ("multi_head_attention_mask", [(b, n, d)], real),
                                 ("multi_head_attention_cross", [(b, n - 3, d), (b, n, d)], real),
                                 ("multi_head_attention_one", [(1, 1, d)], None)):
        mask = None if counts is None else mask_of(counts, n)
        case(w, seed, name, "multi_head_attention", dict(d=d, heads=heads, real=counts), lambda: Attention(d, heads, mask), *shapes)
    for norm in ("pre", "post"):
        for suffix, shape, counts in (("", (b, n, d), None), ("_mask", (b, n, d), real), ("_one", (1, 1, d), None)):
            mask = None if counts is None else mask_of(counts, n)
            case(w, seed, f"transformer_block_{norm}{suffix}", "transformer_block", dict(d=d, heads=heads, hidden=c, norm=norm, real=counts),
                 lambda: Block(d, heads, c, norm == "post", mask), shape)
    side, patch = s["side"], s["patch"]
    base = dict(d=d, heads=heads, hidden=c, depth=2, patch=0, norm="pre", positions="learned", token="mean")
    image = dict(kind="map", depth=1, shape=[s["ch"], side, side + patch], n=side // patch * (side // patch + 1), patch=patch)
    series = dict(kind="sequence", shape=[n, 5], n=n)
    for name, more, counts in (("transformer_map", image, None), ("transformer_map_class", image | dict(token="class"), None),
                               ("transformer_sequence", series | dict(positions="sinusoidal", norm="post"), real),
                               ("transformer_sequence_class", series | dict(token="class", norm="post"), real),
                               ("transformer_same_width", series | dict(shape=[n, d], depth=1), None),
                               ("transformer_tokens", dict(kind="tokens", shape=[n, d], n=n, depth=1, token="class"), real),
                               ("transformer_one_step", dict(kind="sequence", shape=[1, 5], n=1, depth=1), None)):
        h = base | more | dict(real=counts)
        mask = None if counts is None else mask_of(counts, h["n"])
        case(w, seed, name, "transformer", h, lambda: Transformer(h, mask), (1 if h["n"] == 1 else b, *h["shape"]))
    for name, f, depth, batch in (("ft_transformer", 5, 2, b), ("ft_transformer_one_feature", 1, 1, 1), ("ft_transformer_one_block", n, 1, b)):
        h = dict(f=f, d=d, heads=heads, hidden=c - 1, depth=depth)
        case(w, seed, name, "ft_transformer", h, lambda: FTTransformer(**h), (batch, f))
    few = [max(1, k - 2) for k in real]
    for name, lengths, counts in (("cross_attention", [n, 3], [None, None]), ("cross_attention_mask", [n, n - 2], [real, few]),
                                  ("cross_attention_three", [n, 1, 4], [None, None, [4 - i % 2 for i in range(b)]]),
                                  ("cross_attention_one_token", [1, 1], [None, None])):
        masks = [None if k is None else mask_of(k, m) for k, m in zip(counts, lengths)]
        case(w, seed, name, "cross_attention", dict(d=d, heads=heads, reals=counts), lambda: CrossAttention(d, heads, masks),
             *[(b, m, d) for m in lengths])
