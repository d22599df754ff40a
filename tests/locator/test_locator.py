"""The locator on a small town: batches equal singles, geometry is consistent, refusals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.conftest import Town, settings_of

from rayfix.config import Settings
from rayfix.errors import ArtefactError, ConfigError, NoKnownCellsError, UnknownSceneError
from rayfix.locator.fix import LocateOptions, LocateQuery
from rayfix.locator.locator import Locator
from rayfix.locator.posterior_window import posterior_window
from rayfix.measurement.report import Report
from rayfix.physics.maps import MapTensors

WHY = frozenset({"posterior", "attention", "residuals"})


@pytest.fixture(scope="module")
def locator(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Locator:
    return Locator.load(settings_of(town, tmp_path_factory.mktemp("locator")))


def query(town: Town, x_m: float, y_m: float, reports: int = 1, **options: object) -> LocateQuery:
    sequence = tuple(
        Report.model_validate(town.report(x_m + i, y_m, 0.2 * i)) for i in range(reports)
    )
    return LocateQuery("town", sequence, LocateOptions(**options))  # type: ignore[arg-type]


def test_a_batch_of_all_kinds_equals_single_queries(locator: Locator, town: Town) -> None:
    queries = [
        query(town, -40, -30),
        query(town, 50, 50, reports=4),
        query(town, 0, 0, include=WHY),
        query(town, -10, 40, reports=2, refine_steps=0),
        query(town, 20, -20, refine_steps=3, include=WHY),
    ]
    together = locator.locate(queries)
    for one, expected in zip(queries, together, strict=True):
        (alone,) = locator.locate([one])
        assert (alone.fix.x_m, alone.fix.y_m) == pytest.approx(
            (expected.fix.x_m, expected.fix.y_m), abs=1e-2
        )
        assert alone.fix.accuracy_m == pytest.approx(expected.fix.accuracy_m, rel=1e-2)
        assert (alone.refinement is None) == (expected.refinement is None)
        if expected.attention is not None and alone.attention is not None:
            assert alone.attention.tokens == expected.attention.tokens
            assert np.allclose(alone.attention.map_LHG, expected.attention.map_LHG, atol=1e-4)


def test_geometry_is_consistent(locator: Locator, town: Town) -> None:
    (result,) = locator.locate([query(town, -25, 10, reports=3, refine_steps=4, include=WHY)])
    georeference = town.radio_map.scene.georeference
    fix, ellipse = result.fix, result.fix.ellipse
    assert np.hypot(*(np.array(georeference.to_local(fix.lat, fix.lon)) - (fix.x_m, fix.y_m))) < (
        0.01
    )
    assert ellipse.semi_major_m >= ellipse.semi_minor_m > 0
    assert ellipse.semi_minor_m <= fix.accuracy_95_m <= ellipse.semi_major_m * (1 + 1e-6)
    assert fix.accuracy_m < fix.accuracy_95_m
    weights = [h.weight for h in result.hypotheses]
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) == pytest.approx(1, abs=1e-3)
    refinement = result.refinement
    assert refinement is not None and len(refinement.path) == refinement.steps + 1
    assert refinement.energy_after <= refinement.energy_before + 1e-3


def test_without_refinement_there_is_none(locator: Locator, town: Town) -> None:
    (result,) = locator.locate([query(town, 0, 0, refine_steps=0)])
    assert result.refinement is None and result.unrefined_fix is None


def test_posterior_and_attention_lie_on_the_map(locator: Locator, town: Town) -> None:
    (result,) = locator.locate([query(town, 30, -40, include=WHY)])
    assert result.posterior is not None and result.attention is not None
    grid = result.posterior.grid
    assert (grid.rows, grid.columns) == (8, 8)
    for given, expected in zip(grid.corners, town.radio_map.scene.corners_lon_lat(), strict=True):
        assert given == pytest.approx(expected, abs=1e-7)
    assert result.posterior.probability.sum() == pytest.approx(1, abs=1e-3)
    assert np.allclose(result.attention.map_LHG.sum(-1), 1, atol=1e-3)
    assert np.allclose(result.attention.token_LHN.sum(-1), 1, atol=1e-3)
    cells = {cell.cell_id for cell in town.radio_map.cells}
    assert {cell_id for _, cell_id in result.attention.tokens} <= cells


def test_posterior_of_pixels_is_a_window_of_the_map(locator: Locator, town: Town) -> None:
    include = frozenset({"pixel_posterior"})
    (result,) = locator.locate([query(town, 30, -40, include=include)])
    assert result.posterior is not None
    grid, probability = result.posterior.grid, result.posterior.probability
    assert probability.shape == (grid.rows * grid.columns,)
    assert probability.sum() == pytest.approx(1, abs=1e-3)
    lon, lat = np.array(grid.corners).T
    x, y = town.radio_map.scene.georeference.to_local(lat, lon)
    step = town.radio_map.x_m[1] - town.radio_map.x_m[0]
    assert (x[1] - x[0], y[0] - y[3]) == pytest.approx(
        (grid.columns * step, grid.rows * step), abs=1e-3
    )
    # The mean of the window's pixels is where the fix is.
    at_x = x[3] + (np.arange(grid.columns) + 0.5) * step
    at_y = y[3] + (np.arange(grid.rows) + 0.5) * step
    weight = probability.reshape(grid.rows, grid.columns)
    mean = (weight.sum(0) @ at_x, weight.sum(1) @ at_y)
    assert np.hypot(mean[0] - result.fix.x_m, mean[1] - result.fix.y_m) < 3.0


def test_a_large_window_is_told_by_larger_squares(locator: Locator, town: Town) -> None:
    maps = MapTensors.from_radio_map(town.radio_map)
    scene = town.radio_map.scene
    wide = np.random.default_rng(5).random((700, 401)).astype(np.float32)
    found = posterior_window(wide / wide.sum(), maps, scene)
    assert (found.grid.rows, found.grid.columns) == (234, 134)
    assert found.probability.sum() == pytest.approx(1, abs=1e-4)
    first = (wide[:3, :3] / wide.sum()).sum()
    assert found.probability[0] == pytest.approx(first, rel=1e-4)


def test_residuals_compare_each_measured_feature_with_the_map(locator: Locator, town: Town) -> None:
    (result,) = locator.locate([query(town, 30, -40, include=WHY)])
    assert result.residuals is not None
    assert len(result.residuals) == 6 * 3
    for residual in result.residuals:
        assert residual.sigma > 0
        if residual.expected is not None:
            assert residual.difference is not None
            plain = residual.observed - residual.expected
            if residual.feature == "aoa":
                plain = (plain + 180) % 360 - 180
            assert residual.difference == pytest.approx(plain, abs=1e-2)


def test_refusals(locator: Locator, town: Town) -> None:
    elsewhere = replace(query(town, 0, 0), scene="elsewhere")
    with pytest.raises(UnknownSceneError, match="town"):
        locator.prepare(elsewhere)
    stranger = LocateQuery(
        "town", (Report.model_validate({"time": 0, "cells": [{"cell_id": "strange"}]}),)
    )
    with pytest.raises(NoKnownCellsError, match="strange"):
        locator.prepare(stranger)
    locator.prepare(query(town, 0, 0))


def test_what_cannot_be_loaded_is_named(town_settings: Settings) -> None:
    for update, named in (
        ({"model": "nobody"}, "nobody"),
        ({"scenes": ("nowhere",)}, "nowhere"),
    ):
        with pytest.raises(ArtefactError, match=named):
            Locator.load(town_settings.model_copy(update=update))
    with pytest.raises(ConfigError, match="abacus"):
        Locator.load(town_settings.model_copy(update={"device": "abacus"}))


def test_an_empty_measurement_still_has_a_finite_answer(locator: Locator) -> None:
    bare = Report.model_validate({"time": 0, "cells": [{"cell_id": "A-0"}]})
    (result,) = locator.locate([LocateQuery("town", (bare,))])
    values = (result.fix.x_m, result.fix.y_m, result.fix.accuracy_m, result.fix.confidence)
    assert all(math.isfinite(value) for value in values)


def test_torch_threads_are_set(locator: Locator) -> None:
    assert torch.get_num_threads() == 1
