import torch
import torch.nn.functional as F
from torch import nn


class Down(nn.Module):
    """A strided convolution between maps (b, height, width, features), with a layer norm before or after it."""

    def __init__(self, channels, width, kernel, stride, padding, norm_first):
        super().__init__()
        self.norm = nn.LayerNorm(channels if norm_first else width, eps=1e-6)
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding)
        self.norm_first = norm_first

    def forward(self, x):
        if self.norm_first:
            x = self.norm(x)
        x = self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x if self.norm_first else self.norm(x)


class RegionMix(nn.Module):
    """Mixes regions of region×region cells that are spread over the whole map, group features at a time."""

    def __init__(self, width, expansion, region, group):
        super().__init__()
        wide, area = expansion * width, region * region * group
        self.k, self.g = region, group
        self.pw1, self.pw2 = nn.Linear(width, wide, bias=False), nn.Linear(width, wide, bias=False)
        self.dw = nn.Conv2d(wide, wide, 5, padding=2, groups=wide, bias=False)
        self.region = nn.Linear(area, area, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(wide), nn.BatchNorm2d(wide)
        self.proj = nn.Linear(wide, width, bias=False)

    def forward(self, x):
        x, gate = self.pw1(x).permute(0, 3, 1, 2), self.bn2(self.pw2(x).permute(0, 3, 1, 2))
        x = self.dw(x)
        b, c, height, width = x.shape
        k, g, rows, columns = self.k, self.g, height // self.k, width // self.k
        # Cell (i, j) of region (y, x) is the map's cell (i * rows + y, j * columns + x).
        x = x.view(b, c // g, g, k, rows, k, columns).permute(0, 4, 6, 1, 2, 3, 5)
        x = self.region(x.reshape(b, rows, columns, c // g, g * k * k) / (k * k * g))
        x = x.view(b, rows, columns, c // g, g, k, k).permute(0, 3, 4, 5, 1, 6, 2).reshape(b, c, height, width)
        return self.proj((self.bn1(x) * gate).permute(0, 2, 3, 1))


class StarReLU(nn.Module):
    """relu(x)² plus a learned number."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return F.relu(x).square() + self.bias


class RaMLPBlock(nn.Module):
    """A depthwise convolution, region mixing, and an MLP over the features, on maps (b, height, width, features)."""

    def __init__(self, width, mlp_ratio, expansion, region, group, scaled):
        super().__init__()
        self.cpe = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.mix = RegionMix(width, expansion, region, group)
        self.fc1, self.fc2 = (nn.Linear(width, mlp_ratio * width, bias=False),
                              nn.Linear(mlp_ratio * width, width, bias=False))
        self.act = StarReLU()
        self.scale1 = nn.Parameter(torch.ones(width)) if scaled else None
        self.scale2 = nn.Parameter(torch.ones(width)) if scaled else None

    def forward(self, x):
        x = x + self.cpe(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        x = (x if self.scale1 is None else x * self.scale1) + self.mix(self.norm1(x))
        return (x if self.scale2 is None else x * self.scale2) + self.fc2(self.act(self.fc1(self.norm2(x))))


class RaMLP(nn.Module):
    """RaMLP (Lai et al. 2023): stages of blocks on smaller and smaller maps; the cells of the last one are the tokens.

    The lists have an element for each stage.
    """

    def __init__(self, channels, depths, dims, mlp_ratio, expansion, region, group):
        super().__init__()
        self.down = nn.ModuleList([Down(channels, dims[0], kernel=7, stride=4, padding=2, norm_first=False)])
        for narrow, wide in zip(dims, dims[1:]):
            self.down.append(Down(narrow, wide, kernel=3, stride=2, padding=1, norm_first=True))
        self.stages = nn.ModuleList(
            nn.Sequential(*(RaMLPBlock(dims[i], mlp_ratio[i], expansion[i], region[i], group[i], scaled=i >= 2)
                            for _ in range(depth)))
            for i, depth in enumerate(depths))
        self.norm = nn.LayerNorm(dims[-1], eps=1e-6)

    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        for down, stage in zip(self.down, self.stages):
            x = stage(down(x))
        return self.norm(x.flatten(1, 2))
