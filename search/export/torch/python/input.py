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
    masked: bool = False  # rows may be shorter, or lack it: see prepare  #: masked
    vocabulary: int = 0  # of a text: ids are below it; 0 is padding, 1 an unknown word  #: texts

    def statistics(self):  #: standardised
        """The mean and the deviation, so that they fit rows."""  #: standardised
        statistics = torch.tensor([self.mean, self.deviation], dtype=torch.float64)  #: standardised
        return statistics[..., None, None] if self.kind == "map" else statistics  #: standardised maps
        return statistics  #: standardised not maps


def prepare(inputs):
    """Raw rows of each input by name (arrays or tensors) -> what the network reads: standardised tensors.  #: standardised
    """Raw rows of each input by name (arrays or tensors) -> what the network reads.  #: not standardised

    For a masked sequence, NAME.mask (rows, steps) is 1 for real steps and 0 for padding.  #: sequences
    For a masked map or table, NAME.mask (rows, 1) is 1 for rows that have it and 0 for others.  #: rows
    Without its mask, all of an input is there.  #: masked not only_texts
    A masked input that is left out is missing in all rows.  #: masked
    """
    prepared = {}
    rows = len(next(iter(inputs.values())))  #: masked
    for name, form in INPUTS.items():
        absent = form.masked and name not in inputs  #: masked
        x = torch.zeros(rows, *form.shape) if absent else torch.as_tensor(inputs[name])  #: masked else x = torch.as_tensor(inputs[name])
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
        if form.masked:  #: sequences
            steps = form.shape[0] if form.kind == "sequence" else 1  #: sequences
        if form.masked:  #: rows not sequences
            steps = 1  #: rows not sequences
            mask = torch.full((rows, steps), 0.0 if absent else 1.0)  #: masked not only_texts
            if name + ".mask" in inputs:  #: masked not only_texts
                mask = torch.as_tensor(inputs[name + ".mask"]).float().reshape(rows, steps)  #: masked not only_texts
            x = x.masked_fill(mask.reshape(rows, steps, *[1] * (x.dim() - 2)) == 0, 0)  #: masked not only_texts
            prepared[name + ".mask"] = mask  #: masked not only_texts
        prepared[name] = x
    return prepared
