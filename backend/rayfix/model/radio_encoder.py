"""Radio encoder: measurement tokens and a CLS token through a transformer.

No positional code is added, so the order of the tokens changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rayfix.model.attention import Layer
from rayfix.model.config import NetworkConfig
from rayfix.model.radio_inputs import TOKEN_INPUTS, RadioInputs


class RadioTokens(NamedTuple):
    """Summary [B, D], tokens [B, S, D], and per layer the attention of CLS, [L, B, H, S]."""

    summary_BD: Tensor
    token_BSD: Tensor
    attention_LBHS: Tensor | None


class RadioEncoder(nn.Module):
    """Transformer over the tokens of `radio_inputs` with a learned CLS token."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.width
        self.embed = nn.Sequential(
            nn.Linear(TOKEN_INPUTS, width), nn.GELU(), nn.Linear(width, width)
        )
        self.cls = nn.Parameter(torch.zeros(width))
        self.layers = nn.ModuleList(
            Layer(width, config.heads, config.feed_forward, config.dropout)
            for _ in range(config.radio_layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, inputs: RadioInputs, attention: bool = False) -> RadioTokens:
        """Encode; `attention` also returns how CLS attends (renormalised over the tokens)."""
        B = len(inputs.token_BSI)
        x = torch.cat([self.cls.expand(B, 1, -1), self.embed(inputs.token_BSI)], 1)
        mask = torch.cat([inputs.mask_BS.new_ones(B, 1), inputs.mask_BS], 1)
        weights: list[Tensor] = []
        for layer in self.layers:
            x, weights_BHLS = layer(x, None, mask, attention)
            if weights_BHLS is not None:
                to_tokens = weights_BHLS[:, :, 0, 1:]
                weights.append(to_tokens / to_tokens.sum(-1, keepdim=True).clamp_min(1e-12))
        x = self.norm(x)
        return RadioTokens(x[:, 0], x[:, 1:], torch.stack(weights) if weights else None)
