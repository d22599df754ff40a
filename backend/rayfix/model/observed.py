"""What sequences of reports say, as rows that evidence compares with a map.

Shape letters: B sequences, R rows (one per sequence, cell and known quantity), C cells,
E evidence quantities.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

QUANTITIES = ("path_gain", "toa", "aoa", "timing_advance")
"""What is compared with the map: its evidence features, and ToA once more where it comes from a
timing advance, which has errors of its own."""
GAIN, ANGLE, ADVANCE = (QUANTITIES.index(name) for name in ("path_gain", "aoa", "timing_advance"))
MAP_PLANE = (0, 1, 2, 1)
"""Evidence feature of the map that each quantity is compared with."""
NOISE_SCALES = (1.0, 0.2)
NOISE_LOG_PRIOR = (math.log(0.8), math.log(0.2))
"""Phones differ in how well they measure. How well does not show in one report alone, but in
whether its quantities agree on a place of the map: every answer is weighed over these scales of
the learned errors (the second is that of reports with little more than quantisation)."""


@dataclass(frozen=True)
class Observed:
    """What the sequences say, one row per (sequence, cell, quantity), and how sure it is.

    Attributes:
        sequence_R, cell_R, quantity_R: indices of the rows, sorted by sequence.
        value_R: observed path gain [dB], ToA [ns] or bearing [deg].
        variance_R: variance of the measurement, in squared units.
        width_R: width of the interval whose middle the value is (timing advance) [ns], else 0.
        single_sigma_BE: standard deviation of each quantity in a single report.
        heard_BC: whether a report names the cell.
        threshold_db_BC: path gain [dB] that an unheard cell stayed below.
        temperature_B: factor on the log likelihood; below 1 where errors of cells agree.
        world_B: how much of a changed world's errors the reports show, 0 to 1.
        site_variance_B: variance of the error that all sectors of a site share [dB^2].
        missed_B: probability that a cell which the map is sure of is in no report.
        period_R: of the quantity: 360 of angles, beyond reach for all others.
        flat_R: density of a value that the map does not explain, [1/unit].
        outlier_R: share of such values.
        window_R: share of values that look like the pixel's surroundings.
        site_R: site of each row's cell.
        sites: number of sites.
    """

    sequence_R: Tensor
    cell_R: Tensor
    quantity_R: Tensor
    value_R: Tensor
    variance_R: Tensor
    width_R: Tensor
    single_sigma_BE: Tensor
    heard_BC: Tensor
    threshold_db_BC: Tensor
    temperature_B: Tensor
    world_B: Tensor
    site_variance_B: Tensor
    missed_B: Tensor
    period_R: Tensor
    flat_R: Tensor
    outlier_R: Tensor
    window_R: Tensor
    site_R: Tensor
    sites: int

    @cached_property
    def plane_R(self) -> Tensor:
        """Evidence feature of the map that each row is compared with."""
        return self.quantity_R.new_tensor(MAP_PLANE)[self.quantity_R]

    @cached_property
    def lookups(self) -> tuple[Tensor, Tensor, Tensor]:
        """Sequence and cell of every lookup in the map, [U], and the lookup of every row, [R]: rows
        of one cell, which follow one another, share one."""
        cells = self.heard_BC.shape[1]
        key_R = self.sequence_R * cells + self.cell_R
        key_U, lookup_R = torch.unique_consecutive(key_R, return_inverse=True)
        return key_U // cells, key_U % cells, lookup_R

    def at_noise(self, scale_B: Tensor | float) -> Observed:
        """The same with the errors of measurement multiplied by a factor (see `NOISE_SCALES`)."""
        by_row = scale_B[self.sequence_R] if isinstance(scale_B, Tensor) else scale_B
        by_sequence = scale_B[:, None] if isinstance(scale_B, Tensor) else scale_B
        return replace(
            self,
            variance_R=self.variance_R * by_row**2,
            single_sigma_BE=self.single_sigma_BE * by_sequence,
        )

    def one_by_one(self) -> Iterator[Observed]:
        """Each sequence by itself."""
        counts = torch.bincount(self.sequence_R, minlength=len(self.heard_BC)).tolist()
        start = 0
        for b, count in enumerate(counts):
            yield self._of(b, slice(start, start + count))
            start += count

    def _of(self, b: int, rows: slice) -> Observed:
        mine = {name: getattr(self, name)[rows] for name in ROW_FIELDS}
        mine |= {name: getattr(self, name)[b : b + 1] for name in SEQUENCE_FIELDS}
        return replace(self, sequence_R=torch.zeros_like(self.sequence_R[rows]), **mine)


ROW_FIELDS = (
    "cell_R", "quantity_R", "value_R", "variance_R", "width_R", "period_R", "flat_R", "outlier_R",
    "window_R", "site_R",
)  # fmt: skip
SEQUENCE_FIELDS = (
    "single_sigma_BE", "heard_BC", "threshold_db_BC", "temperature_B", "world_B", "site_variance_B",
    "missed_B",
)  # fmt: skip
