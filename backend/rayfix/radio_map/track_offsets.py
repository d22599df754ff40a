"""Levels of one cell that differ from one trajectory to the next: another phone, another gain.

Shape letters: N samples, V bins, U bins of a group of cells, C cells, K trajectories, J features of
the mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist

from rayfix.radio_map.kriging import (
    PRIOR_READINGS,
    PRIOR_SCALE_DB,
    Bins,
    CellPrior,
    Float64,
    Int64,
    Kernel,
    factor,
    same_samples,
)

OFFSET_SIGMA_DB = 8.0
"""Standard deviation of an offset: few samples move it little."""


def track_offsets(
    xy_m_N2: Float64,
    level_NC: Float64,
    track_N: Int64,
    tracks: int,
    priors: Sequence[CellPrior],
    kernel: Kernel | None = None,
) -> Float64:
    """How far each trajectory's level of a cell is above the cell's own [dB], [K, C].

    Offsets are features of the kriging mean with a prior around 0, so that what differs between
    the places of two trajectories is left to the map as far as it can explain it. 0 where there is
    one trajectory, or nothing measured.
    """
    kernel = kernel or Kernel()
    offset_KC = np.zeros((tracks, level_NC.shape[1]))
    bins = Bins.of(xy_m_N2, track_N)
    track_V = np.zeros(len(bins.xy_m_V2), np.int64)
    track_V[bins.index_N] = track_N
    among_VV = kernel(cdist(bins.xy_m_V2, bins.xy_m_V2))
    for cells, rows in same_samples(np.isfinite(level_NC)):
        there, samples = np.unique(track_N[rows], return_counts=True)
        if len(there) < 2:
            continue
        used_U, level_UC, count_U = bins.average(level_NC[:, cells], rows)
        xy_U2, track_U = bins.xy_m_V2[used_U], track_V[used_U]
        lower_UU = factor(among_VV[np.ix_(used_U, used_U)], count_U, kernel)
        member_UK = (track_U[:, None] == there).astype(np.float64)
        for j, c in enumerate(cells):
            mean = priors[c].mean(xy_U2, float(level_UC[:, j].mean()))
            features_UJ = np.concatenate([mean.features_GJ, member_UK], axis=1)
            sigma_J = np.concatenate([mean.sigma_J, np.full(len(there), OFFSET_SIGMA_DB)])
            residual_U = level_UC[:, j] - mean.features_GJ @ mean.coefficient_J
            white_UJ = solve_triangular(lower_UU, features_UJ, lower=True)
            white_U = solve_triangular(lower_UU, residual_U, lower=True)
            # The scale of the noise matters to the prior alone; twice is enough for it to settle.
            scale2 = PRIOR_SCALE_DB**2
            change_J = np.zeros(len(sigma_J))
            for _ in range(2):
                precision_JJ = white_UJ.T @ white_UJ + np.diag(scale2 / sigma_J**2)
                change_J = np.linalg.solve(precision_JJ, white_UJ.T @ white_U)
                left_U = white_U - white_UJ @ change_J
                scale2 = (left_U @ left_U + PRIOR_READINGS * PRIOR_SCALE_DB**2) / (
                    len(left_U) + PRIOR_READINGS
                )
            found = change_J[len(mean.sigma_J) :]
            # Their mean belongs to the cell.
            offset_KC[there, c] = found - found @ samples / samples.sum()
    return offset_KC
