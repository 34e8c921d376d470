"""Times single modules in PyTorch: `python modules.py [--device cuda] [--tf32]`.

Prints one JSON object per module: {"name", "ms"}, the median time of a forward and a backward pass. The names are those
of kernels/bench/bench.cu, which times the same work.
"""
import argparse
import json

import torch
from torch import nn

import mixers as M
from bench import quartiles_ms


class ChannelMixing(nn.Module):
    """x + mlp(LN x), on rows."""

    def __init__(self, width, hidden):
        super().__init__()
        self.norm, self.mlp = nn.LayerNorm(width), M.MLP(width, hidden)

    def forward(self, x):
        return x + self.mlp(self.norm(x))


class TokenMixing(nn.Module):
    """x + mlp(LN x) along the tokens."""

    def __init__(self, tokens, width, hidden):
        super().__init__()
        self.norm, self.mlp = nn.LayerNorm(width), M.MLP(tokens, hidden)

    def forward(self, x):
        return x + self.mlp(self.norm(x).transpose(1, 2)).transpose(1, 2)


class Middle(nn.Module):
    """A Monarch matrix along the middle axis."""

    def __init__(self, p, q):
        super().__init__()
        self.monarch = M.Monarch(p, q)

    def forward(self, x):
        return self.monarch(x.transpose(1, 2)).transpose(1, 2)


class HyperMixing(M.HyperMixing):
    """HyperMixing without its final layer norm, which bench.cu does not time either."""

    def __init__(self, width, hidden):
        super().__init__(width, hidden)
        self.norm = nn.Identity()


def modules():
    """name -> (make module, input shape)."""
    out = {}
    for r, d, c in (4096, 128, 3072), (256, 128, 3072), (4096, 256, 3072):
        out[f"mlp forward+backward {r}x{d}x{c}"] = lambda d=d, c=c: ChannelMixing(d, c), (r, d)
    for b, n, d, t in (32, 4, 128, 32), (32, 8, 128, 32), (8, 512, 256, 32):
        make = lambda n=n, d=d, t=t: TokenMixing(n, d, t)
        out[f"token mixing forward+backward {b}x{n}x{d}x{t}"] = make, (b, n, d)
    for b, n, d, t in (32, 4, 128, 256), (32, 8, 128, 256), (8, 512, 256, 256):
        out[f"hyper mixing forward+backward {b}x{n}x{d}x{t}"] = lambda d=d, t=t: HyperMixing(d, t), (b, n, d)
    for b, p, q, d in (32, 2, 2, 128), (1, 8, 16, 128), (8, 16, 32, 256), (1, 16, 16, 4096):
        out[f"monarch forward+backward {b}x{p}x{q}x{d}"] = lambda p=p, q=q: Middle(p, q), (b, p * q, d)
    return out


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--device", default="cpu")
    p.add_argument("--tf32", action="store_true", help="allow tf32 matrix products on the GPU")
    p.add_argument("--seconds", type=float, default=1.0, help="time spent on each measurement")
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = a.tf32
    for name, (make, shape) in modules().items():
        torch.manual_seed(0)
        net = make().to(a.device)
        x = torch.randn(*shape, device=a.device, requires_grad=True)
        gradient = torch.randn(*shape, device=a.device)

        def run():
            net.zero_grad(set_to_none=True)
            x.grad = None
            net(x).backward(gradient)

        ms, spread = quartiles_ms(run, a.device, a.seconds)
        print(json.dumps(dict(name=name, ms=ms, spread_ms=spread, device=a.device, tf32=a.tf32)), flush=True)
