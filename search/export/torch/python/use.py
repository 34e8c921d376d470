import json
import math
from pathlib import Path

import torch


def read(path):
    """The tensors of a safetensors file, and its metadata."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header, data = json.loads(file.read(size)), bytearray(file.read())
    metadata, tensors = header.pop("__metadata__", {}), {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        tensor = torch.frombuffer(data, dtype=torch.float32, count=(end - start) // 4, offset=start)
        tensors[name] = tensor.reshape(entry["shape"])
    return tensors, metadata


def load(path=WEIGHTS):
    """The trained network, ready to predict."""
    tensors, metadata = read(path)
    description = json.loads(metadata.get("mixmas", "{}"))  # none if another program wrote the file  #: digest
    if description.get("weights", DIGEST) != DIGEST:  #: digest
        raise ValueError(f"{path} is another model than the one that this file was written for: export it again")  #: digest
    model = network()
    model.load_state_dict(tensors)
    return model.eval()


@torch.no_grad()
def predict(model, inputs):
    """Raw inputs, see prepare -> the label of each row, and the probability of each class (rows, classes)."""  #: not multi_label
    """Raw inputs, see prepare -> a list of labels for each row, and the probability of each class (rows, classes)."""  #: multi_label
    device = next(model.parameters()).device
    logits = model.eval()({name: x.to(device) for name, x in prepare(inputs).items()}).cpu()
    above = logits - torch.tensor(THRESHOLDS)  #: thresholds
    best = above.argmax(1)  #: thresholds not multi_label
    best = logits.argmax(1)  #: not thresholds not multi_label
    return [CLASSES[k] for k in best], logits.softmax(1)  #: not multi_label
    chosen = above > 0  #: thresholds multi_label
    chosen = logits > 0  #: not thresholds multi_label
    return [[c for c, yes in zip(CLASSES, row) if yes] for row in chosen], logits.sigmoid()  #: multi_label
