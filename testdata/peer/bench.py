"""Times the PyTorch peer: `python bench.py [CASE ...] [--threads 1] [--batch N] [--device cpu|cuda] [--compile]`.

Prints one JSON object per case: {"case", "batch", "threads", "device", "compile", "params", "step_ms", "infer_ms", ...}.
Times are medians, spreads are interquartile ranges. A step is zero_grad + forward + loss + backward + fused Adam (lr 1e-3)
on fixed random data; infer is one forward pass in evaluation mode without gradients. `mixmas bench --peer-cases --json`
times the same cases. Compare only figures that were taken alternating on one machine.
"""
import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

import golden_attention as A
import golden_convolution as C
import golden_tables as T
import mixers as M

AV = dict(d=128, depth=4, t=32, c=3072)
IMDB = dict(d=256, depth=4, t=32, c=3072)
MIMIC = dict(d=64, depth=1, t=16, c=64)
KINDS = ("mlp_mixer", "hyper_mixer", "monarch_mixer")


def width(kind, preset):
    """HyperMixer generates token MLPs 256 wide, as the published parameter count implies; the others keep the preset's t."""
    return preset | dict(t=256) if kind == "hyper_mixer" else preset


class Classifier(nn.Module):
    """Stage-2 model: one encoder, mean over tokens, linear head."""

    def __init__(self, encoder, d, classes):
        super().__init__()
        self.encoder, self.head = encoder, nn.Linear(d, classes)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))


class Recurrent(nn.Module):
    """The states of nn.GRU or nn.LSTM after each step."""

    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, x):
        return self.rnn(x)[0]


def image(kind, preset, channels, size, patch):
    return M.image_encoder(kind, channels, size, patch, **width(kind, preset))


def text(kind, preset, length, features):
    return M.sequence_encoder(kind, length, features, **width(kind, preset))


def full(kind):
    """The searched AV-MNIST model with one kind everywhere: both encoders, concat, two-block fusion network."""
    encoders = {"image": image(kind, AV, 1, (28, 28), 14), "audio": image(kind, AV, 1, (112, 112), 56)}
    network = M.fusion_network(kind, 8, 128, 2, width(kind, AV)["t"], 3072)
    return M.Multimodal(encoders, dict(image=128, audio=128), 128, "concat", network, 10)


def cases():
    """name -> (make model, input shape or {modality: shape}, classes, multi-label, default batch)."""
    av_image, av_audio, imdb_image, imdb_text, series = (1, 28, 28), (1, 112, 112), (3, 160, 256), (512, 768), (24, 12)
    out = {}
    for k in KINDS:
        single = lambda net, d, classes: lambda: Classifier(net(), d, classes)
        out[f"avmnist/image/{k}"] = single(lambda k=k: image(k, AV, 1, (28, 28), 14), 128, 10), av_image, 10, False, 32
        out[f"avmnist/audio/{k}"] = single(lambda k=k: image(k, AV, 1, (112, 112), 56), 128, 10), av_audio, 10, False, 32
        out[f"mmimdb/image/{k}"] = single(lambda k=k: image(k, IMDB, 3, (160, 256), 16), 256, 23), imdb_image, 23, True, 8
        out[f"mmimdb/text/{k}"] = single(lambda k=k: text(k, IMDB, 512, 768), 256, 23), imdb_text, 23, True, 8
        out[f"mimic/series/{k}"] = single(lambda k=k: text(k, MIMIC, 24, 12), 64, 6), series, 6, False, 32
    out["avmnist/image/ramlp"] = lambda: Classifier(M.RaMLP(1), 512, 10), av_image, 10, False, 32
    out["avmnist/audio/ramlp"] = lambda: Classifier(M.RaMLP(1, region=(7, 7, 7, 1)), 512, 10), av_audio, 10, False, 8
    for batch, steps, features, d in ((64, 128, 64, 64), (64, 32, 128, 128), (16, 400, 32, 64)):
        for k, cell in (("gru", nn.GRU), ("lstm", nn.LSTM)):
            make = lambda cell=cell, features=features, d=d: Classifier(Recurrent(cell(features, d, batch_first=True)), d, 6)
            out[f"series/{steps}x{features}/{k}"] = make, (steps, features), 6, False, batch
    pre = dict(norm="pre", positions="learned", token="mean")
    vit = dict(kind="map", shape=[1, 28, 28], n=49, d=128, depth=4, heads=4, hidden=512, patch=4) | pre
    steps = dict(kind="sequence", shape=[24, 12], n=24, d=64, depth=1, heads=4, hidden=128) | pre
    out["avmnist/image/transformer"] = lambda: Classifier(A.Transformer(vit), 128, 10), av_image, 10, False, 64
    out["mimic/series/transformer"] = lambda: Classifier(A.Transformer(steps), 64, 6), series, 6, False, 32
    out["table/ft_transformer"] = lambda: Classifier(A.FTTransformer(48, 64, 4, 85, 2), 64, 2), (48,), 2, False, 64
    cnn = dict(widths=(16, 32, 64), blocks=1, kernel=3, stem_kernel=3, strides=(1, 2, 2))
    out["avmnist/image/residual_cnn"] = lambda: Classifier(C.P["ResidualCNN"](1, **cnn), 64, 10), av_image, 10, False, 64
    dilated = lambda: C.P["DilatedCNN"](nn.Linear(12, 64), [C.P["DilatedBlock"](64, 3, d) for d in (1, 2, 4, 8)], 64)
    out["mimic/series/dilated_cnn"] = lambda: Classifier(dilated(), 64, 6), series, 6, False, 32
    for k, c in (("gmlp", 256), ("resmlp", 512)):
        h = dict(architecture=k, kind="map", shape=[1, 28, 28], n=49, d=128, depth=4, c=c, patch=4)
        out[f"avmnist/image/{k}"] = lambda h=h: Classifier(T.Encoder(h), 128, 10), av_image, 10, False, 64
    out["table/residual_mlp"] = lambda: Classifier(T.ResidualMLP(48, 128, 256, 2, 8), 128, 2), (48,), 2, False, 64
    for k in KINDS[:2]:
        out[f"avmnist/full/{k}"] = lambda k=k: full(k), dict(image=av_image, audio=av_audio), 10, False, 32
    return out


