from __future__ import annotations

import pytest
import torch
from scipy import stats

from rayfix.physics.density import core_density
from rayfix.physics.likelihood import angle_difference_deg
from rayfix.physics.noise import FeatureNoise


@pytest.mark.parametrize("freedom", [None, 3.0, 4.0, 5.0])
@pytest.mark.parametrize("interval", [None, 0.0, 130.0])
def test_the_core_of_a_density_holds_all_but_the_outliers(
    freedom: float | None, interval: float | None
) -> None:
    kind = FeatureNoise(independent=10.0, degrees_of_freedom=freedom, outlier_share=0.1)
    residual = torch.linspace(-4000, 4000, 80_001, dtype=torch.float64)
    width = None if interval is None else torch.tensor(interval, dtype=torch.float64)
    density = core_density(residual, torch.tensor(100.0, dtype=torch.float64), kind, width)
    assert torch.trapezoid(density, residual).item() == pytest.approx(0.9, abs=1e-4)
    if interval:
        middle = density[(residual.abs() < 30)]
        assert (middle - 0.9 / interval).abs().max() < 0.1 / interval


def test_the_core_is_students_t() -> None:
    kind = FeatureNoise(independent=2.0, degrees_of_freedom=5.0)
    residual = torch.tensor([-7.0, 0.0, 1.5, 30.0])
    expected = torch.from_numpy(stats.t.pdf(residual.numpy(), 5.0, 0.0, 2.0)).float()
    torch.testing.assert_close(core_density(residual, torch.tensor(4.0), kind), expected)


def test_angles_differ_by_half_a_turn_at_most() -> None:
    first, second = (
        torch.tensor([10.0, 350.0, 0.0, 359.0]),
        torch.tensor([350.0, 10.0, 180.0, -1.0]),
    )
    expected = torch.tensor([20.0, -20.0, -180.0, 0.0])
    torch.testing.assert_close(angle_difference_deg(first, second), expected)
