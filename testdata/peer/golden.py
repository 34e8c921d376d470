"""Writes reference vectors: `python golden.py --out DIR [--seed S] [--sizes small|odd] [--only MODULE]`.

The cases of this file come first, then those of the modules golden_*.py beside it: `cases(writer, sizes, seed)` adds them. There
each case draws its numbers after `writer.seed(name, seed)`, so that a new one changes no other. `--only attention` writes those of
golden_attention.py into a folder that has the others, and leaves these as they are: another PyTorch rounds differently.

One NAME.npz per case, and one manifest.json for all. In a module case x (or x0, x1, ...) is the input, p.* the parameters,
b0.* buffers before the pass, y the output, gy the gradient sent in, gx the gradient that comes back for x, g.* those of
the parameters, b.* buffers after the pass (batch norm's running statistics). Everything is computed in float64 and
stored as float32. `atol` gives each array its own absolute tolerance: 16 times the error that float32 arithmetic itself
shows against float64, and at least 1e-6 of the array's largest magnitude. Arrays named in `zero` vanish by construction
(a bias just before a layer norm, for example): their tolerance is relative to the case.
"""
import argparse
import copy
import importlib
import json
import pathlib
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import mixers as M


class Writer:
    def __init__(self, out):
        self.out, self.cases = pathlib.Path(out), []
        self.out.mkdir(parents=True, exist_ok=True)

    @staticmethod
    def seed(name, seed):
        """Makes PyTorch's generator that of a case."""
        torch.manual_seed(zlib.crc32(name.encode()) ^ seed)

    def save(self, name, op, hyper, given, want, other=None, **notes):
        """given: inputs; want: float64 results; other: the same in float32 (absent: exact to rounding); notes: for people."""
        want = {k: np.asarray(v, np.float64) for k, v in want.items()}
        peak = {k: float(np.abs(v).max()) if v.size else 0.0 for k, v in want.items()}
        top = max(peak.values())
        zero = [k for k in want if k.startswith(("g", "gx")) and peak[k] < 1e-9 * top]
        atol = {}
        for k, v in want.items():
            err = 0.0 if other is None else float(np.abs(v - np.asarray(other[k], np.float64)).max())
            atol[k] = max(16 * err, 1e-6 * (top if k in zero else peak[k]), 1e-12)
            if k.endswith("running_mean"):  # a mean may cancel: measure it in standard deviations
                atol[k] = max(atol[k], 2e-6 * peak[k.replace("running_mean", "running_var")] ** 0.5)
        arrays = {k: np.ascontiguousarray(v) for k, v in given.items()}
        arrays |= {k: v if k == "lr" else v.astype(np.float32) for k, v in want.items()}
        np.savez_compressed(self.out / f"{name}.npz", **arrays)
        self.cases.append(dict(name=name, op=op, hyper=hyper, shapes={k: list(np.shape(v)) for k, v in arrays.items()},
                               atol=atol, zero=zero, **notes))

    def module(self, name, op, hyper, net, *xs, evaluate=False):
        """Runs net forward and backward in float64 and float32, in training mode unless evaluate."""
        shake(net)
        runs = []
        for dtype in (torch.float64, torch.float32):
            m = copy.deepcopy(net).to(dtype).train(not evaluate)
            leaves = [x.to(dtype).clone().requires_grad_() for x in xs]
            y = m(*leaves)
            if dtype is torch.float64:
                gy = torch.randn_like(y)
            y.backward(gy.float().to(dtype))
            got = {"y": y, **{("gx" if len(xs) == 1 else f"gx{i}"): v.grad for i, v in enumerate(leaves)}}
            got |= {f"g.{k}": p.grad for k, p in m.named_parameters()} | buffers(m, "b.")
            runs.append({k: v.detach().double().numpy() for k, v in got.items()})
        given = {("x" if len(xs) == 1 else f"x{i}"): x.numpy() for i, x in enumerate(xs)} | {"gy": gy.float().numpy()}
        given |= {k: v.numpy() for k, v in parameters(net).items()} | {k: v.numpy() for k, v in buffers(net, "b0.").items()}
        self.save(name, op, hyper | (dict(mode="evaluate") if evaluate else {}), given, *runs)


