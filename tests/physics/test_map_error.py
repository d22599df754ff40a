"""A map that states its own error, a wrong cell, and a phone with an RSRP offset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from rayfix.physics.likelihood import log_likelihood
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation
from rayfix.physics.posterior import grid_posterior, log_likelihood_grid
from rayfix.physics.report_features import PATH_GAIN, TOA
from rayfix.radio_map.radio_map import RadioMap

PLACE = [[-12.6, 4.3]]
Observe = Callable[..., Observation]


def with_stderr(town: RadioMap, stderr_db: float) -> MapTensors:
    stderr = np.full_like(town.features["path_gain"], stderr_db)
    return MapTensors.from_radio_map(replace(town, extra={"path_gain_stderr": stderr}))


def only(seen: Observation, feature: int) -> Observation:
    valid = torch.zeros_like(seen.valid_BKF)
    valid[..., feature] = seen.valid_BKF[..., feature]
    return replace(seen, valid_BKF=valid)


def error_m(seen: Observation, maps: MapTensors, noise: NoiseModel) -> float:
    found = grid_posterior(seen, maps, noise).mode()
    return float((found - torch.tensor(PLACE)).norm(dim=-1)[0])


def test_no_stated_error_changes_nothing(
    town: RadioMap, maps: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    assert maps.stderr_db_CHW is None
    seen = observed(PLACE)
    plain = log_likelihood_grid(seen, maps, noise)
    assert torch.equal(plain, log_likelihood_grid(seen, with_stderr(town, 0.0), noise))


def test_a_stated_error_counts_as_more_noise_of_path_gain(
    town: RadioMap, noise: NoiseModel, observed: Observe
) -> None:
    seen = only(observed(PLACE), PATH_GAIN)
    wider = noise.path_gain.model_copy(update={"independent": (1.0 + 9.0) ** 0.5})
    noisy = noise.model_copy(update={"path_gain": wider})
    sigma_BKF = seen.sigma_BKF.clone()
    sigma_BKF[..., PATH_GAIN] = wider.sigma()
    same = replace(seen, sigma_BKF=sigma_BKF)
    uncertain, sure = with_stderr(town, 3.0), with_stderr(town, 0.0)
    grid = log_likelihood_grid(seen, uncertain, noise)
    torch.testing.assert_close(grid, log_likelihood_grid(same, sure, noisy), rtol=1e-4, atol=1e-4)
    points = torch.tensor([[[-10.3, 2.2], [5.0, -6.0]]])
    torch.testing.assert_close(
        log_likelihood(points, seen, uncertain, noise), log_likelihood(points, same, sure, noisy)
    )


def test_time_of_arrival_does_not_care(
    town: RadioMap, noise: NoiseModel, observed: Observe
) -> None:
    seen = only(observed(PLACE), TOA)
    near = log_likelihood_grid(seen, with_stderr(town, 5.0), noise)
    torch.testing.assert_close(near, log_likelihood_grid(seen, with_stderr(town, 0.0), noise))


def test_a_wrong_cell_counts_once_and_not_per_feature(
    maps: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    """Cell A's values are of a place 30 m away; B and C are right."""
    seen, elsewhere = observed(PLACE), observed([[17.0, 4.0]])
    value_BKF = seen.value_BKF.clone()
    value_BKF[:, 0] = elsewhere.value_BKF[:, 0]
    mixed = replace(seen, value_BKF=value_BKF)
    robust = noise.model_copy(update={"wrong_cell_share": 0.05})
    right = log_likelihood_grid(seen, maps, robust).max()
    loss = right - log_likelihood_grid(mixed, maps, robust).max()
    plain = log_likelihood_grid(seen, maps, noise).max()
    assert loss < plain - log_likelihood_grid(mixed, maps, noise).max()
    assert error_m(mixed, maps, robust) < 3.0


def test_an_offset_of_the_phone_is_integrated_out(
    maps: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    """All RSRP 6 dB low: plain RSRP leads astray, RSRP with an offset hardly."""
    seen = only(observed(PLACE), PATH_GAIN)
    value_BKF = seen.value_BKF.clone()
    value_BKF[..., PATH_GAIN] -= 6.0
    low = replace(seen, value_BKF=value_BKF)
    tolerant = noise.model_copy(update={"receiver_offset_db": 4.0})
    assert error_m(low, maps, noise) > 10.0
    assert error_m(low, maps, tolerant) < 6.0
