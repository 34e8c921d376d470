import torch.nn.functional as F
from torch import nn


class DilatedBlock(nn.Module):
    """Two dilated convolutions over the steps of a sequence (b, n, width), a layer norm and a ReLU before each."""

    def __init__(self, width, kernel, dilation, causal=False, dropout=0.0):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.conv1, self.conv2 = (nn.Conv1d(width, width, kernel, dilation=dilation) for _ in range(2))
        reach = dilation * (kernel - 1)
        self.pad = (reach, 0) if causal else (reach // 2, reach // 2)
        self.dropout = nn.Dropout(dropout)

    def convolve(self, conv, x, mask=None):  #: masked else def convolve(self, conv, x):
        if mask is not None:  #: masked
            x = x * mask[..., None]  #: masked
        return conv(F.pad(x.transpose(1, 2), self.pad)).transpose(1, 2)

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        h = F.relu(self.norm1(x))
        h = self.convolve(self.conv1, h, mask)  #: masked else h = self.convolve(self.conv1, h)
        h = self.dropout(F.relu(self.norm2(h)))
        return x + self.convolve(self.conv2, h, mask)  #: masked else return x + self.convolve(self.conv2, h)


class DilatedCNN(Encoder):
    """An encoder whose tokens are zeros at masked steps."""

    def forward(self, x, mask=None):  #: masked
        x = super().forward(x, mask)  #: masked
        return x if mask is None else x * mask[..., None]  #: masked
