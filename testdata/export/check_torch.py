"""Checks exported PyTorch modules: `python check_torch.py FOLDER`, which a Go test fills.

Each folder in FOLDER has model.py, model.safetensors, and expected.json: raw inputs, and what mixmas predicts for them.
"""
import importlib.util
import json
import math
import os
import subprocess
import sys
import warnings

import torch


def tensor(form):
    values = [math.nan if x is None else x for x in form["data"]]
    return torch.tensor(values, dtype=torch.float32).reshape(form["shape"])


def check(folder):
    """The largest difference of logits, in parts of their scale."""
    spec = importlib.util.spec_from_file_location("exported", os.path.join(folder, "model.py"))
    exported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exported)
    with open(os.path.join(folder, "expected.json"), encoding="utf-8") as file:
        expected = json.load(file)
    model = exported.load()
    assert not model.training
    difference = exported.self_test(model)
    assert difference <= 1e-4, f"self-test: {difference}"

    inputs, logits = {name: tensor(x) for name, x in expected["inputs"].items()}, tensor(expected["Logits"])
    with torch.no_grad():
        got = model(exported.prepare(inputs))
    difference = max(difference, ((got - logits).abs().max() / logits.abs().max()).item())
    labels, probabilities = exported.predict(model, {name: x.numpy() for name, x in inputs.items()})
    assert (probabilities - tensor(expected["Probabilities"])).abs().max() <= 1e-4, "probabilities"
    labels = [label if isinstance(label, list) else [label] for label in labels]
    assert labels == expected["Labels"], f"labels: {labels}, want {expected['Labels']}"

    model.train()  # every parameter of the prediction gets a gradient
    model(exported.prepare(inputs)).sum().backward()
    return difference


def main():
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cases, worst, failed = sorted(os.listdir(sys.argv[1])), 0.0, 0
    for name in cases:
        try:
            difference = check(os.path.join(sys.argv[1], name))
            worst = max(worst, difference)
            assert difference <= 1e-4, f"largest difference of logits {difference:.1e} of their scale"
        except Exception as error:
            failed += 1
            print(f"{name}: {type(error).__name__}: {error}")
    print(f"PyTorch {torch.__version__}: {len(cases)} exported models, {failed} failed; largest difference of logits {worst:.1e} of their scale")
    for name in cases[:: max(1, len(cases) // 3)]:
        print(subprocess.run([sys.executable, "model.py"], cwd=os.path.join(sys.argv[1], name), check=True, stdout=subprocess.PIPE, text=True).stdout)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
