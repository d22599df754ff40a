"""Fusion: radio-conditioned queries attend to map tokens, then every coarse cell gets a logit.

Shape letters: B sequences, P coarse cells, D width, R queries, V evidence channels, H heads,
L layers, d hidden channels of the coarse head.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rayfix.model.attention import Layer
from rayfix.model.config import NetworkConfig

EVIDENCE_CHANNELS = 7


class GridEvidence(NamedTuple):
    """The grid evidence reduced to coarse cells.

    Attributes:
        log_mass_BP: log of the evidence's probability in each cell; sums to 1 over P.
        channel_BPV: channels that the network reads, scaled.
    """

    log_mass_BP: Tensor
    channel_BPV: Tensor


def reduce_evidence(
    likelihood_BPk: Tensor, log_prior_Pk: Tensor, offset_k2: Tensor, temperature_B: Tensor
) -> GridEvidence:
    """Log mass, offset and spread of the evidence within each coarse cell.

    The grid is evaluated without gradient. The temperature T still learns from it: the
    derivative of log sum exp(T l + p) by T is the mean of l under those weights, a number that
    the same pass gives.
    """
    with torch.no_grad():
        joint = likelihood_BPk * temperature_B[:, None, None] + log_prior_Pk
        mass = torch.logsumexp(joint, -1)
        share = F.softmax(joint, -1)
        slope = (share * likelihood_BPk).sum(-1)
        offset = share @ offset_k2
        spread = (
            (share @ offset_k2.square().sum(-1) - offset.square().sum(-1)).clamp_min(0.0).sqrt()
        )
        best = mass.amax(1, keepdim=True)
        half = offset_k2.abs().amax().clamp_min(1e-6)
    step = (temperature_B - temperature_B.detach())[:, None]
    log_mass = F.log_softmax(mass + step * slope, -1)
    channels = torch.cat(
        [
            torch.stack(
                [
                    (mass - best).clamp_min(-60.0) / 10.0,
                    log_mass.detach().exp(),
                    slope.clamp(-200.0, 50.0) / 50.0,
                    spread / half,
                    log_prior_Pk.exp().mean(-1).expand_as(mass),
                ],
                -1,
            ),
            offset / half,
        ],
        -1,
    )
    return GridEvidence(log_mass, channels)


class CrossLayer(nn.Module):
    """A layer from queries to map tokens. Keys and values are a part of the scene (once per map)
    plus a linear part of the evidence (per sequence)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.layer = Layer(config.width, config.heads, config.feed_forward, config.dropout)
        self.evidence = nn.Linear(EVIDENCE_CHANNELS, 2 * config.width, bias=False)

    def forward(
        self, query_BRD: Tensor, token_PD: Tensor, channel_BPV: Tensor, weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Queries after the layer and the weights [B, H, R, P] when asked for."""
        key_value = self.layer.key_value(token_PD) + self.evidence(channel_BPV)
        query, weights_BHRP = self.layer(query_BRD, key_value, None, weights)
        return query, weights_BHRP


class Fusion(nn.Module):
    """Queries, cross-attention and the coarse head.

    The head's last layer starts at zero: before training, the coarse distribution is that of the
    physical evidence, and training learns what to correct.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.rows, self.columns = config.rows, config.columns
        hidden = config.width // 2
        self.queries = nn.Parameter(0.02 * torch.randn(config.queries, config.width))
        self.condition = nn.Linear(config.width, config.width)
        self.layers = nn.ModuleList(CrossLayer(config) for _ in range(config.cross_layers))
        self.norm = nn.LayerNorm(config.width)
        self.pool = nn.Linear(config.queries * config.width, config.width)
        self.from_map = nn.Linear(config.width, hidden)
        self.from_evidence = nn.Linear(EVIDENCE_CHANNELS, hidden)
        self.from_query = nn.Linear(config.width, 2 * hidden)
        self.around = nn.Conv2d(hidden, hidden // 2, 3, padding=1)
        self.logit = nn.Linear(hidden // 2, 1)
        nn.init.zeros_(self.logit.weight)
        nn.init.zeros_(self.logit.bias)

    def forward(
        self, summary_BD: Tensor, token_PD: Tensor, evidence: GridEvidence, attention: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Coarse logits [B, P], context [B, D], attention averaged over queries [L, B, H, P]."""
        query = self.queries + self.condition(summary_BD)[:, None]
        weights: list[Tensor] = []
        for layer in self.layers:
            query, weights_BHRP = layer(query, token_PD, evidence.channel_BPV, attention)
            if weights_BHRP is not None:
                weights.append(weights_BHRP.mean(2))
        context = self.pool(self.norm(query).flatten(1))
        shift, gain = self.from_query(context).chunk(2, -1)
        hidden = F.gelu(
            self.from_map(token_PD) + self.from_evidence(evidence.channel_BPV) + shift[:, None]
        ) * (1.0 + gain[:, None])
        plane = hidden.transpose(1, 2).unflatten(2, (self.rows, self.columns))
        around = F.gelu(self.around(plane)).flatten(2).transpose(1, 2)
        logit = evidence.log_mass_BP + self.logit(around)[..., 0]
        return logit, context, torch.stack(weights) if weights else None
