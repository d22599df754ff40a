"""Kriging: a Gaussian process over places, for many cells that were measured at the same places.

Prior: a mean that is linear in features of the place (log-distance, bearing), with Gaussian priors
on its coefficients; around it a process with covariance

    k(d) = a^2 ((1 - s) M(d / r1) + s exp(-d / r2)),    M(u) = (1 + sqrt(3) u) exp(-sqrt(3) u),

a long-range part (shadowing by terrain and blocks; Matern 3/2) and a short-range one (Gudmundson
1991, exponential), and noise. The scale a is that of a cell; ranges and shares are common to all.
Prediction is universal kriging (Rasmussen and Williams 2006, 2.7, equations 2.41 and 2.42).
Measurements within one bin are averaged first, so that the cost is bound by the area.

Shape letters: N samples, V bins, U bins of a group of cells, C cells, G places, J features of
the mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular
from scipy.spatial.distance import cdist

Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]

BIN_M = 20.0
FEWEST_READINGS = 20
"""A cell with fewer readings than this has no map."""
PRIOR_SCALE_DB = 8.0
PRIOR_READINGS = 5.0
"""The scale of a cell counts as if this many readings had told `PRIOR_SCALE_DB`."""
NUGGET = 0.02
"""Variance within a bin that averaging does not remove, over a^2."""
MOST_BINS_FITTED = 400


@dataclass(frozen=True)
class Kernel:
    """Ranges and shares of the covariance, and the noise of one reading over a^2."""

    long_range_m: float = 800.0
    short_range_m: float = 60.0
    short_share: float = 0.1
    noise_share: float = 0.06

    def __call__(self, distance_m: Float64) -> Float64:
        """Covariance over a^2 at distances [m]; same shape."""
        u = np.sqrt(3.0) * distance_m / self.long_range_m
        long = (1.0 + u) * np.exp(-u)
        short = np.exp(-distance_m / self.short_range_m)
        return np.asarray((1.0 - self.short_share) * long + self.short_share * short)


KERNEL_CHOICES: dict[str, tuple[float, ...]] = {
    "long_range_m": (100.0, 200.0, 400.0, 800.0),
    "noise_share": (0.03, 0.06, 0.15, 0.3, 0.6),
    "short_share": (0.05, 0.1, 0.2, 0.4),
    "short_range_m": (30.0, 60.0, 100.0),
}


class Mean(NamedTuple):
    """Prior mean of a cell: features of places, mean and standard deviation of coefficients."""

    features_GJ: Float64
    coefficient_J: Float64
    sigma_J: Float64


@dataclass(frozen=True)
class CellPrior:
    """Log-distance mean of a cell, with a bearing term where its site has sectors.

    Attributes:
        x_m, y_m: of the antenna.
        bearing_deg: boresight; None = omnidirectional, or not known.
    """

    x_m: float
    y_m: float
    bearing_deg: float | None = None

    def mean(self, xy_m_G2: Float64, level_db: float) -> Mean:
        """Features 1, log10 of the distance over 300 m and, with a bearing, cos of the angle off
        boresight; `level_db` is the expected level at 300 m."""
        east, north = xy_m_G2[:, 0] - self.x_m, xy_m_G2[:, 1] - self.y_m
        # 20 m stands for the antenna's height, which site lists of measurements rarely have.
        distance = np.sqrt(east**2 + north**2 + 20.0**2)
        columns = [np.ones_like(distance), np.log10(distance / 300.0)]
        coefficient, sigma = [level_db, -30.0], [15.0, 10.0]
        if self.bearing_deg is not None:
            away = np.arctan2(east, north) - np.deg2rad(self.bearing_deg)
            columns.append(np.cos(away))
            coefficient.append(6.0)
            sigma.append(6.0)
        return Mean(np.stack(columns, axis=1), np.array(coefficient), np.array(sigma))


class Kriged(NamedTuple):
    """Mean [dB] and variance [dB^2] of every cell's level at places; NaN = no map of that cell."""

    mean_CG: Float32
    variance_CG: Float32


