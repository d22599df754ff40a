"""Pre-norm transformer layers whose attention weights can be read.

Shape letters: B batch, L queries, S keys, D width, H heads.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head attention (Vaswani et al., 2017, section 3.2) over given keys and values.

    The fused kernel gives no weights, so they are computed openly when they are asked for; both
    ways give the same output.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(
        self, query_BLD: Tensor, key_value_BSE: Tensor, mask_BS: Tensor | None, weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Args:
            query_BLD: tokens that ask.
            key_value_BSE: keys and values side by side, E = 2 D.
            mask_BS: True where a key exists; None = everywhere.
            weights: also return the weights [B, H, L, S]; each row sums to 1.
        """
        B, L, D = query_BLD.shape

        def split(x: Tensor) -> Tensor:
            return x.view(B, -1, self.heads, D // self.heads).transpose(1, 2)

        q = split(self.query(query_BLD))
        k, v = (split(x) for x in key_value_BSE.chunk(2, dim=-1))
        mask = None if mask_BS is None else mask_BS[:, None, None, :]
        weights_BHLS = None
        if weights:
            logits = q @ k.transpose(-2, -1) / math.sqrt(D // self.heads)
            if mask is not None:
                logits = logits.masked_fill(~mask, float("-inf"))
            weights_BHLS = logits.softmax(-1)
            mixed = weights_BHLS @ v
        else:
            mixed = F.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, dropout_p=self.dropout if self.training else 0.0
            )
        return self.out(mixed.transpose(1, 2).reshape(B, L, D)), weights_BHLS


class Layer(nn.Module):
    """One pre-norm layer: attention, then a two-layer perceptron."""

    def __init__(self, width: int, heads: int, feed_forward: int, dropout: float) -> None:
        super().__init__()
        self.norm_query = nn.LayerNorm(width)
        self.norm_hidden = nn.LayerNorm(width)
        self.key_value = nn.Linear(width, 2 * width)
        self.attention = Attention(width, heads, dropout)
        self.perceptron = nn.Sequential(
            nn.Linear(width, feed_forward),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(feed_forward, width),
        )
        self.drop = nn.Dropout(dropout)

    def forward(
        self,
        x_BLD: Tensor,
        key_value_BSE: Tensor | None = None,
        mask_BS: Tensor | None = None,
        weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The tokens after the layer, and the attention weights [B, H, L, S] when asked for.

        `key_value_BSE` are the keys and values of other tokens (made by the layer's `key_value`);
        None = self-attention.
        """
        asked = self.norm_query(x_BLD)
        if key_value_BSE is None:
            key_value_BSE = self.key_value(asked)
        mixed, weights_BHLS = self.attention(asked, key_value_BSE, mask_BS, weights)
        x_BLD = x_BLD + self.drop(mixed)
        return x_BLD + self.drop(self.perceptron(self.norm_hidden(x_BLD))), weights_BHLS


def sine_positions(rows: int, columns: int, width: int) -> Tensor:
    """Two-dimensional sine-cosine positions [rows * columns, width], row-major.

    Half of the channels hold the row, half the column (He et al., 2022, appendix A.1); rows and
    columns are scaled to the map's side, so that grids of any size span the same code.
    """
    frequency = math.pi * 2.0 ** torch.linspace(0.0, 5.0, width // 4)

    def code(count: int) -> Tensor:
        angle = ((torch.arange(count) + 0.5) / count)[:, None] * frequency
        return torch.cat([angle.sin(), angle.cos()], 1)

    row_code = code(rows)[:, None].expand(rows, columns, -1)
    column_code = code(columns)[None].expand(rows, columns, -1)
    return torch.cat([row_code, column_code], -1).flatten(0, 1)
