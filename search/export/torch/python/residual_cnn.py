import torch.nn.functional as F
from torch import nn


class ResidualBlock(nn.Module):
    """A pre-activation residual block on maps (He et al. 2016), with dropout between its two convolutions."""

    def __init__(self, channels, width, kernel, stride=1, dropout=0.0):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
        self.conv2 = nn.Conv2d(width, width, kernel, padding=kernel // 2, bias=False)
        same = stride == 1 and channels == width
        self.shortcut = None if same else nn.Conv2d(channels, width, 1, stride, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        h = F.relu(self.norm1(x))
        x = x if self.shortcut is None else self.shortcut(h)
        return x + self.conv2(self.dropout(F.relu(self.norm2(self.conv1(h)))))


class ResidualCNN(nn.Module):
    """A convolution and stages of residual blocks; the cells of the last map are the tokens.

    widths has an element for each stage. The first of strides is that of the first convolution, the others are those of
    the first blocks of the later stages.
    """

    def __init__(self, channels, widths, blocks, kernel, stem_kernel, strides, dropout=0.0):
        super().__init__()
        self.stem = nn.Conv2d(channels, widths[0], stem_kernel, strides[0], stem_kernel // 2, bias=False)
        self.stages, channels = nn.ModuleList(), widths[0]
        for i, width in enumerate(widths):
            stage = [ResidualBlock(channels, width, kernel, strides[i] if i else 1, dropout)]
            stage += [ResidualBlock(width, width, kernel, 1, dropout) for _ in range(blocks - 1)]
            self.stages.append(nn.Sequential(*stage))
            channels = width
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return F.relu(self.norm(x)).flatten(2).transpose(1, 2)