def krige(
    xy_m_N2: Float64,
    level_NC: Float64,
    priors: Sequence[CellPrior],
    at_xy_m_G2: Float64,
    kernel: Kernel,
    with_residual: bool = True,
) -> Kriged:
    """Levels of every cell at places.

    Args:
        xy_m_N2: places of the samples [m].
        level_NC: measured levels [dB], NaN = not measured.
        priors: of the cells.
        at_xy_m_G2: where to predict [m].
        kernel: covariance.
        with_residual: False leaves the fitted mean alone (for comparison), with a^2 as variance.
    """
    shape = (level_NC.shape[1], len(at_xy_m_G2))
    mean_CG = np.full(shape, np.nan, np.float32)
    variance_CG = np.full(shape, np.nan, np.float32)
    bins = Bins.of(xy_m_N2)
    among_VV = kernel(cdist(bins.xy_m_V2, bins.xy_m_V2))
    places_G2 = at_xy_m_G2 if with_residual else at_xy_m_G2[:0]
    cross_VG = kernel(cdist(bins.xy_m_V2, places_G2)).astype(np.float32)
    for cells, rows in same_samples(np.isfinite(level_NC)):
        used_U, level_UC, count_U = bins.average(level_NC[:, cells], rows)
        xy_U2 = bins.xy_m_V2[used_U]
        lower_UU = factor(among_VV[np.ix_(used_U, used_U)], count_U, kernel)
        white_UG = solve_triangular(
            lower_UU.astype(np.float32), cross_VG[used_U], lower=True, check_finite=False
        )
        reduction_G = (white_UG**2).sum(0)
        for j, c in enumerate(cells):
            fit = _fit_mean(lower_UU, xy_U2, level_UC[:, j], priors[c])
            here = priors[c].mean(at_xy_m_G2, fit.level_db)
            mean_G = here.features_GJ @ fit.coefficient_J
            variance_G = np.ones(len(mean_G))
            features_GJ = here.features_GJ
            if with_residual:
                mean_G = mean_G + white_UG.T @ fit.white_residual_U.astype(np.float32)
                variance_G = 1.0 - reduction_G
                features_GJ = features_GJ - white_UG.T @ fit.white_features_UJ
            spread_G = np.einsum("gi,ij,gj->g", features_GJ, fit.covariance_JJ, features_GJ)
            mean_CG[c] = mean_G
            variance_CG[c] = fit.scale2 * np.maximum(variance_G + spread_G, 1e-3)
    return Kriged(mean_CG, variance_CG)


def fit_kernel(
    xy_m_N2: Float64, level_NC: Float64, priors: Sequence[CellPrior], seed: int = 0
) -> Kernel:
    """The kernel of greatest marginal likelihood, by coordinate search over `KERNEL_CHOICES`.

    The scale of each cell is profiled out (Rasmussen and Williams 2006, 5.4.1, with a^2 at its
    maximum). At most `MOST_BINS_FITTED` bins of each group of cells take part.
    """
    random = np.random.default_rng(seed)
    bins = Bins.of(xy_m_N2)
    groups = []
    for cells, rows in same_samples(np.isfinite(level_NC)):
        used_U, level_UC, count_U = bins.average(level_NC[:, cells], rows)
        pick = random.permutation(len(used_U))[:MOST_BINS_FITTED]
        xy_U2 = bins.xy_m_V2[used_U[pick]]
        groups.append((cells, xy_U2, cdist(xy_U2, xy_U2), level_UC[pick], count_U[pick]))

    def evidence(kernel: Kernel) -> float:
        total = 0.0
        for cells, xy_U2, distance_UU, level_UC, count_U in groups:
            lower_UU = factor(kernel(distance_UU), count_U, kernel)
            log_det = float(np.log(np.diag(lower_UU)).sum())
            for j, c in enumerate(cells):
                fit = _fit_mean(lower_UU, xy_U2, level_UC[:, j], priors[c])
                total -= log_det + 0.5 * len(xy_U2) * np.log(fit.scale2)
        return total

    best, best_evidence = Kernel(), evidence(Kernel())
    for name, choices in KERNEL_CHOICES.items():
        for choice in choices:
            kernel = replace(best, **{name: choice})
            found = evidence(kernel) if kernel != best else best_evidence
            if found > best_evidence:
                best, best_evidence = kernel, found
    return best


