"""Fine head: offset, full covariance and score of each hypothesis.

Shape letters: B sequences, K hypotheses, n places of a coarse cell, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rayfix.model.config import NetworkConfig
from rayfix.model.motion import Displacement

STATISTICS = 13


class Hypotheses(NamedTuple):
    """Places considered.

    Attributes:
        cell_BK: coarse cell of each.
        mean_m_BK2: position at the last report [m].
        moved_m_BK2: part of it that the phone has come since the middle of the sequence [m].
        cholesky_m_BK22: lower triangular factor of the covariance [m].
        log_weight_BK: log of the weights, which sum to 1.
        log_mass_BK: log mass of the evidence in each cell, unnormalised.
    """

    cell_BK: Tensor
    mean_m_BK2: Tensor
    moved_m_BK2: Tensor
    cholesky_m_BK22: Tensor
    log_weight_BK: Tensor
    log_mass_BK: Tensor

    @property
    def covariance_m2_BK22(self) -> Tensor:
        """Covariance [m^2]."""
        return self.cholesky_m_BK22 @ self.cholesky_m_BK22.mT


class FineHead(nn.Module):
    """Corrects the mean and covariance of the evidence in each chosen coarse cell: once over its
    blocks (the network's own answer), once over its pixels (`LocatorNetwork.sharpen`).

    All corrections start at zero, so that training starts from the evidence itself.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        hidden = config.width
        self.from_token = nn.Linear(config.width, hidden)
        self.from_context = nn.Linear(config.width, hidden)
        self.from_statistics = nn.Linear(STATISTICS, hidden)
        self.middle = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 6)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self,
        cell_BK: Tensor,
        coarse_logit_BK: Tensor,
        log_place_BKn: Tensor,
        seen_mass_BK: Tensor | None,
        offset_n2: Tensor,
        centre_P2: Tensor,
        token_PD: Tensor,
        context_BD: Tensor,
        floor_m2: float,
        displacement: Callable[[Tensor], Displacement],
        precise_B: Tensor,
    ) -> Hypotheses:
        """Hypotheses of the chosen cells.

        Args:
            cell_BK: coarse cells.
            coarse_logit_BK: their coarse logits.
            log_place_BKn: tempered log evidence plus log prior of every place of them.
            seen_mass_BK: log mass of the evidence that the coarse logits have seen, in place of
                which comes that of these places; None = it is the same.
            offset_n2: centres of the places relative to the cell's centre [m].
            centre_P2: centres of all coarse cells [m].
            token_PD, context_BD: map tokens and radio context.
            floor_m2: variance within a place [m^2].
            displacement: from places in the middle of the way to its end.
            precise_B: probability that the reports hold little more than quantisation errors.
        """
        mass, mean, covariance = window_moments(log_place_BKn, offset_n2)
        half = offset_n2.abs().amax().clamp_min(1e-6)
        eye = torch.eye(2, device=mean.device)
        middle = centre_P2[cell_BK] + mean
        moved = displacement(middle)
        base = torch.linalg.cholesky(covariance + floor_m2 * eye + moved.covariance_m2_BK22)
        gain = torch.zeros_like(mass) if seen_mass_BK is None else mass - seen_mass_BK
        relative = coarse_logit_BK - coarse_logit_BK.amax(1, keepdim=True)
        statistics = torch.cat(
            [
                mean / half,
                torch.log(base[..., 0, 0] / half)[..., None],
                torch.log(base[..., 1, 1] / half)[..., None],
                (base[..., 1, 0] / half)[..., None],
                relative.clamp_min(-30.0)[..., None] / 5.0,
                (gain - gain.amax(1, keepdim=True)).clamp(-30.0, 0.0)[..., None] / 5.0,
                coarse_logit_BK.softmax(-1)[..., None],
                (log_place_BKn.amax(-1) - mass)[..., None] / 3.0,
                moved.still_BK[..., None],
                moved.mean_m_BK2 / half,
                precise_B[:, None, None].expand(-1, cell_BK.shape[1], 1),
            ],
            -1,
        )
        hidden = F.gelu(
            self.from_token(token_PD)[cell_BK]
            + self.from_context(context_BD)[:, None]
            + self.from_statistics(statistics)
        )
        out = self.out(F.gelu(self.middle(hidden)))
        shift, stretch, score = out[..., :2], out[..., 2:5], out[..., 5]
        # The shift is measured in the evidence's own spread, so that a sharp peak stays sharp.
        shift = (base @ (4.0 * torch.tanh(shift / 4.0))[..., None])[..., 0]
        end = middle + moved.mean_m_BK2 + shift
        factor = torch.zeros_like(base)
        factor[..., 0, 0] = stretch[..., 0].clamp(-3.0, 3.0).exp()
        factor[..., 1, 1] = stretch[..., 1].clamp(-3.0, 3.0).exp()
        factor[..., 1, 0] = stretch[..., 2]
        log_weight = (coarse_logit_BK + gain + score).log_softmax(-1)
        return Hypotheses(cell_BK, end, moved.mean_m_BK2, base @ factor, log_weight, mass)


def window_moments(log_weight_BKn: Tensor, offset_n2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log mass [B, K], mean offset [B, K, 2] and covariance [B, K, 2, 2] of a cell's places [m]."""
    mass = torch.logsumexp(log_weight_BKn, -1)
    share = F.softmax(log_weight_BKn, -1)
    mean = share @ offset_n2
    centred = offset_n2 - mean[..., None, :]
    covariance = torch.einsum("bkn,bkni,bknj->bkij", share, centred, centred)
    return mass, mean, covariance
