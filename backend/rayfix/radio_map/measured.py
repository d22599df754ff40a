"""Measured maps: level, its spread, and the probability of being heard, from measurements alone.

The spread is that of one measured level around the map, its own uncertainty included. It is learnt
from the map's errors at blocks of the drive test that it was not made from: what kriging says of
its own variance, times a factor of the cell and of how far the level is over the cell's threshold
(readings close to a noise floor spread less than strong ones).

Shape letters: N samples, C cells, G places, L knots of the level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from rayfix.radio_map.cell_correlation import CellCorrelation, fit_cell_correlation
from rayfix.radio_map.kriging import (
    Bool,
    CellPrior,
    Float32,
    Float64,
    Int64,
    Kernel,
    fit_kernel,
    krige,
)

Floats = Float32 | Float64

BLOCK_M = 200.0
FOLDS = 4
READING_NOISE_DB = 3.0
"""Fading and quantisation of one reading, part of every spread [dB]."""
SILENT_BELOW_DB = 2.0
"""A cell that was not heard and gave no number counts as this far below its threshold [dB]."""
KNOTS_DB: Float64 = np.array([0.0, 3.0, 8.0, 15.0, 25.0])
"""Level over the threshold where the spread's factor is fitted; linear between."""
PRIOR_RESIDUALS = 50.0
"""A factor counts as if this many residuals had told 1."""
HEARING_SHIFTS_DB: Float64 = np.arange(-12.0, 13.0)
HEARING_SIGMA_DB = 6.0
"""How far the level that a cell is heard from on may lie from its threshold [dB]."""
HEARING_WIDTHS = (1.0, 1.5, 2.0, 3.0)
INDEPENDENT = CellCorrelation()


@dataclass(frozen=True)
class Samples:
    """What a drive test says, in local metres.

    Attributes:
        xy_m_N2: places [m].
        level_NC: measured level [dB or dBm]; NaN = none.
        heard_NC: whether the cell was heard.
        listened_NC: whether it was listened for.
    """

    xy_m_N2: Float64
    level_NC: Float64
    heard_NC: Bool
    listened_NC: Bool

    def __getitem__(self, index: Bool | Int64) -> Samples:
        return Samples(
            self.xy_m_N2[index],
            self.level_NC[index],
            self.heard_NC[index],
            self.listened_NC[index],
        )

    def __len__(self) -> int:
        return len(self.xy_m_N2)

    def thresholds(self) -> Float64:
        """Level that each cell is heard from on, [C]: over the strongest reading of noise, or the
        weakest hundredth of what was heard."""
        threshold_C = np.full(self.level_NC.shape[1], np.nan)
        for c in range(len(threshold_C)):
            silent = self.level_NC[~self.heard_NC[:, c], c]
            heard = self.level_NC[self.heard_NC[:, c], c]
            silent, heard = silent[np.isfinite(silent)], heard[np.isfinite(heard)]
            if silent.size:
                threshold_C[c] = np.percentile(silent, 99)
            elif heard.size:
                threshold_C[c] = np.percentile(heard, 1)
        return threshold_C

    def filled(self, threshold_C: Float64) -> Float64:
        """Levels with silence as a number just below the threshold, [N, C]."""
        silent_NC = self.listened_NC & ~self.heard_NC & ~np.isfinite(self.level_NC)
        return np.where(silent_NC, threshold_C - SILENT_BELOW_DB, self.level_NC)


@dataclass(frozen=True)
class Spread:
    """Factors of the standard deviation: of each cell [C] and of the level over threshold [L]."""

    cell_C: Float64
    level_L: Float64

    def stderr(self, mean_CG: Floats, variance_CG: Floats, threshold_C: Float64) -> Float32:
        """Standard deviation of one measured level [dB], [C, G]."""
        over_CG = mean_CG - threshold_C[:, None]
        level_CG = np.interp(over_CG, KNOTS_DB, self.level_L)
        noise_CG = np.sqrt(variance_CG + READING_NOISE_DB**2)
        return np.asarray(noise_CG * level_CG * self.cell_C[:, None], np.float32)


@dataclass(frozen=True)
class Hearing:
    """Level that a cell is heard from on with one half [dB], [C], and how much wider than the
    level's own spread the step from never to always is."""

    level_C: Float64
    width: float = 1.0

    def probability(self, mean_CG: Floats, stderr_CG: Floats) -> Float32:
        """Probability that a cell is heard, [C, G]."""
        over_CG = (mean_CG - self.level_C[:, None]) / (self.width * stderr_CG)
        return np.asarray(ndtr(over_CG), np.float32)


@dataclass(frozen=True)
class MeasuredMap:
    """Level [dB], its spread [dB] and the probability of being heard, each [C, G]."""

    level_CG: Float32
    stderr_CG: Float32
    detection_CG: Float32


@dataclass(frozen=True)
class MeasuredModel:
    """Everything learnt from a drive test; `predict` makes maps of it.

    Attributes:
        samples: the drive test.
        priors: of the cells.
        kernel, threshold_C, spread, hearing, correlation: what was fitted.
        with_residual: whether the kriged residual is part of the map.
    """

    samples: Samples
    priors: tuple[CellPrior, ...]
    kernel: Kernel
    threshold_C: Float64
    spread: Spread
    hearing: Hearing
    correlation: CellCorrelation = INDEPENDENT
    with_residual: bool = True

    def predict(self, at_xy_m_G2: Float64) -> MeasuredMap:
        """The map at places [m]; NaN for a cell with too few readings."""
        kriged = krige(
            self.samples.xy_m_N2,
            self.samples.filled(self.threshold_C),
            self.priors,
            at_xy_m_G2,
            self.kernel,
            self.with_residual,
        )
        stderr_CG = self.spread.stderr(kriged.mean_CG, kriged.variance_CG, self.threshold_C)
        return MeasuredMap(
            kriged.mean_CG, stderr_CG, self.hearing.probability(kriged.mean_CG, stderr_CG)
        )


