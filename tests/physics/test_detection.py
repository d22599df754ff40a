from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.physics.conftest import report_batch
from torch import Tensor

from rayfix.physics.detection import log_detection, log_silent
from rayfix.physics.likelihood_grid import LikelihoodGrid, likelihood_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.report_features import ReportTensors


def test_a_full_list_hides_the_weak(noise: NoiseModel) -> None:
    gain = torch.tensor([-150.0, -100.0, -90.0, -60.0])
    silent = log_silent(torch.full((4,), 0.9), gain, torch.tensor(-90.0), noise).exp()
    assert (silent.diff() <= 0).all()
    expected = torch.tensor([1.0, 1.0, 1.0 - 0.9 * 0.5, 0.1])
    torch.testing.assert_close(silent, expected, atol=1e-4, rtol=0)


def without(cell: int, reports: int, maps: MapTensors, noise: NoiseModel) -> Tensor:
    """Evidence [P] of reports that lack one cell."""
    batch = report_batch(np.zeros((1, reports, 2)))
    cells = batch.cell_BTN.copy()
    cells[..., cell] = -1
    seen = observe(ReportTensors.from_batch(replace(batch, cell_BTN=cells)), maps, noise)
    grid = likelihood_grid(maps)
    return log_detection(seen, maps, noise, grid)[0]


def at(grid: LikelihoodGrid, x_m: float, y_m: float) -> int:
    return int((grid.xy_m_P2 - torch.tensor([x_m, y_m])).norm(dim=1).argmin())


@pytest.mark.parametrize(("share", "reports"), [(0.0, 1), (0.2, 1), (0.2, 3)])
def test_a_silent_cell_may_have_lost_all_its_quantities(
    maps: MapTensors, noise: NoiseModel, share: float, reports: int
) -> None:
    told = noise.model_copy(update={"missing_cell_share": share})
    found = without(2, reports, maps, told)
    grid = likelihood_grid(maps)
    # Cell C has no path in the south-west: only there is its silence what the map expects.
    expected, surprising = found[at(grid, -31, -31)], found[at(grid, -5, 5)]
    undetected = noise.undetected_share
    silent = 1 - (1 - undetected) * (1 - share**reports)
    gone = 1 - undetected / 4 * (1 - share**reports)
    assert float(surprising - expected) == pytest.approx(math.log(silent / gone), rel=1e-4)


def test_a_full_list_may_look_as_if_it_had_room(maps: MapTensors, noise: NoiseModel) -> None:
    """Of two cells that a list holds, one is missing: the third, weaker one is no surprise."""
    told = noise.model_copy(update={"missing_cell_share": 0.3, "max_cells": 2})
    roomy = noise.model_copy(update={"missing_cell_share": 0.3, "max_cells": 8})
    near_a = at(likelihood_grid(maps), -30, -10)
    for cell, surprise in ((2, False), (0, True)):
        difference = without(cell, 1, maps, told)[near_a] - without(cell, 1, maps, roomy)[near_a]
        assert (float(difference) < 0.5) == surprise
