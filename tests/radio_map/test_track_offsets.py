"""Offsets of trajectories and correlation of cells: what was hidden is found, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from rayfix.radio_map.cell_correlation import CellCorrelation, fit_cell_correlation
from rayfix.radio_map.kriging import CellPrior
from rayfix.radio_map.track_offsets import track_offsets

PRIORS = (CellPrior(0.0, 0.0), CellPrior(800.0, 0.0))


def drive(offset_kc: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three trajectories over one area: places, levels of two cells, and the trajectory."""
    random = np.random.default_rng(seed)
    xy = random.uniform((-300, -400), (1000, 400), (600, 2))
    track = np.arange(600) % 3
    away = [np.hypot(xy[:, 0] - p.x_m, xy[:, 1] - p.y_m) + 20 for p in PRIORS]
    level = np.stack([-85 - 35 * np.log10(d / 300) for d in away], axis=1)
    level += 4 * np.sin(xy[:, :1] / 150) + random.normal(0, 2, level.shape)
    return xy, level + offset_kc[track], track


def test_hidden_offsets_are_found() -> None:
    hidden = np.array([[10.0, 0.0], [0.0, 0.0], [-4.0, 0.0]])
    found = track_offsets(*drive(hidden), 3, PRIORS)
    assert found == pytest.approx(hidden - hidden.mean(0), abs=0.8)


def test_one_trajectory_has_no_offset() -> None:
    xy, level, _ = drive(np.zeros((3, 2)))
    assert (track_offsets(xy, level, np.zeros(600, np.int64), 1, PRIORS) == 0).all()


def test_few_readings_move_an_offset_little() -> None:
    """One reading that is 40 dB off is a reading, not a trajectory."""
    xy, level, track = drive(np.zeros((3, 2)))
    few = (track < 2) | (np.arange(600) == 2)
    level[2, 0] += 40.0
    found = track_offsets(xy[few], level[few], track[few], 3, PRIORS)
    assert np.abs(found[2, 0]) < 40.0
    assert np.abs(found[:2]).max() < 1.0


def test_correlation_is_found_again() -> None:
    antennas = np.random.default_rng(1).uniform(-1000, 1000, (12, 2))
    hidden = CellCorrelation(common=0.1, nearby=0.4, range_m=400.0)
    factor = np.linalg.cholesky(hidden.matrix(antennas))
    error = np.random.default_rng(2).standard_normal((6000, 12)) @ factor.T
    error[::7, 3] = np.nan
    found = fit_cell_correlation(error, antennas)
    assert found.matrix(antennas) == pytest.approx(hidden.matrix(antennas), abs=0.06)


def test_correlation_needs_pairs() -> None:
    assert fit_cell_correlation(np.zeros((50, 4)), np.zeros((4, 2))) == CellCorrelation()


def test_matrix_is_one_on_its_diagonal_and_positive() -> None:
    places = np.array([[0.0, 0.0], [0.0, 0.0], [500.0, 0.0]])
    matrix = CellCorrelation(common=0.3, nearby=0.5).matrix(places)
    assert np.diag(matrix).tolist() == [1.0, 1.0, 1.0]
    assert matrix[0, 1] == pytest.approx(0.8)
    assert np.linalg.eigvalsh(matrix).min() > 0
