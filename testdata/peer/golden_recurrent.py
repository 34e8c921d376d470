"""Reference vectors of the activations of gates, and of recurrent encoders, made by nn.GRU and nn.LSTM."""
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}


class Recurrent(nn.Module):
    """PyTorch's module over the real steps of each sample; zeros elsewhere. A mask is a list (b) of lists (n) of 0 and 1."""

    def __init__(self, kind, features, width, depth, bidirectional, mask):
        super().__init__()
        self.rnn = CELLS[kind](features, width // (1 + bidirectional), depth, batch_first=True, bidirectional=bidirectional)
        self.mask = mask

    def forward(self, x):
        if self.mask is None:
            return self.rnn(x)[0]
        lengths = [sum(row) for row in self.mask]
        if min(lengths) > 0 and all(row == sorted(row, reverse=True) for row in self.mask):
            packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
            return pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=x.shape[1])[0]
        rows = []
        for steps, row in zip(x, self.mask):  # a sequence of the real steps alone
            real = torch.tensor(row).bool()
            y = self.rnn(steps[real][None])[0][0] if any(row) else steps.new_zeros(0, self.width())
            rows.append(steps.new_zeros(len(row), self.width()).index_put((real.nonzero()[:, 0],), y))
        return torch.stack(rows)

    def width(self):
        return self.rnn.hidden_size * (1 + self.rnn.bidirectional)


class Words(Recurrent):
    """The same over the rows of a table for ids, with a vector per position; padding is no step."""

    def __init__(self, kind, ids, vocabulary, width, depth, bidirectional):
        super().__init__(kind, width, width, depth, bidirectional, (ids != 0).int().tolist())
        self.embed = nn.Module()
        self.embed.table = nn.Parameter(0.3 * torch.randn(vocabulary, width))
        self.embed.positions = nn.Parameter(0.3 * torch.randn(ids.shape[1], width))
        self.ids = ids

    def forward(self, x):  # x, zeros, is added to the states: a case has an input with a gradient
        words = F.embedding(self.ids, self.embed.table) + self.embed.positions
        return x + super().forward(words * (self.ids != 0)[..., None])


def cases(w, s, seed):
    b, n, d = s["b"], s["n"], s["d"] // 2
    for name, function in (("sigmoid", nn.Sigmoid()), ("tanh", nn.Tanh()), ("silu", nn.SiLU())):
        w.seed(name, seed)
        w.module(name, "activation", dict(function=name), function, 3 * torch.randn(b, n, 4))
    prefix = [[int(t < max(1, n - 2 - 3 * i)) for t in range(n)] for i in range(b)]
    gaps = [[int((t + i) % 3 != 1) for t in range(n)] for i in range(b)] + [[0] * n]
    for kind in CELLS:
        for part, rows, steps, width, depth, bidirectional, mask in (
                ("", b, n, 7, 1, False, None), ("_mask", b, n, 9, 1, False, prefix), ("_gaps", b + 1, n, 6, 2, True, gaps),
                ("_bidirectional", b, n, 10, 2, True, None), ("_bidirectional_mask", b, n, 10, 2, True, prefix),
                ("_one_step", b, 1, 8, 1, True, None), ("_one_sample", 1, n + 6, 17, 1, False, None), ("_one_unit", b, 3, 1, 3, False, None)):
            name = kind + part
            w.seed(name, seed)
            net = Recurrent(kind, d, width, depth, bidirectional, mask)
            hyper = dict(kind=kind, d=d, width=width, depth=depth, bidirectional=bidirectional, mask=mask)
            w.module(name, "recurrent", hyper, net, torch.randn(rows, steps, d))
        name = kind + "_text"
        w.seed(name, seed)
        ids = torch.randint(1, 11, (b, n)) * torch.tensor(prefix)
        hyper = dict(kind=kind, width=6, depth=1, bidirectional=True, ids=ids.tolist(), vocabulary=11)
        w.module(name, "recurrent_text", hyper, Words(kind, ids, 11, 6, 1, True), torch.zeros(b, n, 6))
