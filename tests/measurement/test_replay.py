"""Replayed phones never jump, and their reports carry fresh errors in every lap."""

from __future__ import annotations

import numpy as np
import pytest

from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import Condition
from rayfix.measurement.dataset import Dataset, DatasetWorld
from rayfix.measurement.replay import Measured, phones_on, window

from .free_space import CELLS, propagation

CONDITION = Condition(
    world="nominal", quantities=("rsrp_dbm", "toa_ns"), rsrp_residual_db=3.0, timing_error_ns=10.0
)
STEPS = 40


def routes() -> Dataset:
    angle = np.arange(STEPS) / STEPS * 2 * np.pi
    circle = 40 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    still = np.broadcast_to([60.0, 20.0], (STEPS, 2))
    paths = propagation(np.stack([circle, still]), interval_s=0.5)
    return Dataset("plain", np.array([1, 0]), {"nominal": DatasetWorld(CELLS, paths)})


def test_more_phones_than_routes_follow_at_even_distances() -> None:
    phones = phones_on(routes(), 5)
    assert [p.ue_id for p in phones] == [
        "walking-01", "still-02", "walking-03", "still-04", "walking-05",
    ]  # fmt: skip
    assert [p.offset for p in phones if p.route == 0] == [0, STEPS // 3, 2 * STEPS // 3]
    with pytest.raises(InvalidInputError, match="ues"):
        phones_on(routes(), 0)


def test_windows_grow_to_two_seconds_and_end_now() -> None:
    measured, phone = Measured(routes(), CONDITION, 1), phones_on(routes(), 1)[0]
    assert len(window(measured, phone, 0, 100.0)) == 1
    reports = window(measured, phone, 30, 100.0)
    np.testing.assert_allclose([r.time for r in reports], [98.0, 98.5, 99.0, 99.5, 100.0])
    # The newest report was measured where the phone is: its strongest ToA fits that distance.
    x_m, y_m = measured.truth_xy_m(0, 30)
    for heard in reports[-1].cells:
        cell = next(c for c in CELLS if c.cell_id == heard.cell_id)
        metres = np.sqrt((cell.x_m - x_m) ** 2 + (cell.y_m - y_m) ** 2 + 23.5**2)
        assert heard.toa_ns == pytest.approx(metres / 0.299792458, abs=60)


def test_motion_is_continuous_over_the_lap_and_errors_are_new() -> None:
    data = routes()
    measured = Measured(data, CONDITION, 1)
    steps = [measured.truth_xy_m(0, step) for step in range(3 * STEPS)]
    moved = np.hypot(*np.diff(np.array(steps), axis=0).T)
    assert moved.max() < 1.01 * moved.min()
    first, second = (measured.report(0, 5 + lap * STEPS, 0.0) for lap in (0, 1))
    assert first is not None
    assert second is not None
    assert first != second
    again = Measured(data, CONDITION, 1).report(0, 5, 0.0)
    assert again == first


def test_a_step_without_a_cell_gives_no_report() -> None:
    data = routes()
    data.worlds["nominal"].propagation.path_gain_db_BTC[0, 7] = np.nan
    measured, phone = Measured(data, CONDITION, 1), phones_on(data, 1)[0]
    assert measured.report(0, 7, 0.0) is None
    assert measured.report(0, 8, 0.0) is not None
    assert len(window(measured, phone, 8, 50.0)) == 4
