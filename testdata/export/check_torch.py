"""Loads exported PyTorch modules and compares them with what the program predicts: python check_torch.py FOLDER.

FOLDER is what `go run ./testdata/export --to FOLDER` wrote.
"""

import importlib.util
import json
import pathlib
import re
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
        none = exported.prepare({name: x[:0] for name, x in arrays.items()})
        assert model(none).shape == want[:0].shape, "an empty batch"
    assert worst <= 1e-4, f"the logits differ by {worst:.2g} of their size"
    labels, probabilities = exported.predict(model, arrays)
    several = isinstance(labels[0], list)
    assert torch.allclose(probabilities, want.sigmoid() if several else want.softmax(1), atol=1e-5), "probabilities"
    assert [x if several else [x] for x in labels] == case["labels"], (labels, case["labels"])
    try:
        exported.prepare({**arrays, "tabel": 0})
        raise AssertionError("a wrong name is accepted")
    except ValueError as e:
        assert "tabel" in str(e), e
    for name, form in exported.INPUTS.items():  # what is left out is missing; what has the wrong shape is named
        try:
            exported.prepare({**arrays, name: arrays[name][..., :-1]})
            raise AssertionError("a wrong shape is accepted")
        except ValueError as e:
            assert repr(name) in str(e), e
        if getattr(form, "masked", False) and len(exported.INPUTS) > 1:
            others = {key: x for key, x in arrays.items() if key.removesuffix(".length").removesuffix(".present") != name}
            key = {"sequence": name + ".length", "text": name}.get(form.kind, name + ".present")
            none = {**arrays, key: np.zeros_like(arrays[key])}
            with torch.no_grad():
                assert torch.equal(model(exported.prepare(others)), model(exported.prepare(none))), name
    model.train()
    model(exported.prepare(arrays)).sum().backward()  # it can be trained further
    assert any(p.grad is not None for p in model.parameters())
    return worst


def example(folder):
    """Runs the example of docs/export.md on a model."""
    text = (pathlib.Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    code = next(c for c in re.findall(r"```python\n(.*?)```", text, re.S) if "import torch" in c)
    out = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=folder, check=True, capture_output=True, text=True).stdout
    case, _ = load(folder)
    assert any(repr(c) in out for c in case["classes"]), out


def check_weights(folder, other):
    """Weights of another model are refused; those that PyTorch or another program saved are not."""
    exported = module(folder / "model.py")
    try:
        exported.load(other / "model.safetensors")
        raise AssertionError("the weights of another model are loaded")
    except ValueError as e:
        assert "another model" in str(e), e
    file = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + size])
    del header["__metadata__"]
    text = json.dumps(header).encode()
    (folder / "plain.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + file[8 + size :])
    assert exported.self_test(exported.load(folder / "plain.safetensors")) <= 1e-4


def check_names():
    """The program knows all names that this PyTorch refuses for modules in a ModuleDict."""
    source = pathlib.Path(__file__).parents[2] / "search" / "export" / "torch" / "conditions.go"
    known = set(re.findall(r"\w+", source.read_text(encoding="utf-8")))
    unknown = [name for name in dir(torch.nn.ModuleDict()) if not name.startswith("_") and name not in known]
    assert not unknown, f"{source.name} lacks the attributes {unknown}"


def main():
    check_names()
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
    if len(folders) > 1 and not failed:
        check_weights(folders[0], folders[1])
        example(folders[0])
        print(subprocess.run([sys.executable, "model.py"], cwd=folders[-1], check=True, capture_output=True, text=True).stdout, end="")  # as people run it
    print(f"{len(folders)} models in PyTorch {torch.__version__}: largest difference {worst:.2g} of the logits' size")
    for line in failed:
        print(line)
    sys.exit(bool(failed) or not folders)


main()
