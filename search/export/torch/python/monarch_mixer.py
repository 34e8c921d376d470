import torch
import torch.nn.functional as F
from torch import nn


class Monarch(nn.Module):
    """A p·q × p·q matrix of two block-diagonal factors, over the last dimension (Dao et al. 2022).

    A vector is a p×q matrix, row by row: L multiplies each row by a block of its own, then R each column.
    """

    def __init__(self, p, q):
        super().__init__()
        self.L = nn.Parameter(torch.randn(p, q, q) / q ** 0.5)
        self.R = nn.Parameter(torch.randn(q, p, p) / p ** 0.5)

    def forward(self, x):
        y = x.reshape(*x.shape[:-1], len(self.L), len(self.R))
        y = torch.einsum("pij,...pj->...pi", self.L, y)
        y = torch.einsum("qij,...jq->...iq", self.R, y)
        return y.reshape(x.shape)


class MonarchBlock(nn.Module):
    """Monarch Mixer (Fu et al. 2023): mixes tokens, then features, each with two Monarch matrices and a learned kernel.

    token_factors and feature_factors are p and q of the matrices. Tokens and features are padded with zeros to p·q.
    """

    def __init__(self, tokens, width, token_factors, feature_factors):
        super().__init__()
        self.m1, self.m2 = Monarch(*token_factors), Monarch(*token_factors)
        self.m3, self.m4 = Monarch(*feature_factors), Monarch(*feature_factors)
        order, feature_order = math.prod(token_factors), math.prod(feature_factors)
        self.n_kernel = nn.Parameter(torch.randn(feature_order, order))
        self.d_kernel = nn.Parameter(torch.randn(feature_order))
        self.norm = nn.LayerNorm(width)
        self.padding = (0, feature_order - width, 0, order - tokens)

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        _, n, d = x.shape
        x = F.pad(x, self.padding)
        u = self.m2(F.relu(self.n_kernel * self.m1(x.transpose(1, 2)))).transpose(1, 2)
        y = self.m4(F.relu(self.d_kernel * self.m3(u)))
        return self.norm((y + u)[:, :n, :d])
