"""Evidence of which cells were heard and which were not, for the grid posterior.

Shape letters: B sequences, C cells, P outdoor places.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rayfix.physics.likelihood_grid import LikelihoodGrid
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation
from rayfix.physics.report_features import PATH_GAIN

UNSEEN_FULL = 0.01
"""Share of cells missing from reports above which a full list often looks as if it had room."""


def log_detection(
    observation: Observation, maps: MapTensors, noise: NoiseModel, grid: LikelihoodGrid
) -> Tensor:
    """Log probability of which cells were heard and which were not, [B, P]."""
    share = noise.undetected_share
    heard_CP = grid.heard_share_CP.clamp(0.25 * share, 1.0 - share)
    heard_BC = observation.heard_BC.to(heard_CP.dtype)
    silent_BC = (observation.listened_BC & ~observation.heard_BC).to(heard_CP.dtype)
    listed_BC = heard_BC
    if maps.detection_CHW is not None:
        # The density of a measured level is a joint one: that the level reaches detection is in it.
        listed_BC = heard_BC.scatter_add(
            1,
            observation.cell_BK,
            -observation.valid_BKF[..., PATH_GAIN].to(heard_CP.dtype) * observation.heard_BK,
        )
    total_BP = listed_BC @ heard_CP.log()
    gone_B = noise.missing_cell_share ** observation.report_BT.sum(-1)
    threshold_db_BC = observation.threshold_dbm_BC - maps.epre_dbm_C
    detection_db_C = maps.noise_dbm_C + noise.detection_snr_db - maps.epre_dbm_C
    full_B = (threshold_db_BC > detection_db_C + 1e-3).any(-1)
    # Sequences whose list was not seen full: a cell is silent where it is not detected, or where
    # what is missing hides that the list was full.
    listed_CP = heard_CP
    if noise.missing_cell_share > UNSEEN_FULL:
        listed_CP = heard_CP * _among_strongest(maps, noise, grid)
    for gone in sorted(set(gone_B[~full_B].tolist())):
        rows_B = ~full_B & (gone_B == gone)
        total_BP[rows_B] += silent_BC[rows_B] @ torch.log1p(-listed_CP * (1.0 - gone))
        total_BP[rows_B] += heard_BC[rows_B] @ (listed_CP / heard_CP).log()
    for b in full_B.nonzero()[:, 0].tolist():
        silent = silent_BC[b] > 0
        total_BP[b] += log_silent(
            heard_CP[silent] * (1.0 - gone_B[b]),
            grid.gain_db_CP[silent],
            threshold_db_BC[b, silent, None],
            noise,
        ).sum(0)
    return total_BP


def list_limit_dbm(rsrp_dbm: Tensor, max_cells: int) -> Tensor:
    """RSRP from which a cell fits in a list [dBm], [...]: between the last that does and the first
    that does not.

    Args:
        rsrp_dbm: of more cells than fit, [C, ...]; -inf where one is not heard.
        max_cells: cells that a list holds.
    """
    return rsrp_dbm.topk(max_cells + 1, dim=0).values[-2:].mean(0)


def _among_strongest(maps: MapTensors, noise: NoiseModel, grid: LikelihoodGrid) -> Tensor:
    """Probability that a cell is among the strongest `max_cells` of a place, [C, P]."""
    reached_CP = grid.heard_share_CP > 0
    rsrp_CP = torch.where(reached_CP, grid.gain_db_CP + maps.epre_dbm_C[:, None], -torch.inf)
    if len(rsrp_CP) <= noise.max_cells:
        return torch.ones_like(rsrp_CP)
    limit_P = list_limit_dbm(rsrp_CP, noise.max_cells)
    listed_CP = torch.special.ndtr((rsrp_CP - limit_P) / noise.path_gain.sigma())
    return torch.where(reached_CP & torch.isfinite(limit_P), listed_CP, 1.0).clamp(min=1e-3)


def log_silent(
    heard: Tensor, path_gain_db: Tensor, threshold_db: Tensor, noise: NoiseModel
) -> Tensor:
    """Log probability that a cell is in no report when their lists were full.

    Args:
        heard: probability that the cell is detected.
        path_gain_db: of the map [dB].
        threshold_db: path gain that the cell was measured below [dB].
        noise: RSRP is ranked with its errors.
    """
    below = torch.special.ndtr((threshold_db - path_gain_db) / noise.path_gain.sigma())
    return torch.log1p(-heard * (1.0 - below))
