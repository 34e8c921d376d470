"""Loads exported PyTorch modules and compares them with what the program predicts: python check_torch.py FOLDER.

FOLDER is what `go run ./testdata/export --to FOLDER` wrote.
"""

import importlib.util
import json
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import torch


def load(folder):
    """The arrays of a case: the inputs by name, the logits under the empty name."""
    case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    data = (folder / "case.bin").read_bytes()
    arrays = {}
    for a in case["arrays"]:
        count = int(np.prod(a["shape"]))
        arrays[a["name"]] = np.frombuffer(data, a["type"], count, a["offset"]).reshape(a["shape"]).copy()
    return case, arrays


def module(path):
    """The Python file as a module."""
    spec = importlib.util.spec_from_file_location("exported", path)
    exported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exported)
    return exported


def check(folder):
    """Returns the largest difference of the logits, in units of their size."""
    case, arrays = load(folder)
    want = torch.from_numpy(arrays.pop(""))
    exported = module(folder / "model.py")
    model = exported.load()  # strict: every tensor has its place
    assert not model.training
    worst = exported.self_test(model)
    scale = want.abs().max().clamp(min=1)
    with torch.no_grad():
        worst = max(worst, ((model(exported.prepare(arrays)) - want).abs().max() / scale).item())
        one = exported.prepare({name: x[:1] for name, x in arrays.items()})
        worst = max(worst, ((model(one) - want[:1]).abs().max() / scale).item())
    labels, probabilities = exported.predict(model, arrays)
    several = isinstance(labels[0], list)
    assert torch.allclose(probabilities, want.sigmoid() if several else want.softmax(1), atol=1e-5)
    assert [x if several else [x] for x in labels] == case["labels"], (labels, case["labels"])
    model.train()
    model(exported.prepare(arrays)).sum().backward()  # it can be trained further
    assert any(p.grad is not None for p in model.parameters())
    return worst


def main():
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    folders = sorted(pathlib.Path(sys.argv[1]).iterdir())
    failed, worst = [], 0.0
    for folder in folders:
        try:
            difference = check(folder)
        except Exception as e:  # the next model is checked all the same
            failed.append(f"{folder.name}: {type(e).__name__}: {e}")
            continue
        worst = max(worst, difference)
        if "-v" in sys.argv:
            print(f"{folder.name:45} {difference:.1e}")
        if not difference <= 1e-4:
            failed.append(f"{folder.name}: the logits differ by {difference:.2g} of their size")
    if folders:  # as people run it
        print(subprocess.run([sys.executable, "model.py"], cwd=folders[-1], check=True, capture_output=True, text=True).stdout, end="")
    print(f"{len(folders)} models in PyTorch {torch.__version__}: largest difference {worst:.2g} of the logits' size")
    for line in failed:
        print(line)
    sys.exit(bool(failed) or not folders)


main()
