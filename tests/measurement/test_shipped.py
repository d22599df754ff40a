"""The shipped recordings are physical, complete and belong to the shipped site list."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.dataset import Dataset, aligned_with
from rayfix.measurement.dataset_file import load_dataset
from rayfix.measurement.motion import SPEED_M_S
from rayfix.measurement.quantities import detected, rsrp_dbm
from rayfix.scene.cell import load_cells
from rayfix.units import SPEED_OF_LIGHT_M_S, wrap_deg

ROOT = Path(__file__).parents[2]
CELLS = load_cells(ROOT / "radio_maps/munich/cells.yaml")
CONDITIONS = load_conditions(ROOT / "configs/conditions.yaml")


@pytest.fixture(scope="module")
def test_set() -> Dataset:
    return load_dataset(ROOT / "benchmarks/data/munich-test.zarr.zip")


@pytest.fixture(scope="module")
def routes() -> Dataset:
    return load_dataset(ROOT / "radio_maps/munich/feed.zarr.zip")


def direct_path(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Distance [m] and bearing [deg] from every cell to every place, shape [S, T, C]."""
    offset = data.xy_m_ST2[:, :, None] - np.array([(c.x_m, c.y_m) for c in CELLS])
    height = np.array([c.z_m for c in CELLS]) - 1.5
    distance = np.sqrt((offset**2).sum(axis=-1) + height**2)
    return distance, np.degrees(np.arctan2(offset[..., 0], offset[..., 1])) % 360.0


def test_the_test_set_is_what_accuracy_is_claimed_on(test_set: Dataset) -> None:
    assert len(test_set) >= 1000
    assert set(test_set.worlds) == {"nominal", "perturbed"}
    assert test_set.xy_m_ST2.shape[1] == 10
    shares = np.bincount(test_set.motion_S, minlength=3) / len(test_set)
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=0.05)
    assert (np.abs(test_set.xy_m_ST2) <= 256.01).all()
    for world in test_set.worlds.values():
        rsrp = rsrp_dbm(world.propagation.path_gain_db_BTC[:, -1], world.cells)
        assert detected(rsrp, world.cells).any(axis=-1).all()


def test_the_perturbed_world_is_the_one_of_the_conditions(test_set: Dataset) -> None:
    aligned_with(test_set, CELLS, "munich")
    assert test_set.worlds["nominal"].cells == CELLS
    expected = CONDITIONS.worlds["perturbed"].apply(CELLS)
    assert test_set.worlds["perturbed"].cells == expected


@pytest.mark.parametrize("world", ["nominal", "perturbed"])
def test_paths_are_physical(test_set: Dataset, world: str) -> None:
    paths = test_set.worlds[world].propagation
    distance, bearing = direct_path(test_set)
    heard = np.isfinite(paths.path_gain_db_BTC)
    assert heard.mean() > 0.25
    earliest_ns = distance / SPEED_OF_LIGHT_M_S * 1e9
    excess_ns = (paths.toa_ns_BTC - earliest_ns)[np.isfinite(paths.toa_ns_BTC)]
    assert excess_ns.min() > -0.1
    # Within the beam the direct path is the first detectable one; behind a sector a reflection
    # can be so much stronger that it is not.
    boresight = np.array([c.bearing_deg for c in test_set.worlds[world].cells])
    in_beam = paths.los_BTC & (np.abs(wrap_deg(bearing - boresight)) < 45)
    assert in_beam.sum() > 2000
    assert np.abs((paths.toa_ns_BTC - earliest_ns)[in_beam]).max() < 0.1
    off = np.abs(wrap_deg(paths.aoa_deg_BTC - bearing))[in_beam]
    assert np.median(off) < 4.0  # the mean over all paths, reflections in the street included
    free_space_db = -20 * np.log10(4 * np.pi * distance * 3.5e9 / SPEED_OF_LIGHT_M_S)
    gain = paths.path_gain_db_BTC - free_space_db
    # The sector's element has 8 dBi; in a street canyon the reflections at grazing angles are
    # nearly as strong as the direct path, and a handful of them adds up to 10 dB.
    assert np.nanmax(gain) < 18
    assert np.nanpercentile(gain, 90) < 8
    assert -6 < np.median(gain[in_beam]) < 10
    assert (paths.aoa_deg_BTC[heard] >= 0).all()
    assert (paths.aoa_deg_BTC[heard] < 360).all()


def test_both_worlds_share_places_and_differ_in_paths(test_set: Dataset) -> None:
    nominal, perturbed = (test_set.worlds[n].propagation for n in ("nominal", "perturbed"))
    np.testing.assert_array_equal(nominal.xy_m_BT2, perturbed.xy_m_BT2)
    difference = perturbed.path_gain_db_BTC - nominal.path_gain_db_BTC
    assert 0.5 < np.nanstd(difference) < 8


def test_a_phone_that_stands_stays_and_one_that_moves_moves(test_set: Dataset) -> None:
    step = np.diff(test_set.xy_m_ST2, axis=1)
    speed = np.hypot(step[..., 0], step[..., 1]) / 0.2
    for number, (low, high) in enumerate(SPEED_M_S.values()):
        mine = speed[test_set.motion_S == number]
        assert mine.min() >= low - 0.05
        assert mine.max() <= high + 0.05


@pytest.mark.parametrize("name", ["clean", "standard", "hard"])
def test_every_sequence_gives_a_report_in_every_condition(test_set: Dataset, name: str) -> None:
    batch = test_set.draw(CONDITIONS.conditions[name], seed=0, reports=1)
    assert (batch.cell_BTN >= 0).any(axis=(1, 2)).all()


DRAWN = {
    "clean": "2f4773c1de783b80f450432c2bb16d56572730f3aaf885e56a3733db55c44592",
    "standard": "2ef264151b92bb262d5e1ae6273adcc27a93fe1506f120e3946a8f2c03629078",
    "hard": "44ffa18abb043feed5bc85bdc4a71e520b324bf10fa7589a5e46e20060fd17f2",
    "rsrp_only": "8c4d99d423f4546fc7f5a8de4ceeab212e89cc59e596ab27db839a4dcf84c726",
}
"""SHA-256 of what the first 100 sequences report: accuracy is claimed on exactly these draws."""


@pytest.mark.parametrize("name", DRAWN)
def test_a_condition_draws_the_reports_that_accuracy_was_claimed_on(
    test_set: Dataset, name: str
) -> None:
    batch = test_set[:100].draw(CONDITIONS.conditions[name], seed=20261124)
    drawn = batch.values_BTNQ.tobytes() + batch.cell_BTN.tobytes() + batch.time_s_BT.tobytes()
    assert hashlib.sha256(drawn).hexdigest() == DRAWN[name]


def test_routes_of_the_feed_close_without_a_jump(routes: Dataset) -> None:
    assert len(routes) == 20
    assert routes.worlds["nominal"].cells == CELLS
    step = np.roll(routes.xy_m_ST2, -1, axis=1) - routes.xy_m_ST2
    speed = np.hypot(step[..., 0], step[..., 1]) / 0.5
    assert speed.max() <= 15.1
    for number in (1, 2):
        mine = speed[routes.motion_S == number]
        assert mine.min() > 0.3
    heard = np.isfinite(routes.worlds["nominal"].propagation.path_gain_db_BTC).any(axis=-1)
    assert heard.mean() > 0.95
