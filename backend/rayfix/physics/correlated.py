"""Joint density of the path gains of all heard cells, for maps whose errors are correlated.

Shape letters: B sequences, K heard cells, C cells, P outdoor places, U usable cells of a sequence.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rayfix.physics.density import core_density
from rayfix.physics.likelihood import EVIDENCE_FEATURES
from rayfix.physics.likelihood_grid import LikelihoodGrid
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation
from rayfix.physics.report_features import PATH_GAIN

CERTAIN = 1e-4
"""Detection is never surer than this: a probability of 1 would be infinitely many deviations."""


def log_correlated(
    observation: Observation, maps: MapTensors, noise: NoiseModel, grid: LikelihoodGrid
) -> Tensor:
    """Log density of path gains and silence at every place, [B, P], up to a constant of each.

    A heard cell has its residual over its standard deviation. A cell that was listened for and not
    heard stayed below its threshold: no residual where the map has it below as well, else how many
    deviations above the map has it, which is what its probability of detection says (the censored
    residual of Tobin 1958). A map without detection leaves silence out.

    Residuals are made independent by the inverse square root of their correlation, which leaves
    each as close to its own cell as can be (ZCA whitening), so that the tail and the flat share of
    `FeatureNoise` judge one cell each. Cells whose map does not cover every place are left out: a
    measured map has them everywhere or nowhere.
    """
    assert noise.cell_correlation is not None
    e = EVIDENCE_FEATURES.index(PATH_GAIN)
    antenna_m_C2 = maps.cell_xyz_m_C3[:, :2].cpu().double().numpy()
    correlation_CC = torch.from_numpy(noise.cell_correlation.matrix(antenna_m_C2)).to(maps.device)
    covered_C = grid.path_CP.all(-1)
    usable_BK = (
        observation.heard_BK
        & observation.valid_BKF[..., PATH_GAIN]
        & covered_C[observation.cell_BK]
    )
    silent_BC = observation.listened_BC & ~observation.heard_BC & covered_C
    silent_CP = None
    if maps.detection_CHW is not None:
        heard_CP = grid.heard_share_CP.clamp(CERTAIN, 1.0 - CERTAIN)
        silent_CP = -torch.special.ndtri(heard_CP).clamp(min=0.0)
    kind = noise.path_gain
    total_BP = grid.mean_CEP.new_zeros(len(observation), len(grid.xy_m_P2))
    whitening: dict[tuple[int, ...], Tensor] = {}
    for b in range(len(observation)):
        slot_U = usable_BK[b].nonzero()[:, 0]
        cell_U = observation.cell_BK[b, slot_U]
        sigma_UP = (
            grid.variance_CEP[cell_U, e]
            + observation.sigma_BKF[b, slot_U, PATH_GAIN].square()[:, None]
        ).sqrt()
        residual_UP = (
            observation.value_BKF[b, slot_U, PATH_GAIN][:, None] - grid.mean_CEP[cell_U, e]
        ) / sigma_UP
        if silent_CP is not None:
            silent = silent_BC[b].nonzero()[:, 0]
            cell_U = torch.cat([cell_U, silent])
            residual_UP = torch.cat([residual_UP, silent_CP[silent]])
            # A silence has a probability and not a density: no unit.
            sigma_UP = torch.cat([sigma_UP, torch.ones_like(silent_CP[silent])])
        if not len(cell_U):
            continue
        cells = tuple(cell_U.tolist())
        if cells not in whitening:
            value, vector = torch.linalg.eigh(correlation_CC[cell_U][:, cell_U])
            whitening[cells] = ((vector * value.clamp(min=1e-3).rsqrt()) @ vector.T).float()
        white_UP = whitening[cells] @ residual_UP
        density_UP = core_density(white_UP, torch.ones_like(white_UP), kind) / sigma_UP
        total_BP[b] = (density_UP + kind.floor).log().sum(0) - len(cells) * math.log(
            kind.no_path_density
        )
    return total_BP
