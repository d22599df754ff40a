"""What a drive test measured, as pairs of a fix and a cell. Letters: N fixes, M pairs, C cells."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rayfix.errors import InvalidInputError
from rayfix.measurement.report import ReportBatch
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.report_features import PATH_GAIN, ReportTensors


@dataclass(frozen=True)
class Measured:
    """Pairs of a fix and a cell of which something is known, M of them.

    Attributes:
        fix_M, cell_M: index of fix and cell, int64.
        gain_db_M: path gain at the site list's power [dB], float64; where `silent_M`, the path
            gain that it stayed below.
        silent_M: the cell was not in the report.
        xy_m_N2: where the fixes were taken [m], float64.
    """

    fix_M: Tensor
    cell_M: Tensor
    gain_db_M: Tensor
    silent_M: Tensor
    xy_m_N2: Tensor

    def __len__(self) -> int:
        return len(self.fix_M)

    def __getitem__(self, index: Tensor) -> Measured:
        return Measured(
            self.fix_M[index],
            self.cell_M[index],
            self.gain_db_M[index],
            self.silent_M[index],
            self.xy_m_N2,
        )

    def at(self, fixes: npt.NDArray[np.int64]) -> Measured:
        """Pairs of some fixes, which are numbered anew in that order."""
        number_N = torch.full((len(self.xy_m_N2),), -1)
        number_N[torch.from_numpy(fixes)] = torch.arange(len(fixes))
        kept = self[number_N[self.fix_M] >= 0]
        return replace(
            kept, fix_M=number_N[kept.fix_M], xy_m_N2=self.xy_m_N2[torch.from_numpy(fixes)]
        )

    @property
    def heard(self) -> Measured:
        """The pairs that were measured."""
        return self[~self.silent_M]


def measured_pairs(
    maps: MapTensors, xy_m_N2: npt.NDArray[np.float64], reports: ReportBatch, noise: NoiseModel
) -> Measured:
    """Pairs of the fixes of a drive test with every cell of a map.

    A cell that a report does not name counts as well: it was too weak to be detected, or for a
    full list. A cell that is named without any RSRP (or RSRQ, SINR that it follows from) does not.

    Args:
        maps: cells, powers and noise.
        xy_m_N2: where each fix was taken [m].
        reports: N sequences of one report.
        noise: when a cell is heard.
    Raises:
        InvalidInputError: not one position a report, or no RSRP of any cell of the map.
    """
    if xy_m_N2.shape != (len(reports), 2):
        raise InvalidInputError("positions", f"shape ({len(reports)}, 2) is expected")
    observation = observe(ReportTensors.from_batch(reports), maps, noise)
    gain_NC = torch.full((len(reports), maps.shape[0]), torch.nan)
    row, slot = (observation.valid_BKF[..., PATH_GAIN] & observation.heard_BK).nonzero().unbind(-1)
    gain_NC[row, observation.cell_BK[row, slot]] = observation.value_BKF[row, slot, PATH_GAIN]
    if not torch.isfinite(gain_NC).any():
        raise InvalidInputError("log", "no RSRP of a cell of the radio map is in it")
    silent_NC = ~observation.heard_BC
    fix_M, cell_M = (torch.isfinite(gain_NC) | silent_NC).nonzero().unbind(-1)
    limit_NC = observation.threshold_dbm_BC - maps.epre_dbm_C
    return Measured(
        fix_M=fix_M,
        cell_M=cell_M,
        gain_db_M=torch.where(silent_NC, limit_NC, gain_NC)[fix_M, cell_M].double(),
        silent_M=silent_NC[fix_M, cell_M],
        xy_m_N2=torch.from_numpy(np.asarray(xy_m_N2, np.float64)),
    )
