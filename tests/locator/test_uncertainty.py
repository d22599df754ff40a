"""The radius of a circle against random draws and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rayfix.locator.uncertainty import circle_radius_m


@pytest.mark.parametrize("confidence", [0.39, 0.68, 0.95])
@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.1, 0.03, 0.0])
def test_the_circle_holds_as_many_draws_as_it_says(confidence: float, ratio: float) -> None:
    scale = math.sqrt(-2 * math.log(1 - confidence))
    draws = np.random.default_rng(1).standard_normal((400_000, 2)) * [10.0, 10.0 * ratio]
    radius = circle_radius_m(10.0 * scale, 10.0 * ratio * scale, confidence)
    assert np.mean(np.hypot(*draws.T) <= radius) == pytest.approx(confidence, abs=0.003)


def test_closed_forms() -> None:
    # Equal axes: Rayleigh. A line: the two-sided normal quantile, 1.96 sigma at 95 %.
    assert circle_radius_m(24.48, 24.48, 0.95) == pytest.approx(24.48, rel=1e-6)
    sigma = 24.4775 / math.sqrt(-2 * math.log(0.05))
    assert circle_radius_m(24.4775, 0.0, 0.95) == pytest.approx(1.95996 * sigma, rel=2e-3)
    assert circle_radius_m(0.0, 0.0, 0.95) < 1e-4
