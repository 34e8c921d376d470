from torch import nn


class Classifier(nn.Module):
    """An encoder with a head on the mean of its tokens."""

    def __init__(self, name, encoder, head):
        super().__init__()
        self.name, self.encoder, self.head = name, encoder, head

    def forward(self, inputs):
        """Prepared inputs -> logits (b, classes)."""
        x, mask, _ = encode(self.name, self.encoder, inputs)  #: lacking
        x, mask = encode(self.name, self.encoder, inputs)  #: masked not lacking
        return self.head(mean_token(x, mask))  #: masked else return self.head(self.encoder(inputs[self.name]).mean(1))
