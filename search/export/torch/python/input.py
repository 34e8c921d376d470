from dataclasses import dataclass

import torch


@dataclass
class Input:
    """An input of the model: what a row is, and the mean and the standard deviation of the training rows."""  #: standardised
    """An input of the model: what a row is."""  #: not standardised

    kind: str  # map (channels, height, width), sequence (steps, features), text (token ids) or table (features)
    shape: tuple
    mean: tuple = (0.0,)  # of all elements, or of each channel of a map or feature  #: standardised
    deviation: tuple = (1.0,)  #: standardised
    missing: bool = False  # elements that are NaN are missing: they become the mean  #: missing
    masked: bool = False  # rows may be shorter, or lack it: see prepare  #: sequences
    masked: bool = False  # rows may lack it: see prepare  #: lacking not sequences
    vocabulary: int = 0  # of a text: ids are below it; 0 is padding, 1 an unknown word  #: texts

    def statistics(self):  #: standardised
        """The mean and the deviation, in the shape of rows."""  #: standardised
        statistics = torch.tensor([self.mean, self.deviation], dtype=torch.float64)  #: standardised maps
        return statistics[..., None, None] if self.kind == "map" else statistics  #: standardised maps
        return torch.tensor([self.mean, self.deviation], dtype=torch.float64)  #: standardised not maps

    @property  #: masked
    def steps(self):  #: masked
        """The steps of a sequence or text, which may be padding; 1 for others, which a row has or lacks."""  #: masked
        return self.shape[0] if self.kind in ("sequence", "text") else 1  #: masked


def prepare(inputs):
    """Raw rows of each input by name, arrays or tensors -> what the network reads: standardised tensors, and masks.  #: standardised masked
    """Raw rows of each input by name, arrays or tensors -> what the network reads: tensors, and masks.  #: not standardised masked
    """Raw rows of each input by name, arrays or tensors -> what the network reads: standardised tensors."""  #: standardised not masked
    """Raw rows of each input by name, arrays or tensors -> what the network reads: tensors."""  #: not standardised not masked
    #: masked
    NAME.length is the number of real steps in each row of a masked sequence; padding follows. Without it, all are real.  #: sequences
    NAME.present says which rows have a masked map or table. Without it, all have it.  #: rows
    Padding of a text is id 0.  #: texts
    A masked input that is left out is missing in all rows.  #: lacking not only_texts
    A text that is left out is missing in all rows.  #: only_texts
    """  #: masked
    prepared, unknown = {}, set(inputs)
    rows = len(next(iter(inputs.values())))  #: masked
    for name, form in INPUTS.items():
        unknown.discard(name)
        absent = form.masked and name not in inputs  #: masked
        x = torch.zeros(rows, *form.shape) if absent else torch.as_tensor(inputs[name], device="cpu")  #: masked else x = torch.as_tensor(inputs[name], device="cpu")
        if x.shape[1:] != form.shape:
            raise ValueError(f"input {name!r}: want rows of the shape {form.shape}, got {tuple(x.shape[1:])}")
        if form.kind == "text":  #: texts
            ids = x.long()  #: texts
            prepared[name] = ids.masked_fill((ids < 0) | (ids >= form.vocabulary), 1)  #: texts
            prepared[name + ".mask"] = (ids != 0).float()  #: texts
            continue  #: texts
        mean, deviation = form.statistics()  #: standardised
        x = ((x.double() - mean) / deviation).float()  #: standardised else x = x.float()
        if form.missing:  #: missing
            x = x.masked_fill(x.isnan(), 0)  #: missing
        if form.masked:  #: masked not only_texts
            key = name + (".length" if form.kind == "sequence" else ".present")  #: sequences rows
            key = name + ".length"  #: sequences not rows
            key = name + ".present"  #: rows not sequences
            unknown.discard(key)  #: masked not only_texts
            real = torch.as_tensor(inputs.get(key, 0 if absent else form.steps), device="cpu").expand(rows)  #: masked not only_texts
            mask = torch.arange(form.steps) < real[:, None]  #: masked not only_texts
            x = x.masked_fill(~mask.reshape(rows, form.steps, *[1] * (x.dim() - 2)), 0)  #: masked not only_texts
            prepared[name + ".mask"] = mask.float()  #: masked not only_texts
        prepared[name] = x
    if unknown:
        raise ValueError(f"unknown inputs {sorted(unknown)}: INPUTS has the names of all")
    return prepared
