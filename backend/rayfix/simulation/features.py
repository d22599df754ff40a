"""Features of one cell from the paths that reach its receivers: what maps and exact paths share.

Shape letters: P paths, R receivers (pixels of a map, or places).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rayfix.scene.cell import Cell
from rayfix.scene.detection import PATH_RANGE_DB, least_path_gain_db
from rayfix.simulation.antenna import sector_field
from rayfix.simulation.path_list import PathKind, PathList
from rayfix.units import db_to_linear, enu_rad_to_bearing

Float64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

RANGE = float(db_to_linear(-PATH_RANGE_DB))
DB_PER_NEPER = 10.0 / np.log(10.0)
CANDIDATES_KEPT = 1 << 20
"""Candidates for the first path are thinned out when there are more than this."""


def sector_gain(cell: Cell, paths: PathList) -> Float64:
    """Path gain (linear) of every path with the antenna of a cell, shape [P]."""
    import mitsuba as mi

    if not len(paths):
        return np.zeros(0)
    theta, phi = sector_field(cell, mi.Vector3f(paths.departure.T))
    field = (
        theta.numpy()[:, None] * paths.response[:, 0] + phi.numpy()[:, None] * paths.response[:, 1]
    )
    gain: Float64 = np.sum(field.real.astype(float) ** 2 + field.imag.astype(float) ** 2, axis=1)
    return gain


class FeatureSums:
    """Sums over the paths of one cell, fed in any number of parts.

    Paths that are known exactly go in by `add`. Monte Carlo samples go in by `add_replicate`, one
    call per independent replicate of the same shower: the mean of the replicates is the estimate,
    and their scatter its standard error. Memory depends on the receivers, not on the paths.

    Args:
        cell: the cell, with its antenna.
        count: number of receivers.
    """

    def __init__(self, cell: Cell, count: int) -> None:
        self._cell = cell
        self._exact = np.zeros((len(_WEIGHTS), count))
        self._sampled = np.zeros((len(_WEIGHTS), count))
        self._squares = np.zeros(count)
        self._replicates = 0
        self._free = np.zeros(count, bool)
        self._strongest = np.zeros(count)
        self._strongest_delay = np.full(count, np.inf)
        self._candidates: list[tuple[npt.NDArray[np.int64], Float64, Float64]] = []

    def add(self, paths: PathList) -> None:
        """Add paths that reach their receivers with all their power."""
        gain = sector_gain(self._cell, paths)
        self._note_arrivals(paths, gain)
        self._exact += self._weighted(paths, gain)
        self._free[paths.receiver[paths.kind == PathKind.LINE_OF_SIGHT]] = True

    def add_replicate(self, paths: PathList, share: Float64) -> None:
        """Add one replicate of the shower.

        Args:
            share: weight of each path's power at its receiver, [P]. It does not change which
                paths are detectable, except that of a diffusely scattered ray.
        """
        gain = sector_gain(self._cell, paths)
        received = gain * share
        self._note_arrivals(paths, np.where(paths.kind == PathKind.SCATTERING, received, gain))
        sums = self._weighted(paths, received)
        self._sampled += sums
        self._squares += sums[0] ** 2
        self._replicates += 1

    @property
    def replicates(self) -> int:
        """Replicates added so far."""
        return self._replicates

    def values(self) -> tuple[dict[str, Float64], Bools, Bools]:
        """Values by the names of `exact_paths.PathFeatures` and `map_solver.PropagationMap`
        (`los` aside), whether the cell is detectable, and whether the direct path is free; [R]."""
        sums = self._exact + self._sampled / max(self._replicates, 1)
        power, delay, delay_squared, east, north, level = sums
        heard = power >= db_to_linear(float(least_path_gain_db([self._cell])[0]))
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = delay / power
            coherence = np.clip(np.hypot(east, north) / level, 1e-6, 1.0)
            values = {
                "path_gain_db": DB_PER_NEPER * np.log(power),
                "path_gain_stderr_db": self._power_stderr() / power * DB_PER_NEPER,
                "toa_ns": self._first_arrival() * 1e9,
                "toa_mean_ns": mean * 1e9,
                "rms_delay_spread_ns": np.sqrt(np.maximum(delay_squared / power - mean**2, 0))
                * 1e9,
                "aoa_deg": enu_rad_to_bearing(np.arctan2(north, east)),
                "aoa_spread_deg": np.rad2deg(np.sqrt(-2.0 * np.log(coherence))),
                "k_factor_db": 10.0
                * np.log10(self._strongest / np.maximum(power - self._strongest, 0.0)),
            }
        return values, heard, self._free

    def _power_stderr(self) -> Float64:
        """Standard error of the sampled power, from the scatter of the replicates."""
        count = self._replicates
        if count < 2:
            return np.zeros_like(self._squares)
        deviation = self._squares - self._sampled[0] ** 2 / count
        return np.asarray(np.sqrt(np.maximum(deviation, 0.0) / (count * (count - 1))))

    def _weighted(self, paths: PathList, received: Float64) -> Float64:
        """Sums over the paths of each receiver, [weights, R]."""
        east, north = paths.departure[:, 0], paths.departure[:, 1]
        factors = (
            None, paths.delay_s, paths.delay_s**2, east, north, np.hypot(east, north)
        )  # fmt: skip
        return np.stack(
            [
                np.bincount(
                    paths.receiver,
                    weights=received if factor is None else received * factor,
                    minlength=len(self._free),
                )
                for factor in factors
            ]
        )

    def _note_arrivals(self, paths: PathList, gain: Float64) -> None:
        """Keep the strongest path of each receiver, and those before it that may be the first."""
        receiver = paths.receiver
        before = self._strongest[receiver]
        np.maximum.at(self._strongest, receiver, gain)
        winner = (gain > before) & (gain == self._strongest[receiver])
        self._strongest_delay[receiver[winner]] = paths.delay_s[winner]
        kept = self._may_be_first(receiver, paths.delay_s, gain)
        self._candidates.append((receiver[kept], paths.delay_s[kept], gain[kept]))
        if sum(len(part[0]) for part in self._candidates) > CANDIDATES_KEPT:
            self._candidates = [self._thinned()]

    def _may_be_first(self, receiver: npt.NDArray[Any], delay: Float64, gain: Float64) -> Bools:
        """A path after the strongest one cannot be the first detectable path: whatever threshold
        it passes, the strongest one passes, too. The strongest itself stays: a later one may be
        stronger yet."""
        mask: Bools = (delay <= self._strongest_delay[receiver]) & (
            gain >= RANGE * self._strongest[receiver]
        )
        return mask

    def _thinned(self) -> tuple[npt.NDArray[np.int64], Float64, Float64]:
        """Candidates less those that come later than a stronger one at the same receiver."""
        receiver, delay, gain = (
            np.concatenate(parts) for parts in zip(*self._candidates, strict=True)
        )
        kept = self._may_be_first(receiver, delay, gain)
        receiver, delay, gain = receiver[kept], delay[kept], gain[kept]
        order = np.lexsort((delay, receiver))
        receiver, delay, gain = receiver[order], delay[order], gain[order]
        # A running maximum that starts anew at each receiver: no gain in dB spans 1000.
        level = 1000.0 * receiver + 10.0 * np.log10(gain)
        best = np.maximum.accumulate(level)
        kept = np.ones(len(level), bool)
        kept[1:] = level[1:] > best[:-1]
        return receiver[kept], delay[kept], gain[kept]

    def _first_arrival(self) -> Float64:
        """Delay of the first path at most `PATH_RANGE_DB` below the strongest one [s]."""
        first = self._strongest_delay.copy()
        for receiver, delay, gain in self._candidates:
            kept = self._may_be_first(receiver, delay, gain)
            np.minimum.at(first, receiver[kept], delay[kept])
        return first


_WEIGHTS = ("1", "delay", "delay^2", "east", "north", "horizontal")
"""What the received power is multiplied with before it is summed up."""