@dataclass(frozen=True)
class Bins:
    """Square bins of samples: mean place [V, 2], and the bin of each sample, [N]."""

    xy_m_V2: Float64
    index_N: Int64

    @classmethod
    def of(cls, xy_m_N2: Float64, track_N: Int64 | None = None) -> Bins:
        """Bins of `BIN_M`; with tracks, one bin holds samples of one track alone."""
        square = np.floor(xy_m_N2 / BIN_M).astype(np.int64)
        if track_N is not None:
            square = np.concatenate([square, track_N[:, None]], axis=1)
        _, index_N, count_V = np.unique(square, axis=0, return_inverse=True, return_counts=True)
        index_N = index_N.reshape(-1)
        xy_V2 = np.zeros((len(count_V), 2))
        np.add.at(xy_V2, index_N, xy_m_N2)
        return cls(xy_V2 / count_V[:, None], index_N)

    def average(self, level_NC: Float64, rows_N: Bool) -> tuple[Int64, Float64, Float64]:
        """Bins that some of the samples lie in [U], mean level [U, C] and number of those."""
        index = self.index_N[rows_N]
        count_V = np.bincount(index, minlength=len(self.xy_m_V2)).astype(np.float64)
        used_U = np.flatnonzero(count_V)
        level_VC = np.zeros((len(count_V), level_NC.shape[1]))
        np.add.at(level_VC, index, level_NC[rows_N])
        return used_U, level_VC[used_U] / count_V[used_U, None], count_V[used_U]


class _MeanFit(NamedTuple):
    level_db: float
    coefficient_J: Float64
    covariance_JJ: Float64
    white_features_UJ: Float64
    white_residual_U: Float64
    scale2: float


def same_samples(known_NC: Bool) -> Iterator[tuple[list[int], Bool]]:
    """Groups of cells that were measured at the same samples: one factorisation serves them all."""
    groups: dict[bytes, list[int]] = {}
    for c in range(known_NC.shape[1]):
        if known_NC[:, c].sum() >= FEWEST_READINGS:
            groups.setdefault(known_NC[:, c].tobytes(), []).append(c)
    for cells in groups.values():
        yield cells, known_NC[:, cells[0]]


def factor(covariance_UU: Float64, count_U: Float64, kernel: Kernel) -> Float64:
    """Cholesky factor of the covariance of bin means, over a^2; the covariance gains its noise."""
    covariance_UU[np.diag_indices_from(covariance_UU)] += kernel.noise_share / count_U + NUGGET
    return np.asarray(
        cholesky(covariance_UU, lower=True, overwrite_a=True, check_finite=False), np.float64
    )


def _fit_mean(lower_UU: Float64, xy_U2: Float64, level_U: Float64, prior: CellPrior) -> _MeanFit:
    """Generalised least squares with a Gaussian prior on the coefficients."""
    level_db = float(level_U.mean())
    mean = prior.mean(xy_U2, level_db)
    white_UJ = solve_triangular(lower_UU, mean.features_GJ, lower=True)
    white_U = solve_triangular(
        lower_UU, level_U - mean.features_GJ @ mean.coefficient_J, lower=True
    )
    precision_JJ = white_UJ.T @ white_UJ + np.diag((PRIOR_SCALE_DB / mean.sigma_J) ** 2)
    change_J = np.linalg.solve(precision_JJ, white_UJ.T @ white_U)
    residual_U = white_U - white_UJ @ change_J
    scale2 = (residual_U @ residual_U + PRIOR_READINGS * PRIOR_SCALE_DB**2) / (
        len(level_U) + PRIOR_READINGS
    )
    return _MeanFit(
        level_db, mean.coefficient_J + change_J, np.linalg.inv(precision_JJ), white_UJ,
        residual_U, float(scale2),
    )  # fmt: skip