def block_folds(xy_m_N2: Float64, folds: int, seed: int, block_m: float = BLOCK_M) -> Int64:
    """Fold [N] of each place, whole square blocks at a time: neighbours stay together."""
    square = np.floor(xy_m_N2 / block_m).astype(np.int64)
    _, index_N = np.unique(square, axis=0, return_inverse=True)
    order = np.random.default_rng(seed).permutation(int(index_N.max()) + 1)
    return np.asarray((order % folds)[index_N], np.int64)


def fit_measured(
    samples: Samples,
    priors: Sequence[CellPrior],
    seed: int = 0,
    with_residual: bool = True,
    kernel: Kernel | None = None,
) -> MeasuredModel:
    """Kernel by marginal likelihood; spread and correlation by the errors at left-out blocks.

    Args:
        samples: the drive test.
        priors: one per cell.
        seed: of the folds.
        with_residual: False keeps the log-distance mean alone.
        kernel: None = fit it.
    """
    threshold_C = samples.thresholds()
    level_NC = samples.filled(threshold_C)
    kernel = kernel or fit_kernel(samples.xy_m_N2, level_NC, priors, seed)
    fold_N = block_folds(samples.xy_m_N2, FOLDS, seed)
    mean_NC: Float64 = np.full(level_NC.shape, np.nan)
    variance_NC: Float64 = np.full(level_NC.shape, np.nan)
    for fold in range(FOLDS):
        out = fold_N == fold
        if out.any() and not out.all():
            kriged = krige(
                samples.xy_m_N2[~out], level_NC[~out], priors, samples.xy_m_N2[out], kernel,
                with_residual,
            )  # fmt: skip
            mean_NC[out], variance_NC[out] = kriged.mean_CG.T, kriged.variance_CG.T
    spread = _spread(level_NC - mean_NC, variance_NC, mean_NC - threshold_C)
    stderr_NC = spread.stderr(mean_NC.T, variance_NC.T, threshold_C).T
    correlation = fit_cell_correlation(
        (level_NC - mean_NC) / stderr_NC, np.array([(prior.x_m, prior.y_m) for prior in priors])
    )
    hearing = _hearing(samples, mean_NC, stderr_NC, threshold_C)
    return MeasuredModel(
        samples, tuple(priors), kernel, threshold_C, spread, hearing, correlation, with_residual
    )


def _spread(residual_NC: Float64, variance_NC: Float64, over_NC: Float64) -> Spread:
    """Factors that make the squared standardised residuals 1 on average, level by level, then
    cell by cell; residuals beyond three deviations are left to the likelihood's heavy tail."""
    squared_NC = np.minimum(residual_NC**2 / (variance_NC + READING_NOISE_DB**2), 9.0)
    known_NC = np.isfinite(squared_NC)
    position_NC = np.interp(np.where(known_NC, over_NC, 0.0), KNOTS_DB, np.arange(len(KNOTS_DB)))
    level_L = np.ones(len(KNOTS_DB))
    for knot in range(len(KNOTS_DB)):
        weight = np.clip(1.0 - np.abs(position_NC - knot), 0.0, 1.0) * known_NC
        total = (weight * np.where(known_NC, squared_NC, 0.0)).sum() + PRIOR_RESIDUALS
        level_L[knot] = np.sqrt(total / (weight.sum() + PRIOR_RESIDUALS))
    factor_NC = np.interp(position_NC, np.arange(len(KNOTS_DB)), level_L)
    scaled_NC = np.where(known_NC, squared_NC / factor_NC**2, 0.0)
    cell_C = np.sqrt((scaled_NC.sum(0) + PRIOR_RESIDUALS) / (known_NC.sum(0) + PRIOR_RESIDUALS))
    return Spread(cell_C, level_L)


def _hearing(
    samples: Samples, mean_NC: Float64, stderr_NC: Floats, threshold_C: Float64
) -> Hearing:
    """The levels and the width by which left-out blocks were most probably heard as they were.

    A receiver's threshold moves with its gain from one trajectory to the next, and a reading close
    to its noise floor is not what the level would be: the step is wider than the readings' spread.
    """
    known_NC = np.isfinite(mean_NC) & samples.listened_NC & np.isfinite(threshold_C)

    def fitted(width: float) -> tuple[float, Hearing]:
        level_C, total = threshold_C.copy(), 0.0
        for c in np.flatnonzero(known_NC.any(0)):
            rows = known_NC[:, c]
            over_NX = mean_NC[rows, c, None] - threshold_C[c] - HEARING_SHIFTS_DB
            chance_NX = ndtr(over_NX / (width * stderr_NC[rows, c, None])).clip(0.01, 0.99)
            heard_N1 = samples.heard_NC[rows, c, None]
            log_X = np.log(np.where(heard_N1, chance_NX, 1.0 - chance_NX)).sum(0)
            # As if a few readings had told that the threshold is right.
            log_X -= 0.5 * (HEARING_SHIFTS_DB / HEARING_SIGMA_DB) ** 2
            level_C[c] += HEARING_SHIFTS_DB[log_X.argmax()]
            total += float(log_X.max())
        return total, Hearing(level_C, width)

    return max((fitted(width) for width in HEARING_WIDTHS), key=lambda pair: pair[0])[1]
