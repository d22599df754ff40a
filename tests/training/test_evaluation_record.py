"""The recorded evaluation: calibration of a method that knows its errors, and the file."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from rayfix.geo import GeoReference
from rayfix.model.calibration import GAUSSIAN_68, GAUSSIAN_95
from rayfix.training.evaluate import Row
from rayfix.training.evaluation_record import (
    NOMINAL,
    Sample,
    inside_shares,
    quantiles_m,
    write_evaluation,
)

COUNT = 20_000


def gaussian_sample(scale: float = 1.0) -> Sample:
    """Errors of 1 m per axis, of a method that takes them for `scale` times as large."""
    error = torch.randn(COUNT, 2, generator=torch.Generator().manual_seed(1))
    one = torch.ones(COUNT)
    distance = error.norm(dim=-1)
    return Sample(distance, distance / scale, GAUSSIAN_68 * one, GAUSSIAN_95 * one, 10.0 * error)


def test_a_method_that_knows_its_errors_is_calibrated() -> None:
    assert inside_shares(gaussian_sample()) == pytest.approx(NOMINAL, abs=0.01)


def test_one_that_is_too_sure_is_not() -> None:
    shares = inside_shares(gaussian_sample(scale=0.5))
    assert all(share < nominal for share, nominal in zip(shares, NOMINAL, strict=True))


def test_quantiles_run_from_the_least_to_the_largest_error() -> None:
    sample = gaussian_sample()
    quantiles = quantiles_m(sample)
    assert len(quantiles) == 101
    assert quantiles[50] == pytest.approx((2.0 * math.log(2.0)) ** 0.5, abs=0.02)
    assert quantiles[-1] == pytest.approx(float(sample.error_m_B.max()), abs=1e-3)


def test_the_file_says_where_the_refined_transformer_was_how_wrong(tmp_path: Path) -> None:
    def row(method: str) -> Row:
        return Row("standard", 10, method, COUNT, *([1.0] * 11))

    lines = [(row("knn"), gaussian_sample()), (row("transformer_refined"), gaussian_sample())]
    path = write_evaluation(tmp_path, "m", "town", "test.zarr.zip", GeoReference(48.0, 11.0), lines)
    document = json.loads(path.read_text())
    assert [r["method"] for r in document["rows"]] == ["knn", "transformer_refined"]
    (places,) = document["places"]
    assert places["method"] == "transformer_refined"
    assert len(places["places"]) == len(places["error_m"]) == COUNT
    lon, lat = places["places"][0]
    assert (lon, lat) == pytest.approx((11.0, 48.0), abs=1e-2)
