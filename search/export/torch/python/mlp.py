import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    """Two layers with a GELU between them, over the last dimension."""

    def __init__(self, width, hidden, dropout=0.0):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        return self.drop(self.fc2(self.drop(F.gelu(self.fc1(x)))))
