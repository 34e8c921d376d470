import torch
import torch.nn.functional as F
from torch import nn


class Ensemble(nn.Module):
    """Models that predict together: the mean of their probabilities, as logits.  #: probabilities
    """Models that predict together: the mean of the logarithms of their probabilities.  #: not probabilities

    A model's logits are divided by its temperature; its weight says how much it counts.
    """

    def __init__(self, members, weights, temperatures):
        super().__init__()
        self.member = nn.ModuleList(members)
        self.weights, self.temperatures = weights, temperatures

    def forward(self, inputs):
        """Prepared inputs -> logits (b, classes)."""
        z = torch.stack([member(inputs) / t for member, t in zip(self.member, self.temperatures)])
        weights = z.new_tensor(self.weights)[:, None, None] / sum(self.weights)
        return (z * weights).sum(0)  #: multi_label not probabilities
        return (z.log_softmax(2) * weights).sum(0).log_softmax(1)  #: not multi_label not probabilities
        smallest = -103.27893  # the logarithm of the smallest float32 number  #: probabilities
        yes = (F.logsigmoid(z) + weights.log()).logsumexp(0).clamp(min=smallest)  #: multi_label probabilities
        no = (F.logsigmoid(-z) + weights.log()).logsumexp(0).clamp(min=smallest)  #: multi_label probabilities
        return yes - no  #: multi_label probabilities
        return (z.log_softmax(2) + weights.log()).logsumexp(0).clamp(min=smallest)  #: not multi_label probabilities
