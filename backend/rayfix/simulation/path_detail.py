"""What more than one antenna element hears of a cell's paths: angles, beams, polarised ports.

Shape letters: P paths, N receivers, A beams.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rayfix.scene.cell import Cell
from rayfix.simulation.antenna import orientation_rad, sector_field
from rayfix.simulation.path_list import PathList
from rayfix.units import enu_rad_to_bearing, linear_to_db

FloatArray = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Complex128 = npt.NDArray[np.complex128]

BEAMS = 8
"""SSB beams of a sector, and columns of its array half a wavelength apart; 8 is L_max between 3 and
6 GHz (TS 38.213, 4.1)."""
BEAM_SINES: Float64 = (2.0 * np.arange(BEAMS) - BEAMS + 1.0) / BEAMS
"""Sine of each beam's bearing off boresight, clockwise: eight orthogonal DFT beams that cover
+-61 deg."""
BEAM_GAIN = "beam_gain_db"
DETAIL = (
    "departure_azimuth_deg", "departure_zenith_deg", "arrival_azimuth_deg", "arrival_zenith_deg",
    BEAM_GAIN, "layer_ratio_db", "pmi_rank1_gain_db", "pmi_rank1", "pmi_rank2",
)  # fmt: skip
"""What `path_detail` returns."""
LEAST_LAYER = 1e-6
"""A second layer weaker than this counts as this weak (linear)."""
RANK_1_PHASES: Complex128 = np.array([1, 1j, -1, -1j])
"""Precoders (1, phase) / sqrt(2) of PMI 0 to 3, one layer on two ports (TS 38.214, table
5.2.2.2.1-1)."""
RANK_2_PHASES: Complex128 = np.array([1, 1j])
"""Precoders ((1, 1), (phase, -phase)) / 2 of PMI 0 and 1, two layers (same table)."""


def path_detail(cell: Cell, paths: PathList, receivers: int) -> dict[str, FloatArray]:
    """Details of one cell's channel at N receivers; NaN where no path arrives.

    Returns:
        By name, [N] except for the beams:
        `departure_azimuth_deg`, `arrival_azimuth_deg`: bearings of the strongest path at the cell
        (where it leaves) and at the phone (where it comes from), in [0, 360).
        `departure_zenith_deg`, `arrival_zenith_deg`: its zenith angles, 0 = up, 90 = level.
        `beam_gain_db` [N, A]: power that a beam delivers over what the sector's single element
        delivers with the same transmit power, all paths counted.
        `layer_ratio_db`: weaker over stronger eigenvalue of the transmit covariance of two ports
        at +-45 deg of slant, heard by two crossed receive antennas: 0 dB = two equal layers.
        `pmi_rank1_gain_db`: power with the best one-layer precoder over the mean of the ports.
        `pmi_rank1`, `pmi_rank2`: that precoder, and the two-layer one whose layers are most equal.
    """
    theta, phi = _field(cell, paths)
    response = paths.response.astype(np.complex128)
    excited = theta[:, None] * response[:, 0] + phi[:, None] * response[:, 1]
    crossed = theta[:, None] * response[:, 1] - phi[:, None] * response[:, 0]
    gain_P = np.asarray((np.abs(excited) ** 2).sum(axis=1), np.float64)
    found = _strongest(paths, gain_P, receivers) | _beams(cell, paths, gain_P, receivers)
    ports = [np.asarray(port / math.sqrt(2)) for port in (excited + crossed, excited - crossed)]
    found |= _ports(paths, ports[0], ports[1], receivers)
    return {name: values.astype(np.float32) for name, values in found.items()}


def _field(cell: Cell, paths: PathList) -> tuple[Float64, Float64]:
    """Field of the sector's element toward each path (see `antenna.sector_field`), [P] each."""
    import mitsuba as mi

    if not len(paths):
        return np.zeros(0), np.zeros(0)
    theta, phi = sector_field(cell, mi.Vector3f(paths.departure.T))
    return theta.numpy().astype(float), phi.numpy().astype(float)


