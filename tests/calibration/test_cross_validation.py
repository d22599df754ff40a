"""Corrections are taken where left-out fixes speak for them, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from tests.calibration.open_town import altered, cells, places, reports, town

from rayfix.calibration.calibrate import Calibration, calibrate_map
from rayfix.calibration.cross_validation import better, field_helps, fix_folds
from rayfix.calibration.report import describe, summary
from rayfix.calibration.residual import Covariance, Residuals
from rayfix.measurement.conditions import load_conditions
from rayfix.physics.noise import NoiseModel
from rayfix.radio_map.radio_map import RadioMap
from rayfix.scene.cell import Cell

NOISE = NoiseModel.from_condition(load_conditions().conditions["standard"])
NOISE = NOISE.model_copy(update={"max_cells": 64})
PRIOR = Covariance(cell_db=1.5, site_db=1.5, length_m=25.0, noise_db=2.0)


@pytest.fixture(scope="module")
def radio_map() -> RadioMap:
    return town()


def calibrated(
    radio_map: RadioMap, real: tuple[Cell, ...], fixes: int, noise_db: float
) -> Calibration:
    xy = places(fixes, 3)
    return calibrate_map(radio_map, xy, reports(real, xy, noise_db, 4), noise=NOISE)


@pytest.mark.parametrize("fixes", [3, 10])
def test_a_right_site_list_is_left_alone(radio_map: RadioMap, fixes: int) -> None:
    """Few and noisy fixes of a perfect site list: the very same map, without a stated error."""
    found = calibrated(radio_map, cells(), fixes, noise_db=4.0)
    assert found.accepted == ()
    assert found.radio_map is radio_map
    document = summary(found, radio_map.cells) | {"left_out": {}, "unknown_cells": {}}
    assert "the map stays" in describe(document)


def test_what_is_wrong_is_taken_and_the_rest_hardly_moves(radio_map: RadioMap) -> None:
    real = altered(
        A_0={"power_dbm": 5.0},
        B_0={"power_dbm": -5.0},
        C_1={"power_dbm": 4.0},
        C_2={"power_dbm": -4.0},
    )
    found = calibrated(radio_map, real, 40, noise_db=2.0)
    assert "power_db" in found.accepted
    assert "residual" not in found.accepted
    assert found.fit.corrections.power_db_C[0] == pytest.approx(5.0, abs=1.5)
    assert found.fit.corrections.bearing_deg_C.abs().max() < 6.0
    document = summary(found, radio_map.cells) | {"left_out": {}, "unknown_cells": {}}
    assert "predict left-out fixes better: power" in describe(document)


def test_turned_antennas_are_taken(radio_map: RadioMap) -> None:
    turned = {
        cell.cell_id.replace("-", "_"): {"bearing_deg": 9.0 * (-1) ** index}
        for index, cell in enumerate(cells())
    }
    found = calibrated(radio_map, altered(**turned), 50, noise_db=1.5)
    assert "bearing_deg" in found.accepted
    left = found.fit.corrections.bearing_deg_C.numpy() - [9.0 * (-1) ** i for i in range(9)]
    assert np.sqrt(np.mean(left**2)) < 4.0


def residuals(spread_db: float, length_m: float, count: int = 150) -> list[Residuals]:
    """One site's residuals: waves of a length, and noise of 2 dB."""
    random = np.random.default_rng(5)
    xy = random.uniform(-150, 150, (count, 2))
    wave = spread_db * np.sin(xy[:, 0] / length_m) * np.cos(xy[:, 1] / length_m)
    return [Residuals(xy, np.zeros(count, np.int64), wave + random.normal(0, 2, count))]


def test_a_residual_field_is_kept_where_it_predicts() -> None:
    assert field_helps(residuals(5.0, 40.0), PRIOR)
    assert not field_helps(residuals(0.0, 40.0), PRIOR)
    assert not field_helps(residuals(5.0, 40.0, count=10), PRIOR)
    assert not field_helps([Residuals(np.zeros((0, 2)), np.zeros(0, np.int64), np.zeros(0))], PRIOR)


def test_squares_are_left_out_whole() -> None:
    xy = np.random.default_rng(1).uniform(0, 500, (200, 2))
    fold = fix_folds(xy)
    square = np.floor(xy / 50).astype(int)
    for one in np.unique(square, axis=0):
        assert len(set(fold[(square == one).all(1)])) == 1
    few = fix_folds(np.zeros((7, 2)))
    assert sorted(np.bincount(few)) == [1, 1, 1, 2, 2]


def test_a_gain_must_exceed_chance() -> None:
    assert better(np.array([1.0, 1.1, 0.9, 1.0]))
    assert not better(np.array([4.0, -3.0, 3.0, -3.0]))
    assert not better(np.array([1.0, 0.0, 2.0]))  # of three fixes, even that is chance
    assert not better(np.array([5.0]))