def shake(net):
    """Move every value away from 0 and 1, or a parameter or buffer that is ignored would go unnoticed."""
    for p in net.parameters():
        p.data += 0.1 * torch.randn_like(p)
    for k, v in net.named_buffers():
        if k.endswith("running_mean"):
            v += 0.3 * torch.randn_like(v)
        elif k.endswith("running_var"):
            v *= torch.rand_like(v) + 0.5


def parameters(net):
    return {f"p.{k}": p.detach() for k, p in net.named_parameters()}


def buffers(net, prefix):
    return {prefix + k: v.detach() for k, v in net.named_buffers() if v.is_floating_point()}


class Fuse(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.name = name

    def forward(self, *tokens):
        return M.fuse(self.name, list(tokens))


class Masked(nn.Module):
    """A block under a fixed mask; its parameters keep the block's own names."""

    def __init__(self, block, mask):
        super().__init__()
        self.block, self.mask = block, mask

    def named_parameters(self, *args, **kwargs):
        return self.block.named_parameters(*args, **kwargs)

    def forward(self, x):
        return self.block(x, self.mask.to(x.dtype))


SIZES = {  # b, n, d, t, c, heads, image side, patch, channels
    "small": dict(b=3, n=8, d=16, t=8, c=32, heads=2, side=8, patch=4, ch=3),
    "odd": dict(b=1, n=11, d=30, t=9, c=37, heads=3, side=21, patch=7, ch=1),
}


def write(out, seed, sizes):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    s, w = SIZES[sizes], Writer(out)
    layers(w, s)
    mixers(w, s)
    ramlp(w, s, sizes)
    losses(w, rng)
    multimodal(w, s)
    training(w, s)
    optimisers(w)
    plateau(w, rng)
    metrics(w, rng)
    philox(w, seed)
    softmax(w)
    embedding(w)
    for module in sorted(pathlib.Path(__file__).parent.glob("golden_*.py")):
        importlib.import_module(module.stem).cases(w, s, seed)
    manifest(w, seed, sizes, w.cases)


def write_only(out, seed, sizes, module):
    """Replaces the cases of one module in a folder."""
    old = json.loads((pathlib.Path(out) / "manifest.json").read_text())
    if (old["seed"], old["sizes"]) != (seed, sizes):
        raise SystemExit(f"golden.py: {out} has seed {old['seed']} and {old['sizes']} sizes")
    w = Writer(out)
    importlib.import_module(f"golden_{module}").cases(w, SIZES[sizes], seed)
    for case in w.cases:
        case["torch"] = torch.__version__
    kept = [case for case in old["cases"] if case["name"] not in {c["name"] for c in w.cases}]
    manifest(w, seed, sizes, kept + w.cases, old["torch"])


def manifest(w, seed, sizes, cases, version=torch.__version__):
    (w.out / "manifest.json").write_text(json.dumps(dict(seed=seed, sizes=sizes, torch=version, cases=cases), indent=1))


def layers(w, s):
    b, n, d, t, c = (s[k] for k in ("b", "n", "d", "t", "c"))
    x = torch.randn(b, n, d)
    w.module("layer_norm", "layer_norm", dict(d=d, eps=1e-5), nn.LayerNorm(d), x)
    w.module("layer_norm_offset", "layer_norm", dict(d=d, eps=1e-5), nn.LayerNorm(d), x + 100)
    for name, evaluate in (("batch_norm", False), ("batch_norm_evaluate", True)):
        w.module(name, "batch_norm", dict(channels=5, eps=1e-5, momentum=0.1), nn.BatchNorm2d(5),
                 torch.randn(b + 1, 5, 4, 3) + 100, evaluate=evaluate)
    w.module("linear", "linear", dict(i=d, o=c), nn.Linear(d, c), x)
    w.module("gelu", "gelu", {}, nn.GELU(), 3 * x)
    w.module("mlp", "mlp", dict(d=d, c=c), M.MLP(d, c), x)
    w.module("simple_mlp", "simple_mlp", dict(f=5, hidden=c, d=d, k=2), M.SimpleMLP(5, c, d), torch.randn(b + 1, 5))
    w.module("patch_embed", "patch_embed", dict(channels=s["ch"], d=d, patch=s["patch"]),
             M.PatchEmbed2d(s["ch"], d, s["patch"]), torch.randn(b, s["ch"], s["side"], s["side"] + s["patch"]))
    for f in ("concat", "mean", "max", "sum"):
        w.module(f"fuse_{f}", "fuse", dict(function=f), Fuse(f), torch.randn(b, n, d), torch.randn(b, n + 2, d),
                 torch.randn(b, 1, d))


def mixers(w, s):
    b, n, d, t, c, h = (s[k] for k in ("b", "n", "d", "t", "c", "heads"))
    x = torch.randn(b, n, d)
    w.module("mixer_block", "mixer_block", dict(n=n, d=d, t=t, c=c), M.MixerBlock(n, d, t, c), x)
    for heads, tied in ((1, False), (h, False), (h, True)):
        name = f"hyper_mixing_h{heads}{'_tied' if tied else ''}"
        w.module(name, "hyper_mixing", dict(d=d, t=t, heads=heads, tied=tied), M.HyperMixing(d, t, heads, tied), x)
    w.module("hyper_mixer_block", "hyper_mixer_block", dict(d=d, t=t, c=c, heads=h), M.HyperMixerBlock(d, t, c, h), x)
    real = [n - 3 - i % 2 for i in range(b)]
    mask = (torch.arange(n)[None] < torch.tensor(real)[:, None]).float()
    w.module("hyper_mixer_block_mask", "hyper_mixer_block", dict(d=d, t=t, c=c, heads=h, real_tokens=real),
             Masked(M.HyperMixerBlock(d, t, c, h), mask), x)
    p, q = M.monarch_factors(n)
    w.module("monarch", "monarch", dict(p=p, q=q), M.Monarch(p, q), torch.randn(b, d, p * q))
    w.module("monarch_block", "monarch_block", dict(n=n, d=d), M.MonarchBlock(n, d), x)
    w.module("monarch_block_padded", "monarch_block", dict(n=13, d=22), M.MonarchBlock(13, 22), torch.randn(b, 13, 22))
    for kind in ("mlp_mixer", "hyper_mixer", "monarch_mixer"):
        hyper = dict(kind=kind, channels=s["ch"], side=s["side"], patch=s["patch"], d=d, depth=2, t=t, c=c, heads=h)
        net = M.image_encoder(kind, s["ch"], (s["side"], s["side"]), s["patch"], d, 2, t, c, h)
        w.module(f"encoder_{kind}", "image_encoder", hyper, net, torch.randn(b, s["ch"], s["side"], s["side"]))


TINY_RAMLP = dict(depths=[1, 1, 1, 1], dims=[4, 8, 16, 16], mlp_ratio=[2, 2, 2, 2], expansion=[2, 2, 2, 2],
                  region=[7, 4, 2, 1], group=[1, 2, 4, 8])


def ramlp(w, s, sizes):
    b = max(s["b"], 2)
    side, k, g = (14, 7, 1) if sizes == "small" else (6, 3, 4)
    x = torch.randn(b, side, side, 8)
    for name, evaluate in (("region_mix", False), ("region_mix_evaluate", True)):
        w.module(name, "region_mix", dict(d=8, expansion=2, region=k, group=g), M.RegionMix(8, 2, k, g), x, evaluate=evaluate)
    w.module("ramlp_block", "ramlp_block", dict(d=8, mlp_ratio=3, expansion=2, region=k, group=g, scaled=True),
             M.RaMLPBlock(8, 3, 2, k, g, True), x)
    hyper = dict(channels=s["ch"]) | TINY_RAMLP
    for name, evaluate in (("ramlp", False), ("ramlp_evaluate", True)):
        w.module(name, "ramlp", hyper, M.RaMLP(**hyper), torch.randn(b, s["ch"], 28, 28), evaluate=evaluate)


def losses(w, rng):
    many = (rng.random((13, 7)) < 0.3).astype(np.float32)
    weight = rng.uniform(0.5, 8, 7).astype(np.float32)
    for scale, suffix in ((1.0, ""), (1e4, "_extreme")):
        z = (scale * torch.randn(13, 7)).float()
        one = torch.from_numpy(rng.integers(0, 7, 13))
        table = (("cross_entropy", one, {}), ("bce_with_logits", torch.from_numpy(many), {}),
                 ("bce_with_logits_weighted", torch.from_numpy(many), dict(pos_weight=torch.from_numpy(weight))))
        for name, y, extra in table:
            runs = []
            for dtype in (torch.float64, torch.float32):
                v = z.to(dtype).clone().requires_grad_()
                to = {k: e.to(dtype) for k, e in extra.items()}
                loss = F.cross_entropy(v, y) if y.dim() == 1 else F.binary_cross_entropy_with_logits(v, y.to(dtype), **to)
                loss.backward()
                runs.append(dict(y=loss.item(), gx=v.grad.numpy()))
            given = dict(x=z.numpy(), labels=y.numpy()) | {k: e.numpy() for k, e in extra.items()}
            w.save(name + suffix, name.removesuffix("_weighted"), {}, given, *runs)


def multimodal(w, s):
    """Loss, prediction and gradients of whole models: 1 to 3 modalities, every fusion, aligned widths, both predictions."""
    b, d, t, c, h = max(s["b"], 2), s["d"], s["t"], s["c"], s["heads"]
    image_n = (s["side"] // s["patch"]) ** 2
    image = lambda width: M.image_encoder("mlp_mixer", s["ch"], (s["side"],) * 2, s["patch"], width, 1, t, c)
    series = lambda width: M.sequence_encoder("hyper_mixer", 5, 12, width, 1, t, c, h)
    table = lambda width: M.SimpleMLP(6, c, width)
    data = {"image": torch.randn(b, s["ch"], s["side"], s["side"]), "series": torch.randn(b, 5, 12), "table": torch.randn(b, 6)}
    tokens = {"image": image_n, "series": 5, "table": 1}
    make = {"image": image, "series": series, "table": table}
    for name, widths, fusion, network, prediction, many in (
            ("multimodal", dict(image=d, series=d), "concat", "mlp_mixer", "mean", False),
            ("multimodal_m2", dict(image=d, series=d), "concat", "mlp_mixer", "fusion", False),
            ("multimodal_one", dict(series=d), "concat", "hyper_mixer", "mean", False),
            ("multimodal_three", dict(image=2 * d, series=d, table=d // 2), "mean", "hyper_mixer", "mean", True),
            ("multimodal_max", dict(image=d, table=2 * d), "max", "mlp_mixer", "mean", True)):
        classes, width = 5, max(widths.values())
        counts = [tokens[m] for m in widths]
        n = sum(counts) if fusion == "concat" else max(counts)
        net = M.Multimodal({m: make[m](v) for m, v in widths.items()}, widths, width, fusion,
                           M.fusion_network(network, n, width, 1, t, c, 2 if width % 2 == 0 and t % 2 == 0 else 1), classes, prediction)
        shake(net)
        labels = (torch.rand(b, classes) < 0.4).float() if many else torch.randint(0, classes, (b,))
        weight = torch.rand(classes) * 5 + 0.5 if many else None
        runs = []
        for dtype in (torch.float64, torch.float32):
            m, batch = copy.deepcopy(net).to(dtype), {k: data[k].to(dtype) for k in widths}
            loss = m.loss(batch, labels.to(dtype) if many else labels, None if weight is None else weight.to(dtype))
            loss.backward()
            y, z = m(batch)
            got = {"loss": loss, "y": y} | {f"z.{k}": v for k, v in z.items()} | {f"g.{k}": p.grad for k, p in m.named_parameters()}
            runs.append({k: v.detach().double().numpy() for k, v in got.items()})
        given = {f"x.{k}": data[k].numpy() for k in widths} | {k: v.numpy() for k, v in parameters(net).items()}
        given |= {"labels": labels.numpy()} | ({} if weight is None else {"pos_weight": weight.numpy()})
        hyper = dict(widths=widths, d=width, fusion=fusion, network=network, prediction=prediction, t=t, c=c, heads=h,
                     network_heads=2 if width % 2 == 0 and t % 2 == 0 else 1, patch=s["patch"], classes=classes, hidden=c)
        w.save(name, "multimodal", hyper, given, *runs)


def training(w, s):
    """20 Adam steps of a three-modality model with batch norm, a short last batch in each epoch, then an evaluation."""
    d, t, c, classes, sizes = 16, 8, 24, 4, (6, 6, 6, 2)
    ramlp = M.RaMLP(1, **TINY_RAMLP)
    net = M.Multimodal({"image": ramlp, "series": M.sequence_encoder("hyper_mixer", 5, 12, d, 1, t, c, 2),
                        "table": M.SimpleMLP(6, c, d)}, dict(image=16, series=d, table=d), d, "concat",
                       M.fusion_network("mlp_mixer", 7, d, 1, t, c), classes)
    total = sum(sizes)
    data = {"image": torch.randn(total, 1, 28, 28), "series": torch.randn(total, 5, 12), "table": torch.randn(total, 6)}
    labels, runs = torch.randint(0, classes, (total,)), []
    for dtype in (torch.float64, torch.float32):
        m = copy.deepcopy(net).to(dtype).train()
        opt, losses = torch.optim.Adam(m.parameters(), lr=1e-3), []
        for _ in range(5):
            for at, size in zip(np.cumsum((0,) + sizes), sizes):
                opt.zero_grad()
                loss = m.loss({k: v[at:at + size].to(dtype) for k, v in data.items()}, labels[at:at + size])
                loss.backward()
                opt.step()
                losses.append(loss.item())
        m.eval()
        with torch.no_grad():
            y, _ = m({k: v.to(dtype) for k, v in data.items()})
        got = {f"p1.{k}": p.detach() for k, p in m.named_parameters()} | buffers(m, "b.") | {"y": y}
        runs.append({k: v.double().numpy() for k, v in got.items()} | {"losses": np.array(losses)})
    given = {f"x.{k}": v.numpy() for k, v in data.items()} | {"labels": labels.numpy()}
    given |= {k: v.numpy() for k, v in parameters(net).items()} | {k: v.numpy() for k, v in buffers(net, "b0.").items()}
    w.save("training", "training", dict(lr=1e-3, epochs=5, batches=list(sizes), d=d, t=t, c=c, heads=2, classes=classes,
                                        hidden=c, ramlp=dict(channels=1) | TINY_RAMLP), given, *runs)


def optimisers(w):
    """5 steps with given gradients; adam_l2 adds weight decay to the gradient, adamw decouples it."""
    adam = dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    for name, cls, hyper in (("adam", torch.optim.Adam, adam), ("adam_l2", torch.optim.Adam, adam | dict(lr=1e-2, weight_decay=0.1)),
                             ("adamw", torch.optim.AdamW, adam | dict(lr=1e-2, weight_decay=0.05)),
                             ("sgd_momentum", torch.optim.SGD, dict(lr=1e-2, momentum=0.9, weight_decay=0.01))):
        p = nn.Parameter(torch.randn(6, 5, dtype=torch.float64))
        p0, grads, trace, opt = p.detach().clone(), torch.randn(5, 6, 5, dtype=torch.float64), [], cls([p], **hyper)
        for g in grads:
            p.grad = g.clone()
            opt.step()
            trace.append(p.detach().clone())
        w.save(name, name, hyper, dict(p=p0.float().numpy(), grads=grads.float().numpy()), dict(trace=torch.stack(trace).numpy()))


def plateau(w, rng):
    """ReduceLROnPlateau: the learning rate after each epoch's validation loss."""
    values = np.concatenate([np.linspace(1, 0.5, 6), 0.5 + 0.00001 * rng.random(9), [0.3], 0.31 + 0 * np.arange(8)])
    opt = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1e-2)
    sched, lrs = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.1, patience=2), []
    for v in values:
        sched.step(float(v))
        lrs.append(opt.param_groups[0]["lr"])
    w.save("plateau", "plateau", dict(lr=1e-2, factor=0.1, patience=2, threshold=1e-4, mode="min"), dict(values=values), dict(lr=lrs))


def metrics(w, rng):
    """scikit-learn's figures, zero_division=0; one class never occurs and one is never predicted."""
    from sklearn import metrics as sk
    y = rng.choice([0, 1, 2, 4], 200, p=[0.5, 0.3, 0.15, 0.05])
    score = rng.dirichlet(np.ones(5), 200) + 0.5 * np.eye(5)[y] * (rng.random((200, 1)) < 0.6)
    score[:, 4] = 0.01 * score[:, 4]
    score = (score / score.sum(1, keepdims=True)).astype(np.float32).astype(np.float64)
    pred = score.argmax(1)
    out = dict(accuracy=sk.accuracy_score(y, pred), balanced_accuracy=np.mean([np.mean(pred[y == k] == k) for k in np.unique(y)]))
    for avg in ("micro", "macro", "weighted"):
        p, r, f, _ = sk.precision_recall_fscore_support(y, pred, labels=range(5), average=avg, zero_division=0)
        out |= {f"precision_{avg}": p, f"recall_{avg}": r, f"f1_{avg}": f}
    seen = np.unique(y)
    auc = np.array([sk.roc_auc_score(y == k, score[:, k]) for k in seen])
    out |= dict(auroc_macro=auc.mean(), auroc_weighted=float((auc * np.bincount(y, minlength=5)[seen]).sum() / len(y)))
    w.save("metrics_multiclass", "metrics_multiclass", dict(classes=5, auroc="one against the rest, over classes that occur"),
           dict(labels=y, scores=score.astype(np.float32)), out)
    y = (rng.random((150, 6)) < [0.5, 0.3, 0.2, 0.1, 0.02, 0.0]).astype(np.int64)
    score = np.clip(0.35 * y + 0.65 * rng.random((150, 6)), 0, 1).round(2)
    pred = (score > 0.5).astype(np.int64)
    out = dict(accuracy=sk.accuracy_score(y, pred), hamming_accuracy=float((y == pred).mean()))
    for avg in ("micro", "macro", "weighted"):
        p, r, f, _ = sk.precision_recall_fscore_support(y, pred, average=avg, zero_division=0)
        out |= {f"precision_{avg}": p, f"recall_{avg}": r, f"f1_{avg}": f}
    seen = y.any(0) & ~y.all(0)
    auc = np.array([sk.roc_auc_score(y[:, k], score[:, k]) for k in np.flatnonzero(seen)])
    out |= dict(auroc_macro=auc.mean(), auroc_weighted=float((auc * y[:, seen].sum(0)).sum() / y[:, seen].sum()))
    w.save("metrics_multilabel", "metrics_multilabel", dict(labels=6, threshold=0.5, accuracy="subset",
                                                            auroc="over labels that have both values"),
           dict(labels=y, scores=score), out)


def philox4x32(counter, key, rounds=10):
    """Philox4x32-10 (Salmon et al. 2011): four 32-bit words from a 128-bit counter and a 64-bit key."""
    c, k, mask = list(counter), list(key), 0xFFFFFFFF
    for _ in range(rounds):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & mask, (a >> 32) ^ c[3] ^ k[1], a & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return c


def philox(w, seed):
    """Words for a few counters, and the dropout mask for 37 elements at p = 0.3."""
    assert philox4x32([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]  # Random123's known answer
    counters = [[0, 0, 0, 0], [0xFFFFFFFF] * 4, [1, 2, 3, seed]]
    keys = [[0, 0], [0xFFFFFFFF] * 2, [seed, 5]]
    words = [philox4x32(c, k) for c, k in zip(counters, keys)]
    p, step, op, key = 0.3, 7, 11, [seed, 99]
    limit = round(p * 2**32)
    keep = [int(philox4x32([i // 4, 0, step, op], key)[i % 4] >= limit) for i in range(37)]
    given = dict(counters=np.array(counters, np.uint32), keys=np.array(keys, np.uint32), words=np.array(words, np.uint32))
    w.save("philox", "philox", dict(p=p, step=step, operation=op, key=key), given, dict(keep=keep))


def softmax(w):
    """Softmax of the last axis, of elements whose mask is not 0. Formulas, and inputs that are formulas too: no library's."""
    for name, shape, masked, scale in (("softmax", (3, 8, 16), None, 3), ("softmax_extreme", (2, 3, 7), None, 1e4),
                                       ("softmax_mask", (3, 2, 5, 5), (3, 5), 3)):
        i = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
        x, gy = (scale * np.sin(1.7 * i)).astype(np.float32), np.cos(2.3 * i).astype(np.float32)
        given, counts = dict(x=x), np.ones(shape, bool)
        if masked:  # the first sample's leaves nothing
            k = np.arange(np.prod(masked)).reshape(masked)
            given["mask"] = ((k % 3 > 0) & (k >= shape[-1])).astype(np.float32)
            counts = np.broadcast_to(given["mask"][:, None, None] != 0, shape)
        top = np.where(counts, x.astype(np.float64), -np.inf).max(-1, keepdims=True)
        e = np.where(counts, np.exp(np.where(counts, x - np.where(np.isinf(top), 0, top), 0)), 0)
        y = e / np.maximum(e.sum(-1, keepdims=True), 1)
        gx = y * (gy - (y * gy).sum(-1, keepdims=True))
        w.save(name, "softmax", {}, given | dict(gy=gy), dict(y=y, gx=gx), note="formulas in float64, without PyTorch")


def embedding(w):
    """Rows of a table by ids. 0 is padding: zeros, without a gradient. Ids outside of the table count as 1."""
    n, d, shape = 7, 5, (3, 6)
    table = np.sin(1.3 * np.arange(n * d, dtype=np.float64)).reshape(n, d).astype(np.float32)
    ids = (np.arange(np.prod(shape)) * 5 % (n + 2)).reshape(shape).astype(np.float32)
    ids[1, 2], ids[2, 0], ids[2, 1] = -1, np.nan, 2.5
    gy = np.cos(2.3 * np.arange(np.prod(shape) * d, dtype=np.float64)).reshape(*shape, d).astype(np.float32)
    tokens = [int(i) if 0 <= i < n else 1 for i in ids.ravel()]
    y, g = np.zeros((len(tokens), d)), np.zeros((n, d))
    for row, token in enumerate(tokens):
        if token:
            y[row] = table[token]
            g[token] += gy.reshape(-1, d)[row]
    w.save("embedding", "embedding", dict(n=n, d=d), {"ids": ids, "gy": gy, "p.table": table},
           {"y": y.reshape(*shape, d), "g.table": g}, note="formulas in float64, without PyTorch")


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("folder", nargs="?", help="same as --out")
    a.add_argument("--out")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--sizes", choices=SIZES, default="small")
    a.add_argument("--only", metavar="MODULE")
    a = a.parse_args()
    if not (a.out or a.folder):
        raise SystemExit("golden.py: say where to write: --out DIR")
    if a.only:
        write_only(a.out or a.folder, a.seed, a.sizes, a.only)
    else:
        write(a.out or a.folder, a.seed, a.sizes)
