"""Sanity checks of a dataset: does what was recorded obey the physics that it claims?

Shape letters: S sequences, T places of a sequence, C cells.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayfix.measurement.dataset import Dataset, DatasetWorld
from rayfix.measurement.motion import MOTIONS, SPEED_M_S
from rayfix.measurement.propagation import Float64
from rayfix.measurement.quantities import DETECTION_SNR_DB, noise_dbm, rsrp_dbm
from rayfix.scene.cell import Cell
from rayfix.scene.ground import ground_of
from rayfix.scene.scene import Scene
from rayfix.units import SPEED_OF_LIGHT_M_S, db_to_linear, linear_to_db, wrap_deg

UE_HEIGHT_M = 1.5
MAX_GAIN_DBI, BEAMWIDTH_DEG, MAX_ATTENUATION_DB = 8.0, 65.0, 30.0
"""The sector's element (TR 38.901, table 7.3-1)."""
IN_BEAM_DEG = 60.0
"""Off boresight by less, the direct path is the first detectable one; behind a sector a reflection
can be so much stronger that it is not."""
TIMING_TOLERANCE_NS = 0.1
"""Coordinates are stored to 4 mm, times of arrival to 0.03 ns."""


@dataclass(frozen=True)
class Check:
    """One rule, what was found, and whether it holds."""

    name: str
    rule: str
    found: str
    passed: bool


@dataclass(frozen=True)
class Geometry:
    """Straight lines from every cell to every place, [S, T, C].

    Attributes:
        distance_m: in space [m].
        bearing_deg: at the cell [deg].
        friis_db: free-space path gain with the sector's element [dB].
        in_beam: whether the place is within `IN_BEAM_DEG` of the boresight's bearing.
    """

    distance_m: Float64
    bearing_deg: Float64
    friis_db: Float64
    in_beam: npt.NDArray[np.bool_]


def ue_height_m(dataset: Dataset, radio_maps_dir: Path) -> Float64:
    """Height of the phone at every place in the scene's frame [m], [S, T]: its scene's ground and
    UE height, or 1.5 m over flat ground where there is no `radio_maps_dir/<scene>/scene.json`."""
    folder = radio_maps_dir / dataset.scene
    xy_m = dataset.xy_m_ST2
    if not (folder / "scene.json").is_file():
        return np.full(xy_m.shape[:2], UE_HEIGHT_M)
    scene = Scene.load(folder)
    ground = ground_of(scene, folder)
    return np.asarray(ground.height_m(xy_m[..., 0], xy_m[..., 1]) + scene.ue_height_m)


def geometry(xy_m_ST2: Float64, height_m_ST: Float64, cells: Sequence[Cell]) -> Geometry:
    """Straight lines to the cells as they are in a world."""
    at = np.array([(cell.x_m, cell.y_m, cell.z_m) for cell in cells])
    phone = np.concatenate([xy_m_ST2, height_m_ST[..., None]], axis=-1)
    way = phone[:, :, None] - at
    distance_m = np.linalg.norm(way, axis=-1)
    bearing = np.degrees(np.arctan2(way[..., 0], way[..., 1])) % 360.0
    boresight = np.array([cell.bearing_deg for cell in cells])
    wavelength_m = SPEED_OF_LIGHT_M_S / np.array([cell.carrier_hz for cell in cells])
    friis = -20.0 * np.log10(4.0 * np.pi * distance_m / wavelength_m)
    return Geometry(
        distance_m,
        bearing,
        friis + _pattern_db(way / distance_m[..., None], cells),
        np.abs(wrap_deg(bearing - boresight)) < IN_BEAM_DEG,
    )


def _pattern_db(direction: Float64, cells: Sequence[Cell]) -> Float64:
    """Gain of each sector's element toward unit vectors [..., C, 3] [dBi]: table 7.3-1 of TR 38.901
    in the element's own frame, turned by bearing and downtilt (7.1-11)."""
    bearing = np.radians([cell.bearing_deg for cell in cells])
    tilt = np.radians([cell.downtilt_deg for cell in cells])
    level = np.stack([np.sin(bearing), np.cos(bearing), np.zeros(len(cells))], axis=-1)
    up = np.array([0.0, 0.0, 1.0])
    ahead = level * np.cos(tilt)[:, None] - up * np.sin(tilt)[:, None]
    top = level * np.sin(tilt)[:, None] + up * np.cos(tilt)[:, None]
    right = np.stack([np.cos(bearing), -np.sin(bearing), np.zeros(len(cells))], axis=-1)
    forward, aside, above = ((direction * axis).sum(axis=-1) for axis in (ahead, right, top))
    azimuth = np.degrees(np.arctan2(aside, forward))
    below = np.degrees(np.arccos(np.clip(above, -1.0, 1.0))) - 90.0
    loss = [np.minimum(12.0 * (angle / BEAMWIDTH_DEG) ** 2, MAX_ATTENUATION_DB)
            for angle in (azimuth, below)]  # fmt: skip
    return np.asarray(MAX_GAIN_DBI - np.minimum(loss[0] + loss[1], MAX_ATTENUATION_DB))


