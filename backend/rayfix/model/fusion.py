"""Fusion: radio-conditioned queries attend to the map, then likely coarse cells get a logit.

Physics leaves few of the coarse cells possible. Attention and the learned correction look at the
likeliest ones only (the candidates); the others keep the logit that physics gives them.

Shape letters: B sequences, P coarse cells, M candidates, D width, R queries, V evidence channels,
H heads, L layers, k blocks of a coarse cell.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rayfix.model.attention import Layer
from rayfix.model.config import NetworkConfig

EVIDENCE_CHANNELS = 9
CORRECTION_LIMIT = 2.0
"""Largest learned correction of a coarse logit [nats]: enough to overrule physics where it is in
doubt, too little to learn the training places by heart where reports say little."""
FREE_LIMIT = 30.0
"""The same without physical evidence (ablation)."""


class GridEvidence(NamedTuple):
    """The grid evidence reduced to coarse cells.

    Attributes:
        log_mass_BP: log of the evidence's probability in each cell; sums to 1 over P.
        channel_BPV: channels that the network reads, scaled.
    """

    log_mass_BP: Tensor
    channel_BPV: Tensor


def reduce_evidence(
    likelihood_BPk: Tensor,
    log_prior_Pk: Tensor,
    offset_k2: Tensor,
    temperature_B: Tensor,
    size: tuple[int, int],
) -> GridEvidence:
    """Log mass, offset and spread of the evidence within each coarse cell.

    The grid is evaluated without gradient. The temperature T still learns from it: the derivative
    of log sum exp(T l + p) by T is the mean of l under those weights, a number that the same pass
    gives. `size` is rows and columns of the coarse grid.
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
    share = log_mass.detach().exp()
    plane = share.view(-1, 1, *size)
    around = F.avg_pool2d(plane, 3, stride=1, padding=1)[:, 0].flatten(1) * 9.0
    channels = torch.stack(
        [
            (mass - best).clamp_min(-60.0) / 10.0,
            share,
            around,
            share / (around + 1e-6),
            slope.clamp(-200.0, 50.0) / 50.0,
            spread / half,
            log_prior_Pk.exp().mean(-1).expand_as(mass),
            offset[..., 0] / half,
            offset[..., 1] / half,
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
        self, query_BRD: Tensor, token_PD: Tensor, cell_BM: Tensor, channel_BMV: Tensor, read: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Queries after the layer and, when read, the weights [B, H, R, M]."""
        key_value = self.layer.key_value(token_PD)[cell_BM] + self.evidence(channel_BMV)
        query, weights_BHRM = self.layer(query_BRD, key_value, None, read)
        return query, weights_BHRM


class Fusion(nn.Module):
    """Queries, cross-attention and the coarse head.

    The head's last layer starts at zero: before training, the coarse distribution is that of the
    physical evidence, and training learns what to correct.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        # Without evidence nothing says which cells are likely, and the correction is all there is.
        physical = config.use_evidence
        self.candidates = config.candidates if physical else config.rows * config.columns
        self.limit = CORRECTION_LIMIT if physical else FREE_LIMIT
        width = config.width
        self.queries = nn.Parameter(0.02 * torch.randn(config.queries, width))
        self.condition = nn.Linear(width, width)
        self.layers = nn.ModuleList(CrossLayer(config) for _ in range(config.cross_layers))
        self.norm = nn.LayerNorm(width)
        self.pool = nn.Linear(config.queries * width, width)
        self.from_map = nn.Linear(width, width)
        self.from_evidence = nn.Linear(EVIDENCE_CHANNELS, width)
        self.from_context = nn.Linear(width, 2 * width)
        self.drop = nn.Dropout(config.dropout)
        self.middle = nn.Linear(width, width)
        self.logit = nn.Linear(width, 1)
        nn.init.zeros_(self.logit.weight)
        nn.init.zeros_(self.logit.bias)

    def forward(
        self, summary_BD: Tensor, token_PD: Tensor, evidence: GridEvidence, attention: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Coarse logits [B, P], context [B, D], attention averaged over queries [L, B, H, P]."""
        log_mass = evidence.log_mass_BP
        cell_BM = log_mass.detach().topk(min(self.candidates, log_mass.shape[1]), 1).indices
        index = cell_BM[..., None].expand(-1, -1, EVIDENCE_CHANNELS)
        channel_BMV = evidence.channel_BPV.gather(1, index)
        query = self.queries + self.condition(summary_BD)[:, None]
        weights: list[Tensor] = []
        for layer in self.layers:
            query, weights_BHRM = layer(query, token_PD, cell_BM, channel_BMV, attention)
            if weights_BHRM is not None:
                mean_BHM = weights_BHRM.mean(2)
                place = cell_BM[:, None].expand_as(mean_BHM)
                full = mean_BHM.new_zeros(*mean_BHM.shape[:2], log_mass.shape[1])
                weights.append(full.scatter(2, place, mean_BHM))
        context = self.pool(self.norm(query).flatten(1))
        shift, gain = self.from_context(context).chunk(2, -1)
        hidden = F.gelu(
            self.from_map(token_PD)[cell_BM] + self.from_evidence(channel_BMV) + shift[:, None]
        ) * (1.0 + gain[:, None])
        correction = self.logit(self.drop(F.gelu(self.middle(self.drop(hidden)))))[..., 0]
        correction = self.limit * torch.tanh(correction / self.limit)
        logit = log_mass.scatter_add(1, cell_BM, correction)
        return logit, context, torch.stack(weights) if weights else None
