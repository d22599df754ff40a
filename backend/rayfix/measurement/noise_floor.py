"""Receivers that report a number even when they hear nothing: their noise floor.

Shape letters: M moments, C cells, K trajectories.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from rayfix.measurement.drive_test import DriveTest

FLOOR_PERCENTILE = 5.0
FEWEST_VALUES = 20
"""Values of a cell in a trajectory from which its floor there is its own."""

Float64 = npt.NDArray[np.float64]


def noise_floors(drive_test: DriveTest) -> Float64:
    """Weakest twentieth of the RSRP of each cell in each trajectory [dBm], [K, C].

    A trajectory with few values of a cell takes the cell's floor over all of them; NaN = no value.
    A receiver whose gain differs from one trajectory to the next moves its floor with it.
    """
    rsrp_dbm_MC = drive_test.matrix("rsrp_dbm")
    floor_KC = np.full((len(drive_test.tracks), len(drive_test.cell_ids)), np.nan)
    for c in range(len(drive_test.cell_ids)):
        known = np.isfinite(rsrp_dbm_MC[:, c])
        if not known.any():
            continue
        floor_KC[:, c] = np.percentile(rsrp_dbm_MC[known, c], FLOOR_PERCENTILE)
        for k in range(len(drive_test.tracks)):
            values = rsrp_dbm_MC[known & (drive_test.track_M == k), c]
            if len(values) >= FEWEST_VALUES:
                floor_KC[k, c] = np.percentile(values, FLOOR_PERCENTILE)
    return floor_KC


def below_noise_floor(
    drive_test: DriveTest, margin_db: float, floor_KC: Float64 | None = None
) -> DriveTest:
    """The drive test with values at most `margin_db` over the noise floor marked as not heard.

    Args:
        drive_test: readings.
        margin_db: how far noise alone reaches over the floor [dB].
        floor_KC: floors of another drive test with the same trajectories; None = its own.
    """
    floor_KC = noise_floors(drive_test) if floor_KC is None else floor_KC
    rsrp_dbm_MC = drive_test.matrix("rsrp_dbm")
    here = rsrp_dbm_MC[drive_test.moment_R, drive_test.cell_R]
    floor_R = floor_KC[drive_test.track_M[drive_test.moment_R], drive_test.cell_R]
    with np.errstate(invalid="ignore"):
        silent_R = here <= floor_R + margin_db
    return replace(drive_test, heard_R=drive_test.heard_R & ~silent_R)