def check_dataset(dataset: Dataset, height_m_ST: Float64) -> list[Check]:
    """All checks, those of each world and those of the way."""
    found = [_speeds(dataset)]
    for name, world in dataset.worlds.items():
        straight = geometry(dataset.xy_m_ST2, height_m_ST, world.cells)
        found += [
            Check(f"{name}: {check.name}", check.rule, check.found, check.passed)
            for check in _checks_of_world(world, straight)
        ]
    return found


def _checks_of_world(world: DatasetWorld, straight: Geometry) -> list[Check]:
    paths = world.propagation
    direct = paths.los_BTC & straight.in_beam & np.isfinite(paths.path_gain_db_BTC)
    excess_ns = paths.toa_ns_BTC - straight.distance_m / SPEED_OF_LIGHT_M_S * 1e9
    known = np.isfinite(excess_ns)
    checks = [
        _detection(world),
        Check(
            "ToA against distance",
            f"ToA >= d / c (within {TIMING_TOLERANCE_NS} ns)",
            f"{known.sum()} ToAs, earliest {_extreme(excess_ns[known], np.min):+.2f} ns",
            bool((excess_ns[known] >= -TIMING_TOLERANCE_NS).all()),
        ),
    ]
    if not direct.any():
        return [*checks, Check("line of sight", "some direct paths", "none", False)]
    late_ns = excess_ns[direct]
    checks.append(
        Check(
            "line of sight ToA",
            f"ToA = d / c (within {TIMING_TOLERANCE_NS} ns) for 99 % in the beam",
            f"{100 * np.mean(np.abs(late_ns) <= TIMING_TOLERANCE_NS):.2f} % of {direct.sum()}",
            bool(np.mean(np.abs(late_ns) <= TIMING_TOLERANCE_NS) >= 0.99),
        )
    )
    return [*checks, *_free_space(world, straight, direct), *_angles(world, straight, direct)]


def _detection(world: DatasetWorld) -> Check:
    rsrp = rsrp_dbm(world.propagation.path_gain_db_BTC, world.cells)
    over_db = rsrp - noise_dbm(world.cells) - DETECTION_SNR_DB
    known = np.isfinite(over_db)
    low, high = _extreme(over_db[known], np.min), _extreme(rsrp[known], np.max)
    return Check(
        "RSRP within the detection range",
        "at least the detection threshold, at most -20 dBm",
        f"weakest {low:+.2f} dB over the threshold, strongest {high:.1f} dBm",
        bool(known.any() and low >= -0.05 and high <= -20.0),
    )


def direct_gain_db(world: DatasetWorld, straight: Geometry) -> tuple[Float64, bool]:
    """Path gain less the sector's pattern [dB], [S, T, C], and whether it is of the strongest path
    alone (where the K-factor was recorded) or of all paths."""
    paths = world.propagation
    wavelength_gain = -20.0 * np.log10(straight.distance_m)
    pattern = straight.friis_db - wavelength_gain  # and the wavelength, a constant
    gain = paths.path_gain_db_BTC.astype(np.float64)
    if paths.detail is None:
        return gain - pattern, False
    k = db_to_linear(np.minimum(paths.detail.k_factor_db.astype(np.float64), 100.0))
    return gain + linear_to_db(k / (1.0 + k)) - pattern, True


def slope_per_20_log10(gain_db: Float64, distance_m: Float64, alone: bool, bins: int = 10) -> float:
    """Slope of path gain against 20 log10 d; -1 in free space (ITU-R P.525, eq. 4).

    Of the strongest path alone a fit to the medians of ten bins of distance; of all paths to their
    tenth percentiles, where reflections add least.
    """
    x = 20.0 * np.log10(distance_m)
    edges = np.quantile(x, np.linspace(0.0, 1.0, bins + 1))
    level = 0.5 if alone else 0.1
    centre, value = [], []
    for low, high in itertools.pairwise(edges):
        mine = (x >= low) & (x <= high)
        if mine.any() and high > low:
            centre.append(float(np.median(x[mine])))
            value.append(float(np.quantile(gain_db[mine], level)))
    return float(np.polyfit(centre, value, 1)[0]) if len(centre) > 1 else float("nan")


