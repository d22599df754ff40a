"""What is left of a drive test's residuals, spread over the map: kriging per site.

A Gaussian process with an exponential covariance (Gudmundson 1991; Rasmussen and Williams 2006,
eq. 4.18, nu = 1/2, and eqs. 2.25, 2.26), whose two parts are one field per cell and one that the
cells of a site share, because they share walls and roofs. Its four figures are fitted to all sites
together by maximum marginal likelihood (eq. 5.8).

Shape letters: M measured pairs, G points, C cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

Float64 = npt.NDArray[np.float64]

LARGEST_DB = 8.0
"""A correction is at most this large [dB]; so is a residual that it is made from."""
LENGTH_RANGE_M = (5.0, 100.0)
SIGMA_RANGE_DB = (0.05, 6.0)
NOISE_RANGE_DB = (0.5, 10.0)


@dataclass(frozen=True)
class Covariance:
    """Covariance of residuals.

    Attributes:
        cell_db, site_db: standard deviations of the field of a cell and of that of a site.
        length_m: distance at which the correlation is 1/e.
        noise_db: standard deviation of what is not a field.
    """

    cell_db: float
    site_db: float
    length_m: float
    noise_db: float

    def between(self, a_m: Float64, a_cell: Float64, b_m: Float64, b_cell: Float64) -> Float64:
        """Covariance of the fields [dB^2] between points [A, 2] and [B, 2] of cells [A] and [B]
        of one site, [A, B]."""
        same = a_cell[:, None] == b_cell[None, :]
        near = np.exp(-cdist(a_m, b_m) / self.length_m)
        return np.asarray(near * (self.site_db**2 + self.cell_db**2 * same))


@dataclass(frozen=True)
class Residuals:
    """Residuals of one site's cells: places [M, 2] [m], cells [M], values [M] [dB]."""

    xy_m_M2: Float64
    cell_M: npt.NDArray[np.int64]
    value_db_M: Float64

    @property
    def capped_db_M(self) -> Float64:
        """Values within +- `LARGEST_DB`: one wrong fix must not paint its surroundings."""
        return np.asarray(self.value_db_M.clip(-LARGEST_DB, LARGEST_DB))


def fit_covariance(sites: list[Residuals], prior: Covariance) -> Covariance:
    """Covariance with the largest marginal likelihood of all sites' residuals.

    Log-normal priors of a factor of two around `prior` keep few residuals from deciding.
    """
    bounds = [SIGMA_RANGE_DB, SIGMA_RANGE_DB, LENGTH_RANGE_M, NOISE_RANGE_DB]
    start = np.log([prior.cell_db, prior.site_db, prior.length_m, prior.noise_db])

    def loss(log_values: Float64) -> float:
        covariance = Covariance(*np.exp(log_values))
        total = 0.5 * float((((log_values - start) / math.log(2.0)) ** 2).sum())
        for site in sites:
            if not len(site.cell_M):
                continue
            factor = _factor(site, covariance)
            total += 0.5 * float(site.capped_db_M @ cho_solve(factor, site.capped_db_M))
            total += float(np.log(np.diag(factor[0])).sum())
        return total

    found = minimize(loss, start, method="L-BFGS-B", bounds=np.log(bounds), options={"maxiter": 40})
    return Covariance(*(float(value) for value in np.exp(found.x)))


def _factor(site: Residuals, covariance: Covariance) -> tuple[Float64, bool]:
    cell = site.cell_M.astype(np.float64)
    matrix = covariance.between(site.xy_m_M2, cell, site.xy_m_M2, cell)
    matrix[np.diag_indices(len(cell))] += covariance.noise_db**2
    factor: tuple[Float64, bool] = cho_factor(matrix, lower=True)
    return factor


def krige(
    site: Residuals, covariance: Covariance, xy_m_G2: Float64, cell: int, chunk: int = 16384
) -> tuple[Float64, Float64]:
    """Mean [dB] and standard deviation [dB] of a cell's residual field at points, [G] each.

    Without residuals the mean is 0 and the standard deviation that of the fields.
    """
    spread = covariance.site_db**2 + covariance.cell_db**2
    mean, variance = np.zeros(len(xy_m_G2)), np.full(len(xy_m_G2), spread)
    if len(site.cell_M):
        factor = _factor(site, covariance)
        weight_M = cho_solve(factor, site.capped_db_M)
        for start in range(0, len(xy_m_G2), chunk):
            part = slice(start, start + chunk)
            points = xy_m_G2[part]
            cross_GM = covariance.between(
                points,
                np.full(len(points), float(cell)),
                site.xy_m_M2,
                site.cell_M.astype(np.float64),
            )
            mean[part] = cross_GM @ weight_M
            half_MG = solve_triangular(factor[0], cross_GM.T, lower=True)
            variance[part] = spread - (half_MG**2).sum(axis=0)
    return mean.clip(-LARGEST_DB, LARGEST_DB), np.sqrt(variance.clip(0.0))
