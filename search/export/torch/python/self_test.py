import math
import sys

import torch


def made_up():
    """Raw rows that look random, and are the same everywhere: mixmas computed EXPECTED, their logits."""
    rows, inputs = len(EXPECTED), {}
    for i, (name, form) in enumerate(INPUTS.items()):
        x = torch.arange(rows * math.prod(form.shape)) + 1_000_003 * i
        x = x * 2_654_435_761 & 0xFFFFFFFF
        x = (x ^ x >> 15) * 2_246_822_519 & 0xFFFFFFFF
        x = (x ^ x >> 13).reshape(rows, *form.shape)
        real = torch.tensor([form.steps * (2 - (row + i) % 3) // 2 for row in range(rows)])  # all, half, none  #: masked
        if form.kind == "text":  #: texts
            inputs[name] = x % form.vocabulary * (torch.arange(form.steps) < real[:, None])  #: texts
            continue  #: texts
        x = x.double() / 2 ** 30 - 2
        if form.missing:  #: missing
            x.view(-1)[3::7] = math.nan  #: missing
        if form.masked:  #: masked not only_texts
            inputs[name + (".length" if form.kind == "sequence" else ".present")] = real  #: sequences rows
            inputs[name + ".length"] = real  #: sequences not rows
            inputs[name + ".present"] = real  #: rows not sequences
        mean, deviation = form.statistics()  #: standardised
        inputs[name] = (x * deviation + mean).float()  #: standardised else inputs[name] = x.float()
    return inputs


@torch.no_grad()
def self_test(model):
    """The largest difference of the logits of made-up rows from those of mixmas, as a part of the largest logit."""
    device, expected = next(model.parameters()).device, torch.tensor(EXPECTED)
    logits = model.eval()({name: x.to(device) for name, x in prepare(made_up()).items()}).cpu()
    return ((logits - expected).abs().max() / expected.abs().max().clamp(min=0.01)).item()


def main():
    model = load(*sys.argv[1:2])
    print(f"{NAME}: {sum(p.numel() for p in model.parameters()):,} parameters")
    for name, form in INPUTS.items():
        print(f"  reads {name!r}, a {form.kind} of {'x'.join(map(str, form.shape))}")
    print(f"  predicts one of {len(CLASSES)} classes")  #: not multi_label else print(f"  predicts any number of {len(CLASSES)} classes")
    difference = self_test(model)
    print(f"  logits of made-up rows differ from those of mixmas by at most {difference:.1e} of the largest logit")
    if not difference <= 1e-4:
        sys.exit("self-test failed: this is more than rounding")
