"""What reaches a phone along sequences of places: the layer below a report.

Shape letters: B sequences, T places of a sequence, C cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rayfix.errors import InvalidInputError

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Propagation:
    """Exact paths of every cell at every place of a sequence, in one world.

    Attributes:
        xy_m_BT2: east and north of the phone from the scene's origin [m].
        time_s_T: time of each place since the sequence's first [s]; the fix is at the last.
        path_gain_db_BTC: path gain [dB], the cell's antenna included; NaN = no path.
        toa_ns_BTC: time of flight of the first detectable path [ns]; NaN = no path.
        aoa_deg_BTC: uplink angle of arrival at the cell, a bearing [deg]; NaN = no path.
        los_BTC: whether the direct path is free.
    """

    xy_m_BT2: Float64
    time_s_T: Float64
    path_gain_db_BTC: Float32
    toa_ns_BTC: Float32
    aoa_deg_BTC: Float32
    los_BTC: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        sequences, reports = self.xy_m_BT2.shape[:2]
        shape = (sequences, reports, self.path_gain_db_BTC.shape[-1])
        if self.time_s_T.shape != (reports,):
            raise InvalidInputError("time_s_T", f"shape ({reports},) is expected")
        for name in ("path_gain_db_BTC", "toa_ns_BTC", "aoa_deg_BTC", "los_BTC"):
            if getattr(self, name).shape != shape:
                raise InvalidInputError(name, f"shape {shape} is expected")

    def __len__(self) -> int:
        return len(self.xy_m_BT2)

    def __getitem__(self, index: slice | npt.NDArray[Any]) -> Propagation:
        """Some sequences."""
        return Propagation(
            self.xy_m_BT2[index],
            self.time_s_T,
            self.path_gain_db_BTC[index],
            self.toa_ns_BTC[index],
            self.aoa_deg_BTC[index],
            self.los_BTC[index],
        )

    def last(self, reports: int) -> Propagation:
        """The last `reports` places of every sequence; time starts at zero again."""
        if not 1 <= reports <= len(self.time_s_T):
            raise InvalidInputError("reports", f"1 to {len(self.time_s_T)} are recorded")
        return Propagation(
            self.xy_m_BT2[:, -reports:],
            self.time_s_T[-reports:] - self.time_s_T[-reports],
            self.path_gain_db_BTC[:, -reports:],
            self.toa_ns_BTC[:, -reports:],
            self.aoa_deg_BTC[:, -reports:],
            self.los_BTC[:, -reports:],
        )

    def with_cells(self, order_C: npt.NDArray[np.int64]) -> Propagation:
        """The same with cells in another order, only some, or new ones (-1) that nobody hears."""
        absent_C = order_C < 0

        def ordered(values_BTC: Float32) -> Float32:
            return np.where(absent_C, np.float32(np.nan), values_BTC[..., order_C])

        return Propagation(
            self.xy_m_BT2,
            self.time_s_T,
            ordered(self.path_gain_db_BTC),
            ordered(self.toa_ns_BTC),
            ordered(self.aoa_deg_BTC),
            self.los_BTC[..., order_C] & ~absent_C,
        )