def _strongest(paths: PathList, gain_P: Float64, receivers: int) -> dict[str, Float64]:
    """Angles of the strongest path of each receiver."""
    # The last of a receiver in this order is its strongest.
    order = np.lexsort((gain_P, paths.receiver))
    winner = np.full(receivers, -1)
    winner[paths.receiver[order]] = order
    known = winner >= 0
    found: dict[str, Float64] = {}
    for end, direction in (("departure", paths.departure), ("arrival", paths.arrival)):
        azimuth, zenith = np.full(receivers, np.nan), np.full(receivers, np.nan)
        east, north, up = direction[winner[known]].astype(float).T
        azimuth[known] = enu_rad_to_bearing(np.arctan2(north, east))
        zenith[known] = np.degrees(np.arctan2(np.hypot(east, north), up))
        found |= {f"{end}_azimuth_deg": azimuth, f"{end}_zenith_deg": zenith}
    return found


def beam_patterns(cell: Cell, departure_P3: npt.NDArray[np.floating]) -> Float64:
    """Power gain of each beam over a single element toward directions, [P, A].

    |w^H a|^2 of a uniform linear array of `BEAMS` columns half a wavelength apart, with w the unit
    vector that steers to the beam's sine (TR 38.901, 7.3; TS 38.214, 5.2.2.2.1 for DFT vectors).
    """
    yaw, _, _ = orientation_rad(cell)
    right = np.array([math.sin(yaw), -math.cos(yaw), 0.0])
    sine_PA = (departure_P3 @ right)[:, None] - BEAM_SINES
    columns = np.arange(BEAMS)
    steered = np.exp(1j * math.pi * sine_PA[..., None] * columns).sum(axis=-1)
    gain: Float64 = np.abs(steered) ** 2 / BEAMS
    return gain


def _beams(cell: Cell, paths: PathList, gain_P: Float64, receivers: int) -> dict[str, Float64]:
    pattern_PA = beam_patterns(cell, paths.departure)
    total = np.bincount(paths.receiver, weights=gain_P, minlength=receivers)
    beam_NA = np.stack(
        [
            np.bincount(paths.receiver, weights=gain_P * pattern_P, minlength=receivers)
            for pattern_P in pattern_PA.T
        ],
        axis=-1,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return {BEAM_GAIN: np.asarray(linear_to_db(beam_NA / total[:, None]))}


def _ports(
    paths: PathList, first: Complex128, second: Complex128, receivers: int
) -> dict[str, Float64]:
    """Layers and precoders from the two ports' channels of each path, [P, 2 (received)] each.

    Covariances of paths add up: over 100 MHz their phases turn many times.
    """

    def total(values_P: Float64) -> Float64:
        return np.asarray(np.bincount(paths.receiver, values_P, receivers), np.float64)

    own = [total((np.abs(port) ** 2).sum(axis=1)) for port in (first, second)]
    cross_P = (first.conj() * second).sum(axis=1)
    cross = total(cross_P.real) + 1j * total(cross_P.imag)
    mean = (own[0] + own[1]) / 2.0
    half_gap = np.hypot((own[0] - own[1]) / 2.0, np.abs(cross))
    rank1 = mean[:, None] + (cross[:, None] * RANK_1_PHASES).real
    # The two layers of a precoder get mean +- this; the most equal ones win.
    unequal = np.abs((cross[:, None] * RANK_2_PHASES).real)
    none = mean <= 0
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "layer_ratio_db": linear_to_db(
                np.maximum((mean - half_gap) / (mean + half_gap), LEAST_LAYER)
            ),
            "pmi_rank1_gain_db": linear_to_db(np.asarray(rank1.max(axis=1) / mean)),
            "pmi_rank1": np.where(none, np.nan, rank1.argmax(axis=1)),
            "pmi_rank2": np.where(none, np.nan, unequal.argmin(axis=1)),
        }
    return {name: np.asarray(values) for name, values in found.items()}
