"""Runs exported models in onnxruntime and compares them with what the program predicts: python check_onnx.py FOLDER...

FOLDER and FOLDER-other are what `go run ./testdata/export --to FOLDER` wrote. The example of docs/export.md is run as well.
"""

import contextlib
import io
import json
import pathlib
import re
import sys

import numpy as np
import onnx
import onnxruntime


def load(folder):
    """The arrays of a case: the inputs by name, the logits under the empty name."""
    case = json.loads((folder / "case.json").read_text())
    data = (folder / "case.bin").read_bytes()
    arrays = {}
    for a in case["arrays"]:
        count = int(np.prod(a["shape"]))
        arrays[a["name"]] = np.frombuffer(data, a["type"], count, a["offset"]).reshape(a["shape"])
    return case, arrays


def check(folder):
    """Returns the largest difference of the logits, in units of their size."""
    case, arrays = load(folder)
    model = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 8 and [(s.domain, s.version) for s in model.opset_import] == [("", 17)]
    metadata = {p.key: p.value for p in model.metadata_props}
    assert json.loads(metadata["classes"]) == case["classes"], metadata["classes"]
    inputs = json.loads(metadata["inputs"])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 2
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    assert [i["name"] for i in inputs] == [i.name for i in session.get_inputs()]
    names = {"values": "", "tokens": "", "length": ".length", "present": ".present"}
    feed = {i["name"]: arrays[i["modality"] + names[i["role"]]] for i in inputs}
    want = arrays[""]
    logits, probabilities, labels = session.run(["logits", "probabilities", "labels"], feed)
    assert logits.shape == want.shape and np.isfinite(logits).all(), logits
    scale = max(0.01, float(np.abs(want).max()))
    worst = float(np.abs(logits - want).max()) / scale
    one = session.run(["logits"], {name: x[:1] for name, x in feed.items()})[0]
    worst = max(worst, float(np.abs(one - want[:1]).max()) / scale)
    if not any(n.op_type in ("GRU", "LSTM") for n in model.graph.node):  # with these, onnxruntime aborts
        none = session.run(["logits"], {name: x[:0] for name, x in feed.items()})[0]
        assert none.shape == want[:0].shape, f"an empty batch: {none.shape}"
    if labels.dtype == bool:
        predicted = [[c for c, yes in zip(case["classes"], row) if yes] for row in labels]
        assert np.allclose(probabilities, 1 / (1 + np.exp(-want.astype(float))), atol=1e-5)
    else:
        predicted = [[case["classes"][i]] for i in labels]
        e = np.exp(want.astype(float) - want.max(1, keepdims=True))
        assert np.allclose(probabilities, e / e.sum(1, keepdims=True), atol=1e-5)
    assert predicted == case["labels"], (predicted, case["labels"])
    return worst, len(model.graph.node)


def example(folder):
    """Runs the example of docs/export.md on a model."""
    text = (pathlib.Path(__file__).parents[2] / "docs" / "export.md").read_text()
    code = re.search(r"```python\n(.*?)```", text, re.S).group(1).replace('"model.onnx"', repr(str(folder / "model.onnx")))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    case, _ = load(folder)
    assert any(repr(c) in printed.getvalue() for c in case["classes"]), printed.getvalue()


def main():
    folders = [case for folder in sys.argv[1:] if folder != "-v" for case in sorted(pathlib.Path(folder).iterdir())]
    failed, worst = [], 0
    for folder in folders:
        try:
            difference, nodes = check(folder)
        except Exception as e:  # the next model is checked all the same
            failed.append(f"{folder.name}: {type(e).__name__}: {e}")
            continue
        worst = max(worst, difference)
        if "-v" in sys.argv:
            print(f"{folder.name:45} {nodes:4} nodes  {difference:.1e}")
        if not difference <= 1e-4:
            failed.append(f"{folder.name}: the logits differ by {difference:.2g} of their size")
    try:
        for folder in folders:
            if folder.name == "concat-mlp_mixer":
                example(folder)
    except Exception as e:
        failed.append(f"the example of docs/export.md: {type(e).__name__}: {e}")
    print(f"{len(folders)} models in onnxruntime {onnxruntime.__version__}: largest difference {worst:.2g} of the logits' size")
    for line in failed:
        print(line)
    sys.exit(bool(failed) or not folders)


main()
