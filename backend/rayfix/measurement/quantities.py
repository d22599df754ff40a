"""3GPP measurement quantities: how they follow from path gains, and how they are reported.

Every `quantise_*` returns the value that a receiver of the report decodes, which is the centre of
the reported interval: the quantisation error then has zero mean. (TS 38.331 names an interval by
its upper edge; the centre lies half a step below.) NaN, a missing value, stays NaN.

Shape letters: C cells on the last axis; all functions broadcast over leading axes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rayfix.scene import detection
from rayfix.scene.cell import Cell
from rayfix.scene.detection import CELL_SIDE_CONDITION_DB
from rayfix.units import db_to_linear, linear_to_db

Float64 = npt.NDArray[np.float64]

DETECTION_SNR_DB = CELL_SIDE_CONDITION_DB
"""A cell is detected from this SS-RSRP over thermal noise per resource element on [dB], as in maps
and exact paths; interference does not count, because the synchronisation signals of neighbours
need not overlap."""

BASIC_TIME_UNIT_NS = 1e9 / (480e3 * 4096)
"""T_c [ns] = 1 / (480 kHz x 4096) (TS 38.211, 4.1)."""

MAX_TIMING_ADVANCE = 3846
"""Largest index T_A of a timing advance command (TS 38.213, 4.2)."""

TOA_STEP_NS = 4 * BASIC_TIME_UNIT_NS
"""Reporting step of a time of arrival [ns]: T_c 2^k with k = 2, the finest that TS 38.133
(10.1.25.3) has for frequency range 1; `k2` of TS 37.355."""

AOA_STEP_DEG = 0.1
"""Reporting step of UL-AoA azimuth (TS 38.455, 9.2.38: 0 to 3599) [deg]."""

CQI_EFFICIENCY: tuple[float, ...] = (
    0.1523, 0.2344, 0.3770, 0.6016, 0.8770, 1.1758, 1.4766, 1.9141,
    2.4063, 2.7305, 3.3223, 3.9023, 4.5234, 5.1152, 5.5547,
)  # fmt: skip
"""Spectral efficiency of CQI 1 to 15 [bit/s/Hz] (TS 38.214, table 5.2.2.1-2)."""

SHANNON_ATTENUATION = 0.6
"""Share of the Shannon bound that a downlink reaches (TR 36.942, A.1)."""

CQI_SINR_DB: Float64 = 10.0 * np.log10(
    np.exp2(np.asarray(CQI_EFFICIENCY) / SHANNON_ATTENUATION) - 1.0
)
"""SINR [dB] from which CQI 1 to 15 is reported: the attenuated Shannon bound of TR 36.942, A.1,
solved for the efficiencies of TS 38.214; -7.2 dB for CQI 1, 27.9 dB for CQI 15."""


def epre_dbm(cells: Sequence[Cell]) -> Float64:
    """Energy per resource element of each cell [dBm], shape [C]."""
    return np.array([cell.energy_per_resource_element_dbm for cell in cells])


def noise_dbm(cells: Sequence[Cell]) -> Float64:
    """Thermal noise per resource element at the phone, by each cell's carrier [dBm], shape [C]."""
    return np.array([detection.noise_dbm(cell.subcarrier_spacing_hz) for cell in cells])


def rsrp_dbm(path_gain_db: npt.ArrayLike, cells: Sequence[Cell]) -> Float64:
    """SS-RSRP [dBm] = energy per resource element + path gain (TS 38.215, 5.1.1); [..., C]."""
    return np.asarray(path_gain_db, np.float64) + epre_dbm(cells)


def detected(rsrp: Float64, cells: Sequence[Cell]) -> npt.NDArray[np.bool_]:
    """Whether a phone can measure each cell (see `DETECTION_SNR_DB`); NaN is not detected."""
    return np.asarray(rsrp >= noise_dbm(cells) + DETECTION_SNR_DB)


def _same_carrier(cells: Sequence[Cell]) -> Float64:
    """1 where two cells share a carrier frequency, shape [C, C]."""
    carrier = np.array([cell.carrier_hz for cell in cells])
    return np.asarray(carrier[:, None] == carrier[None, :], np.float64)


