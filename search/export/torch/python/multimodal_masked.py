from torch import nn


class Multimodal(nn.Module):  #: masked
    """Encoders, a fusion function and a fusion network, with a head on the fused tokens and one on each modality's.

    The prediction is the mean of the logits of all heads.  #: mean not lacking
    The prediction is the mean of the logits of all heads, except those of modalities that a row lacks.  #: mean lacking
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
        tokens, masks, logits, count = [], [], [], 1  #: lacking not fusion
        tokens, masks, logits = [], [], []  #: not lacking not fusion
        tokens, masks = [], []  #: fusion
        for name, encoder in self.encoders.items():
            x, mask = encode(name, encoder, inputs)  #: not lacking
            x, mask, present = encode(name, encoder, inputs)  #: lacking not fusion
            x, mask, present = encode(name, encoder, inputs)  #: lacking fusion align
            x, mask, _ = encode(name, encoder, inputs)  #: lacking fusion not align
            z = self.heads[name](mean_token(x, mask))  #: lacking not fusion
            logits.append(z if present is None else z * present)  #: lacking not fusion
            count = count + (1 if present is None else present)  #: lacking not fusion
            logits.append(self.heads[name](mean_token(x, mask)))  #: not lacking not fusion
            if name in self.align:  #: align
                x = self.align[name](x)  #: align not lacking
                x = self.align[name](x) if present is None else self.align[name](x) * mask[..., None]  #: align lacking
            tokens.append(x)
            masks.append(mask)
        fused, mask = self.fusion(tokens, masks)
        x = self.network(fused, mask)
        z = self.head(mean_token(x, mask if x.shape[1] == fused.shape[1] else None))
        return z  #: fusion
        if self.prediction == "fusion":  #: both
            return z  #: both
        return (z + sum(logits)) / count  #: lacking not fusion
        return (z + sum(logits)) / (len(logits) + 1)  #: not lacking not fusion