def quartiles_ms(run, device, seconds):
    """Median time of a run, and the interquartile range."""
    for _ in range(3):
        run()
    sync = torch.cuda.synchronize if device == "cuda" else lambda: None
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        sync()
        t = time.perf_counter()
        run()
        sync()
        times.append(1e3 * (time.perf_counter() - t))
    first, median, third = statistics.quantiles(times, n=4)
    return round(median, 4), round(third - first, 4)


def bench(name, a):
    make, shape, classes, many, batch = cases()[name]
    batch = a.batch or batch
    torch.manual_seed(0)
    net = make().to(a.device)
    data = lambda s: torch.randn(batch, *s, device=a.device)
    x = {k: data(s) for k, s in shape.items()} if isinstance(shape, dict) else data(shape)
    y = torch.randint(0, classes, (batch,), device=a.device) if not many else \
        (torch.rand(batch, classes, device=a.device) < 0.1).float()
    criterion = F.binary_cross_entropy_with_logits if many else F.cross_entropy
    loss = (lambda x, y: net.loss(x, y)) if isinstance(x, dict) else (lambda x, y: criterion(net(x), y))
    infer = net.forward
    if a.compile:
        loss, infer = torch.compile(loss, mode=a.mode), torch.compile(infer, mode=a.mode)
    opt = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)

    def step():
        opt.zero_grad(set_to_none=not a.keep_grads)
        loss(x, y).backward()
        opt.step()

    def forward():
        with torch.no_grad():
            infer(x)

    step_ms, step_spread = quartiles_ms(step, a.device, a.seconds)
    net.eval()
    infer_ms, infer_spread = quartiles_ms(forward, a.device, a.seconds)
    return dict(case=name, batch=batch, threads=torch.get_num_threads(), device=a.device, compile=a.compile, tf32=a.tf32,
                mode=a.mode if a.compile else "", params=sum(p.numel() for p in net.parameters()), step_ms=step_ms,
                step_spread_ms=step_spread, infer_ms=infer_ms, infer_spread_ms=infer_spread, torch=torch.__version__)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("case", nargs="*")
    p.add_argument("--list", action="store_true")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--batch", type=int, default=0, help="0: 32, or 8 for the largest cases")
    p.add_argument("--device", default="cpu")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--mode", default="default", help="torch.compile mode; reduce-overhead captures CUDA graphs")
    p.add_argument("--keep-grads", action="store_true", help="zero gradients in place, as captured graphs may need")
    p.add_argument("--tf32", action="store_true", help="allow tf32 matrix products on the GPU")
    p.add_argument("--seconds", type=float, default=3.0, help="time spent on each measurement")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = a.tf32
    for name in cases() if a.list else a.case or cases():
        print(name if a.list else json.dumps(bench(name, a)), flush=True)