def sinr_and_rsrq_db(rsrp: Float64, cells: Sequence[Cell]) -> tuple[Float64, Float64]:
    """SS-SINR and SS-RSRQ [dB] of every cell from the RSRP of all (TS 38.215, 5.1.5 and 5.1.3).

    Interference of a cell is the power of every other cell on its carrier, weighted by that
    cell's load. RSRQ = N_RB RSRP / RSSI, with the RSSI of a resource block = 12 resource elements
    of every loaded cell, the measured one included, and of noise.

    Args:
        rsrp: SS-RSRP [dBm], shape [..., C]; NaN adds no power.
        cells: C cells.
    Returns:
        SINR [dB] and RSRQ [dB], shape [..., C]; NaN where RSRP is NaN.
    """
    power = db_to_linear(np.asarray(rsrp, np.float64))
    load = np.array([cell.load for cell in cells])
    loaded = np.nan_to_num(power) * load
    total = loaded @ _same_carrier(cells)
    noise = db_to_linear(noise_dbm(cells))
    sinr = power / (np.maximum(total - loaded, 0.0) + noise)
    rsrq = power / (12.0 * (total + noise))
    return np.asarray(linear_to_db(sinr)), np.asarray(linear_to_db(rsrq))


def cqi_from_sinr(sinr_db: npt.ArrayLike) -> Float64:
    """CQI index 0..15 of a SINR [dB] (TS 38.214, 5.2.2.1; see `CQI_SINR_DB`); NaN stays NaN."""
    sinr = np.asarray(sinr_db, np.float64)
    index = np.searchsorted(CQI_SINR_DB, sinr, side="right").astype(np.float64)
    return np.where(np.isnan(sinr), np.nan, index)


def _quantise(value: npt.ArrayLike, lowest: float, highest: float, step: float) -> Float64:
    """Centre of the interval of a report mapping table.

    Intervals of one step between `lowest` and `highest`; below and above them one open interval
    each, decoded as the centre of a closed interval of one step beside the range.
    """
    steps = np.floor((np.asarray(value, np.float64) - lowest) / step)
    return lowest + step * (np.clip(steps, -1, round((highest - lowest) / step)) + 0.5)


def quantise_rsrp_dbm(value: npt.ArrayLike) -> Float64:
    """SS-RSRP [dBm] in 1 dB steps from -156 to -31 dBm (TS 38.133, table 10.1.6.1-1)."""
    return _quantise(value, -156.0, -31.0, 1.0)


def quantise_rsrq_db(value: npt.ArrayLike) -> Float64:
    """SS-RSRQ [dB] in 0.5 dB steps from -43 to 20 dB (TS 38.133, table 10.1.11.1-1)."""
    return _quantise(value, -43.0, 20.0, 0.5)


def quantise_sinr_db(value: npt.ArrayLike) -> Float64:
    """SS-SINR [dB] in 0.5 dB steps from -23 to 40 dB (TS 38.133, table 10.1.16.1-1)."""
    return _quantise(value, -23.0, 40.0, 0.5)


def quantise_toa_ns(value: npt.ArrayLike) -> Float64:
    """Time of arrival [ns] in steps of 4 T_c = 2.03 ns (see `TOA_STEP_NS`); never negative."""
    steps = np.round(np.asarray(value, np.float64) / TOA_STEP_NS)
    return np.maximum(steps, 0.0) * TOA_STEP_NS


def quantise_aoa_deg(value: npt.ArrayLike) -> Float64:
    """UL-AoA as a bearing [deg] in [0, 360) in steps of 0.1 deg (see `AOA_STEP_DEG`)."""
    steps = np.round(np.asarray(value, np.float64) / AOA_STEP_DEG)
    return np.asarray(np.mod(steps, round(360 / AOA_STEP_DEG)) * AOA_STEP_DEG, np.float64)


def timing_advance_step_ns(subcarrier_spacing_hz: npt.ArrayLike) -> Float64:
    """Round-trip time of one timing advance step [ns]: 16 x 64 / 2^mu T_c (TS 38.213, 4.2)."""
    spacing = np.asarray(subcarrier_spacing_hz, np.float64)
    return np.asarray(1024 * BASIC_TIME_UNIT_NS * 15e3 / spacing)


def timing_advance_from_toa(toa_ns: npt.ArrayLike, subcarrier_spacing_hz: npt.ArrayLike) -> Float64:
    """Index T_A 0..3846 of a one-way time of flight [ns] (TS 38.213, 4.2): the nearest step."""
    steps = 2.0 * np.asarray(toa_ns, np.float64) / timing_advance_step_ns(subcarrier_spacing_hz)
    return np.clip(np.round(steps), 0, MAX_TIMING_ADVANCE)


def toa_from_timing_advance(
    timing_advance: npt.ArrayLike, subcarrier_spacing_hz: npt.ArrayLike
) -> Float64:
    """One-way time of flight [ns] in the middle of a timing advance index's interval."""
    index = np.asarray(timing_advance, np.float64)
    return np.asarray(index * timing_advance_step_ns(subcarrier_spacing_hz) / 2.0)
