"""What reaches a phone along sequences of places: the layer below a report.

Shape letters: B sequences, T places of a sequence, C cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from rayfix.errors import InvalidInputError
from rayfix.units import SPEED_OF_LIGHT_M_S

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PathDetail:
    """What exact paths say beyond path gain, ToA and AoA; NaN = no path; float32.

    Attributes:
        delay_spread_ns: power-weighted standard deviation of the delays (TR 38.901, 7.7.3) [ns].
        k_factor_db: strongest path over all others [dB]; +inf with a single path.
        departure_azimuth_deg, departure_zenith_deg: bearing and zenith angle at the cell of where
            the strongest path leaves [deg].
        arrival_azimuth_deg, arrival_zenith_deg: the same at the phone, of where it comes from.
        beam_gain_db: of each SSB beam over the sector's element [dB], [B, T, C, A].
        layer_ratio_db: weaker over stronger of the two layers of crossed ports [dB].
        pmi_rank1_gain_db: best one-layer precoder over the mean of the ports [dB].
        pmi_rank1, pmi_rank2: precoders for one and two layers (TS 38.214, 5.2.2.2.1).
    """

    delay_spread_ns: Float32
    k_factor_db: Float32
    departure_azimuth_deg: Float32
    departure_zenith_deg: Float32
    arrival_azimuth_deg: Float32
    arrival_zenith_deg: Float32
    beam_gain_db: Float32
    layer_ratio_db: Float32
    pmi_rank1_gain_db: Float32
    pmi_rank1: Float32
    pmi_rank2: Float32

    def each(self, change: Callable[[Float32], Float32]) -> PathDetail:
        """The same with every array changed."""
        return PathDetail(*(change(getattr(self, name)) for name in PATH_DETAIL))


PATH_DETAIL: tuple[str, ...] = tuple(field.name for field in fields(PathDetail))


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
        detail: more of the paths, where it was recorded.
    """

    xy_m_BT2: Float64
    time_s_T: Float64
    path_gain_db_BTC: Float32
    toa_ns_BTC: Float32
    aoa_deg_BTC: Float32
    los_BTC: npt.NDArray[np.bool_]
    detail: PathDetail | None = None

    def __post_init__(self) -> None:
        sequences, reports = self.xy_m_BT2.shape[:2]
        shape = (sequences, reports, self.path_gain_db_BTC.shape[-1])
        if self.time_s_T.shape != (reports,):
            raise InvalidInputError("time_s_T", f"shape ({reports},) is expected")
        for name in ("path_gain_db_BTC", "toa_ns_BTC", "aoa_deg_BTC", "los_BTC"):
            if getattr(self, name).shape != shape:
                raise InvalidInputError(name, f"shape {shape} is expected")
        for name in PATH_DETAIL if self.detail is not None else ():
            if getattr(self.detail, name).shape[:3] != shape:
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
            self.detail and self.detail.each(lambda values: values[index]),
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
            self.detail and self.detail.each(lambda values: values[:, -reports:]),
        )

    def with_cells(self, order_C: npt.NDArray[np.int64]) -> Propagation:
        """The same with cells in another order, only some, or new ones (-1) that nobody hears."""
        absent_C = order_C < 0

        def ordered(values_BTC: Float32) -> Float32:
            values = values_BTC[:, :, order_C]
            values[:, :, absent_C] = np.nan
            return values

        return Propagation(
            self.xy_m_BT2,
            self.time_s_T,
            ordered(self.path_gain_db_BTC),
            ordered(self.toa_ns_BTC),
            ordered(self.aoa_deg_BTC),
            self.los_BTC[..., order_C] & ~absent_C,
            self.detail and self.detail.each(ordered),
        )

    def doppler_hz(self, carrier_hz_C: Float64) -> Float64:
        """Doppler shift of the strongest path as the phone moves [Hz], [B, T, C].

        v . r / lambda with r the unit vector toward where the path comes from (TR 38.901,
        7.5-22); the velocity is that between the places before and after.

        Raises:
            InvalidInputError: the paths' arrival angles were not recorded.
        """
        detail = self.recorded_detail("doppler_hz")
        velocity_BT2 = np.zeros_like(self.xy_m_BT2)
        if len(self.time_s_T) > 1:
            velocity_BT2 = np.gradient(self.xy_m_BT2, self.time_s_T, axis=1)
        azimuth = np.deg2rad(detail.arrival_azimuth_deg.astype(np.float64))
        level = np.sin(np.deg2rad(detail.arrival_zenith_deg.astype(np.float64)))
        toward = velocity_BT2[:, :, None, 0] * np.sin(azimuth) + velocity_BT2[
            :, :, None, 1
        ] * np.cos(azimuth)
        return np.asarray(toward * level * carrier_hz_C / SPEED_OF_LIGHT_M_S, np.float64)

    def recorded_detail(self, wanted: str) -> PathDetail:
        """`detail`.

        Raises:
            InvalidInputError: it was not recorded; the message names what it was wanted for.
        """
        if self.detail is None:
            raise InvalidInputError(
                wanted, "needs a dataset that was recorded with `paths.detail: true`"
            )
        return self.detail
