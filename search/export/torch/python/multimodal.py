from torch import nn


class Multimodal(nn.Module):  #: not masked
    """Encoders, a fusion function and a fusion network, with a head on the fused tokens and one on each modality's.

    The prediction is the mean of the logits of all heads.  #: mean
    The prediction is that of the head on the fused tokens. The others are for training alone.  #: fusion
    The prediction is the mean of the logits of all heads, or those of the fused tokens alone.  #: both
    """

    def __init__(self, encoders, heads, fusion, network, head):  #: not align not both
    def __init__(self, encoders, heads, fusion, network, head, align=None):  #: align not both
    def __init__(self, encoders, heads, fusion, network, head, align=None, prediction="mean"):  #: both
        super().__init__()
        self.encoders, self.heads = nn.ModuleDict(encoders), nn.ModuleDict(heads)  #: not odd_names
        self.align = nn.ModuleDict(align or {})  #: align not odd_names
        self.encoders, self.heads = ByName(encoders), ByName(heads)  #: odd_names
        self.align = ByName(align or {})  #: align odd_names
        self.fusion, self.network, self.head = fusion, network, head
        self.prediction = prediction  #: both

    def forward(self, inputs):
        """Prepared inputs -> logits (b, classes)."""
        tokens = {name: encoder(inputs[name]) for name, encoder in self.encoders.items()}
        logits = [self.heads[name](x.mean(1)) for name, x in tokens.items()]  #: not fusion
        for name, align in self.align.items():  #: align
            tokens[name] = align(tokens[name])  #: align
        fused = self.network(self.fusion(list(tokens.values())))
        return self.head(fused.mean(1))  #: fusion
        logits.append(self.head(fused.mean(1)))  #: not fusion
        if self.prediction == "fusion":  #: both
            return logits[-1]  #: both
        return sum(logits) / len(logits)  #: not fusion
