from torch import nn


class MixerBlock(nn.Module):
    """MLP-Mixer (Tolstikhin et al. 2021): an MLP over the tokens, then one over the features."""

    def __init__(self, tokens, width, token_width, channel_width, dropout=0.0):
        super().__init__()
        self.norm1, self.token_mix = nn.LayerNorm(width), MLP(tokens, token_width, dropout)
        self.norm2, self.channel_mix = nn.LayerNorm(width), MLP(width, channel_width, dropout)

    def forward(self, x, mask=None):  #: masked else def forward(self, x):
        x = x + self.token_mix(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channel_mix(self.norm2(x))
