"""What the calibration benchmark says of its errors: shares recovered, with intervals."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from rayfix.scene.cell import load_cells

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def program(name: str) -> ModuleType:
    """A program of the benchmarks by its file: a folder of tests has the same name."""
    spec = spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # data classes look their module up
    spec.loader.exec_module(module)
    return module


def test_recovered_is_the_share_between_nominal_and_true() -> None:
    rows_of = program("calibration").rows_of
    error = np.random.default_rng(0).exponential(10.0, 400)
    errors = {"nominal": 2.0 * error, "half": 1.5 * error, "worse": 2.5 * error, "true": error}
    rows = {row["map"]: row for row in rows_of("standard", errors)}
    assert rows["half"]["recovered_median"] == pytest.approx(0.5)
    assert rows["half"]["recovered_p90"] == pytest.approx(0.5)
    assert rows["worse"]["recovered_median"] == pytest.approx(-0.5)
    assert "recovered_median" not in rows["true"]
    low, high = rows["half"]["recovered_median_95"]
    assert low <= 0.5 <= high


def test_hidden_cells_differ_as_stated() -> None:
    worlds = program("calibration_worlds")
    hidden_cells = worlds.hidden_cells
    listed = load_cells(worlds.SCENE / "cells.yaml")
    real = hidden_cells(listed, 1)
    turn = [
        (b.bearing_deg - a.bearing_deg + 180) % 360 - 180 for a, b in zip(listed, real, strict=True)
    ]
    assert np.abs(turn).min() >= 5.0
    assert np.abs(turn).max() <= 10.0
    assert real == hidden_cells(listed, 1) != hidden_cells(listed, 2)
    lift = {(a.site_id, round(b.z_m - a.z_m, 6)) for a, b in zip(listed, real, strict=True)}
    assert len(lift) == len({cell.site_id for cell in listed})
