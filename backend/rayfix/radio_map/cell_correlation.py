"""How alike the errors of different cells' maps are at one place.

What stands around a phone weakens all cells that come from the same side, and its own gain all of
them: errors of two cells at one place are correlated, the more the closer the antennas stand
(Graziosi and Santucci 2002). A posterior that takes them as independent trusts its maps too much.

Shape letters: N samples, C cells.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.spatial.distance import cdist

Float64 = npt.NDArray[np.float64]

FEWEST_SHARED = 100
"""Samples of a pair of cells that tell of their correlation."""
LIMIT = 3.0
"""Standardised errors beyond this many deviations are cut: they are not what correlates."""
RANGES_M = (100.0, 200.0, 400.0, 800.0, 1600.0)


class CellCorrelation(BaseModel):
    """Correlation of the errors of two cells whose antennas are d metres apart:
    common + nearby exp(-d / range_m)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    common: float = Field(default=0.0, ge=0, le=0.9)
    nearby: float = Field(default=0.0, ge=0, le=0.9)
    range_m: float = Field(default=400.0, gt=0)

    def matrix(self, antenna_m_C2: Float64) -> Float64:
        """Correlation of every two cells, [C, C]; antennas at one place are not the same cell."""
        apart_CC = cdist(antenna_m_C2, antenna_m_C2)
        correlation_CC = self.common + self.nearby * np.exp(-apart_CC / self.range_m)
        np.fill_diagonal(correlation_CC, 1.0)
        return np.asarray(correlation_CC, np.float64)


def fit_cell_correlation(error_NC: Float64, antenna_m_C2: Float64) -> CellCorrelation:
    """Least squares over the pairs of cells, each with the weight of its samples.

    Args:
        error_NC: standardised errors of the maps at places they were not made from, NaN = none.
        antenna_m_C2: places of the antennas [m].
    """
    known_NC = np.isfinite(error_NC)
    cut_NC = np.where(known_NC, np.clip(error_NC, -LIMIT, LIMIT), 0.0)
    shared_CC = known_NC.T.astype(np.float64) @ known_NC.astype(np.float64)
    first, second = np.nonzero(np.triu(shared_CC >= FEWEST_SHARED, 1))
    if len(first) < 3:
        return CellCorrelation()
    product_CC = cut_NC.T @ cut_NC / np.maximum(shared_CC, 1.0)
    deviation_C = np.sqrt(np.maximum(np.diag(product_CC), 1e-6))
    correlation = (product_CC / np.outer(deviation_C, deviation_C))[first, second]
    weight = np.sqrt(shared_CC[first, second])
    apart = np.hypot(*(antenna_m_C2[first] - antenna_m_C2[second]).T)

    def fitted(range_m: float) -> tuple[float, CellCorrelation]:
        columns = np.stack([np.ones_like(apart), np.exp(-apart / range_m)], axis=1)
        (common, nearby), *_ = np.linalg.lstsq(
            columns * weight[:, None], correlation * weight, rcond=None
        )
        # Negative correlations would be chance; both together stay short of a certainty.
        common = float(np.clip(common, 0.0, 0.5))
        found = CellCorrelation(
            common=common, nearby=float(np.clip(nearby, 0.0, 0.9 - common)), range_m=range_m
        )
        left = correlation - found.common - found.nearby * columns[:, 1]
        return float((weight**2 * left**2).sum()), found

    return min((fitted(range_m) for range_m in RANGES_M), key=lambda pair: pair[0])[1]
