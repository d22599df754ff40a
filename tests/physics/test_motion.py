from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.physics.conftest import report_batch

from rayfix.errors import InvalidInputError
from rayfix.physics.likelihood_grid import likelihood_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.motion import MotionPrior, sequence_posterior
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation, observe
from rayfix.physics.posterior import grid_posterior
from rayfix.physics.report_features import ReportTensors

Observe = Callable[..., Observation]
SIGMA = (1.0, 6.0, 3.0)


def ways(speed_m_s: float, count: int = 40, reports: int = 10, seed: int = 5) -> np.ndarray:
    """Straight ways that end in the open west of the town, [count, reports, 2]."""
    random = np.random.default_rng(seed)
    last = random.uniform([-20, -20], [5, 20], (count, 2))
    heading = random.uniform(0, 2 * np.pi, count)
    back_s = 0.2 * np.arange(reports)[::-1]
    step = speed_m_s * back_s[None, :, None]
    way: np.ndarray = (
        last[:, None] - step * np.stack([np.cos(heading), np.sin(heading)], -1)[:, None]
    )
    return way


@pytest.mark.parametrize(("speed_m_s", "gain"), [(0.0, 0.75), (10.0, 2.0)])
def test_the_last_place_is_followed(
    maps: MapTensors, noise: NoiseModel, observed: Observe, speed_m_s: float, gain: float
) -> None:
    """Driving, the way is followed; standing, next to nothing is lost by allowing for motion."""
    way = ways(speed_m_s)
    seen = observed(way, SIGMA)
    truth = torch.from_numpy(way[:, -1]).float()
    moving = (sequence_posterior(seen, maps, noise).mean() - truth).norm(dim=-1).median()
    static = (grid_posterior(seen, maps, noise).mean() - truth).norm(dim=-1).median()
    assert static / moving > gain
    assert moving < 2.5


def test_a_way_gains_nothing_by_entering_shadows(maps: MapTensors, noise: NoiseModel) -> None:
    """Phones that stand in light, in a town where half of the pixels hear each cell."""
    random = torch.Generator().manual_seed(2)
    coarse = torch.rand(3, 20, 20, generator=random) < 0.5
    light = coarse.repeat_interleave(2, 1).repeat_interleave(2, 2) & maps.valid_CHW
    patchy = replace(maps, valid_CHW=light)
    lit = light.all(0) & maps.outdoor_HW
    row, column = lit.nonzero().unbind(-1)
    truth = torch.stack([maps.x_m_W[column], maps.y_m_H[row]], -1)[::2][:60]
    still = truth[:, None].repeat(1, 10, 1).double().numpy()
    batch = report_batch(still, SIGMA)
    seen = observe(ReportTensors.from_batch(batch), patchy, noise)
    moving = (sequence_posterior(seen, patchy, noise).mean() - truth).norm(dim=-1)
    static = (grid_posterior(seen, patchy, noise).mean() - truth).norm(dim=-1)
    assert moving.mean() < 1.2 * static.mean() + 0.1


def test_one_report_is_the_static_posterior(
    maps: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    seen = observed(ways(0.0, reports=1)[:5], SIGMA)
    torch.testing.assert_close(
        sequence_posterior(seen, maps, noise).probability_BP,
        grid_posterior(seen, maps, noise).probability_BP,
    )


def test_it_stays_a_distribution_over_outdoor_places(
    maps: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    posterior = sequence_posterior(observed(ways(1.5)[:6], SIGMA), maps, noise)
    torch.testing.assert_close(posterior.probability_BP.sum(-1), torch.ones(6))
    assert (posterior.probability_BHW[:, ~maps.outdoor_HW] == 0).all()


def test_a_reduced_grid_is_refused(maps: MapTensors, noise: NoiseModel, observed: Observe) -> None:
    with pytest.raises(InvalidInputError, match="grid"):
        sequence_posterior(observed(ways(1.5)[:1]), maps, noise, grid=likelihood_grid(maps, 2))


def test_velocities_follow_the_prior() -> None:
    prior = MotionPrior(classes=((0.75, (0.0,), 1), (0.25, (2.0,), 4)))
    velocity, log_prior = prior.velocities(torch.device("cpu"))
    expected = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0]])
    torch.testing.assert_close(velocity, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(log_prior.exp(), torch.tensor([0.75] + [0.0625] * 4))