def _free_space(
    world: DatasetWorld, straight: Geometry, direct: npt.NDArray[np.bool_]
) -> list[Check]:
    gain, alone = direct_gain_db(world, straight)
    if world.propagation.detail is not None and strongest_is_direct(world, straight).any():
        direct = direct & strongest_is_direct(world, straight)
    slope = slope_per_20_log10(gain[direct], straight.distance_m[direct], alone)
    tolerance = 0.02 if alone else 0.2
    excess = world.propagation.path_gain_db_BTC[direct] - straight.friis_db[direct]
    least, middle = (float(np.percentile(excess, p)) for p in (1, 50))
    what = "strongest path" if alone else "10th percentile of all paths' sum"
    return [
        Check(
            "free-space slope of the line of sight",
            f"-20 log10 d (slope -1 within {tolerance}; {what}, antenna pattern removed)",
            f"slope {slope:.3f} from {straight.distance_m[direct].min():.0f} to "
            f"{straight.distance_m[direct].max():.0f} m",
            bool(abs(slope + 1.0) <= tolerance),
        ),
        Check(
            "free-space level of the line of sight",
            "all paths together at least Friis (1st percentile > -0.5 dB), in the median below "
            "Friis + 6 dB",
            f"1st percentile {least:+.2f} dB, median {middle:+.2f} dB",
            bool(least > -0.5 and middle < 6.0),
        ),
    ]


def strongest_is_direct(world: DatasetWorld, straight: Geometry) -> npt.NDArray[np.bool_]:
    """Whether the strongest path leaves toward the phone and arrives from the cell, [S, T, C]."""
    detail = world.propagation.recorded_detail("strongest path")
    leaves = wrap_deg(detail.departure_azimuth_deg - straight.bearing_deg)
    turned = wrap_deg(detail.arrival_azimuth_deg - detail.departure_azimuth_deg - 180.0)
    return np.asarray((np.abs(leaves) < 0.2) & (np.abs(turned) < 0.2))


def _angles(world: DatasetWorld, straight: Geometry, direct: npt.NDArray[np.bool_]) -> list[Check]:
    off = np.abs(wrap_deg(world.propagation.aoa_deg_BTC[direct] - straight.bearing_deg[direct]))
    checks = [
        Check(
            "line of sight AoA",
            "UL-AoA is the bearing of the phone within 5 deg in the median (it is a mean over all "
            "paths)",
            f"median {np.median(off):.2f} deg",
            bool(np.median(off) < 5.0),
        )
    ]
    if world.propagation.detail is not None:
        share = float(strongest_is_direct(world, straight)[direct].mean())
        checks.append(
            Check(
                "line of sight departure and arrival",
                "the strongest path leaves toward the phone and arrives from the cell (within "
                "0.2 deg) for 95 %",
                f"{100 * share:.1f} %",
                share >= 0.95,
            )
        )
    return checks


def _speeds(dataset: Dataset) -> Check:
    """Whether every sequence moves as fast as its class says."""
    time_s_T = next(iter(dataset.worlds.values())).propagation.time_s_T
    step_m = np.hypot(*np.moveaxis(np.diff(dataset.xy_m_ST2, axis=1), -1, 0))
    speed = step_m / np.diff(time_s_T) if len(time_s_T) > 1 else np.zeros((len(dataset), 1))
    wrong = 0
    for number, name in enumerate(MOTIONS):
        low, high = SPEED_M_S[name]
        mine = speed[dataset.motion_S == number]
        wrong += int(((mine < low - 0.1) | (mine > high + 0.1)).any(axis=1).sum())
    if len(time_s_T) == 1:
        return Check("speed of each motion class", "within its limits", "one report each", True)
    return Check(
        "speed of each motion class",
        "still 0, walking 1 to 2, driving 5 to 15 m/s",
        f"{wrong} of {len(dataset)} sequences outside",
        wrong == 0,
    )


def _extreme(values: npt.NDArray[Any], of: Callable[[npt.NDArray[Any]], Any]) -> float:
    return float(of(values)) if values.size else float("nan")
