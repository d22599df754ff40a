"""Which corrections a drive test can carry: those that make it predict its own left-out fixes.

Few fixes fit any correction. So fixes are left out, square by square, and a group of corrections is
taken only if the others predict the left-out ones better with it than without, by more than chance
would (one-sided t-test of the differences, fix by fix, at `CHANCE`). That is stricter than the
usual one standard error (Hastie et al. 2009, 7.10.1), because five groups are tried and a wrong
correction costs more than a missed one. Whatever fails keeps the value of the site list.

Shape letters: N fixes, M pairs of fix and cell, F folds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import stdtrit

from rayfix.calibration.corrections import Corrections, Priors
from rayfix.calibration.fit import FREEDOM, GainModel, fit
from rayfix.calibration.residual import Covariance, Residuals, fit_covariance, krige
from rayfix.errors import InvalidInputError

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

CHANCE = 0.05
FOLDS = 5
SQUARE_M = 50.0
"""Fixes of one square are left out together, where there are squares enough."""
FEWEST_FOR_A_FIELD = 30
"""Fixes that a residual field needs. It reaches some tens of metres, so that fewer fixes correct a
few places and leave the others: in Munich ten made the map predict RSRP better and locate worse."""
NONE = 1e-6
"""Standard deviation of what must keep its value."""
GROUPS: tuple[tuple[str, ...], ...] = (
    ("power_db",),
    ("bearing_deg",),
    ("downtilt_deg", "height_m"),
    ("clutter_db", "material_log"),
)
"""Fields of `Priors` that are taken or left together, in the order that they are tried."""

ModelAt = Callable[[Int64], GainModel]
"""The model of some fixes."""


@dataclass(frozen=True)
class Accepted:
    """What the left-out fixes speak for.

    Attributes:
        priors: of the fit; what was not accepted has a standard deviation of almost nothing.
        groups: names of the accepted corrections.
    """

    priors: Priors
    groups: tuple[str, ...]


def fix_folds(xy_m_N2: Float64, seed: int = 0) -> Int64:
    """Fold of each fix [N]: whole squares, or single fixes where they fill few squares."""
    random = np.random.default_rng(seed)
    square = np.floor(xy_m_N2 / SQUARE_M).astype(np.int64)
    _, index_N = np.unique(square, axis=0, return_inverse=True)
    index_N = index_N.reshape(-1)
    if index_N.max() + 1 < 2 * FOLDS:
        index_N = np.arange(len(xy_m_N2))
    order = random.permutation(int(index_N.max()) + 1)
    return np.asarray((order % FOLDS)[index_N], np.int64)


def accepted(model_at: ModelAt, xy_m_N2: Float64, priors: Priors) -> Accepted:
    """Corrections that predict left-out fixes better than the site list does.

    Args:
        model_at: the model of some fixes, by their indices; it may refuse some that say nothing.
        xy_m_N2: where the fixes were taken [m].
        priors: of all corrections.
    """
    fold_N = fix_folds(xy_m_N2)
    models = []
    for f in range(FOLDS):
        with suppress(InvalidInputError):
            train = model_at(np.flatnonzero(fold_N != f))
            models.append((train, model_at(np.flatnonzero(fold_N == f))))

    def score(tried: Priors) -> Float64:
        parts = [_held_out(train, test, tried) for train, test in models]
        return np.concatenate([np.zeros(0), *parts])

    def only(groups: Sequence[tuple[str, ...]]) -> Priors:
        shut = [name for group in GROUPS if group not in groups for name in group]
        return replace(priors, **dict.fromkeys(shut, NONE))

    nothing = best = score(only([]))
    taken: list[tuple[str, ...]] = []
    everything = score(priors)
    if better(everything - nothing):
        # Reflections hide what is wrong with the antennas and the other way round: all together
        # help where one alone does not. Then leave out what does harm.
        taken, best = list(GROUPS), everything
        for group in GROUPS:
            rest = [other for other in taken if other != group]
            found = score(only(rest))
            if better(found - best):
                taken, best = rest, found
    else:
        for group in GROUPS:
            found = score(only([*taken, group]))
            if better(found - best):
                taken, best = [*taken, group], found
    return Accepted(only(taken), tuple(name for group in taken for name in group))


def better(gained: Float64) -> bool:
    """Whether the mean gain is more than chance would give."""
    if len(gained) < 2:
        return False
    error = float(gained.std(ddof=1)) / math.sqrt(len(gained))
    return float(gained.mean()) > float(stdtrit(len(gained) - 1, 1.0 - CHANCE)) * error


@torch.no_grad()
def _density(model: GainModel, corrections: Corrections, noise_db: float) -> Float64:
    """Mean log density of the measured pairs of each fix that has any."""
    measured = model.measured
    heard_M = ~measured.silent_M
    residual_M = ((measured.gain_db_M - model.gain_db(corrections)) / noise_db)[heard_M]
    density_M = -0.5 * (FREEDOM + 1.0) * torch.log1p(residual_M.square() / FREEDOM)
    fix_M = measured.fix_M[heard_M]
    count_N = torch.bincount(fix_M, minlength=len(measured.xy_m_N2))
    total_N = torch.zeros(len(count_N), dtype=density_M.dtype).index_add_(
        0, fix_M, density_M - math.log(noise_db)
    )
    return np.asarray((total_N / count_N)[count_N > 0].numpy(), np.float64)


def _held_out(train: GainModel, test: GainModel, priors: Priors) -> Float64:
    found = fit(train, priors, uncertainty=False)
    return _density(test, found.corrections, found.noise_db)


def field_helps(sites: Sequence[Residuals], prior: Covariance) -> bool:
    """Whether the residual field predicts left-out residuals better than nothing does.

    Squared residuals, capped like those of the field; fixes are left out as in `fix_folds`.
    """
    places = np.concatenate([site.xy_m_M2 for site in sites])
    if not len(places):
        return False
    fixes, index_M = np.unique(places, axis=0, return_inverse=True)
    if len(fixes) < FEWEST_FOR_A_FIELD:
        return False
    fold_M = fix_folds(fixes)[index_M.reshape(-1)]
    covariance = fit_covariance(list(sites), prior)
    gained = np.zeros(len(fixes))
    count = np.zeros(len(fixes))
    start = 0
    for site in sites:
        part = slice(start, start + len(site.cell_M))
        start += len(site.cell_M)
        for out_M, train in _without(site, fold_M[part]):
            for cell in np.unique(site.cell_M[out_M]):
                rows = np.flatnonzero(out_M & (site.cell_M == cell))
                mean, _ = krige(train, covariance, site.xy_m_M2[rows], int(cell))
                value = site.capped_db_M[rows]
                fix = index_M.reshape(-1)[part][rows]
                np.add.at(gained, fix, value**2 - (value - mean) ** 2)
                np.add.at(count, fix, 1.0)
    return better(gained[count > 0] / count[count > 0])


def _without(site: Residuals, fold_M: Int64) -> Iterator[tuple[npt.NDArray[np.bool_], Residuals]]:
    for fold in np.unique(fold_M):
        out_M = fold_M == fold
        yield out_M, Residuals(site.xy_m_M2[~out_M], site.cell_M[~out_M], site.value_db_M[~out_M])
