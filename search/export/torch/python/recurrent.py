from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.nn.utils.rnn import pad_packed_sequence


class Recurrent(nn.Module):
    """An nn.GRU or nn.LSTM over steps (b, n, features), or over embedded words: its states, (b, n, width)."""

    def __init__(self, rnn, embed=None):
        super().__init__()
        self.embed, self.rnn = embed or nn.Identity(), rnn

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        x = self.embed(x)
        return self.rnn(x)[0]  #: not masked
        if mask is None or len(x) == 0:  #: masked
            return self.rnn(x)[0]  #: masked
        order = (mask == 0).int().argsort(dim=1, stable=True)  # the real steps first, as they follow each other  #: masked
        x = x.gather(1, order[..., None].expand_as(x))  #: masked
        lengths = (mask != 0).sum(1).clamp(min=1).cpu()  #: masked
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)  #: masked
        y, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=x.shape[1])  #: masked
        y = y.gather(1, order.argsort(dim=1)[..., None].expand_as(y))  # back to their places  #: masked
        return y * (mask != 0)[..., None]  #: masked
