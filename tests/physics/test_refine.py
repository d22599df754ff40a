from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from rayfix.errors import InvalidInputError
from rayfix.physics import RefineConfig, batch_refine_positions, refine_position
from rayfix.physics.likelihood import log_likelihood
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation
from rayfix.physics.refine import leave_buildings, make_energy, refine_hypotheses

TRUTH = [[-12.6, 4.3], [5.2, -17.7], [-3.1, 21.9], [22.4, -33.0]]
Observe = Callable[..., Observation]


@pytest.mark.parametrize("with_noise", [False, True])
def test_refinement_finds_the_place_and_its_energy_never_rises(
    maps: MapTensors, noise: NoiseModel, observed: Observe, with_noise: bool
) -> None:
    truth = torch.tensor(TRUTH)
    start = truth + torch.tensor([[3.0, -2.0], [-4.0, 1.0], [2.0, 3.5], [-1.0, -3.0]])
    xy, info = refine_position(
        start, observed(TRUTH), maps, RefineConfig(num_steps=8), noise=noise if with_noise else None
    )
    assert ((xy - truth).norm(dim=-1) < 0.6).all()
    assert info["num_refined"] == 4 and info["loss_final"] < info["loss_initial"]
    assert info["path"].shape == (9, 4, 2) and info["path_energy"].shape == (9, 4)
    assert (info["path_energy"].diff(dim=0) <= 0).all()
    torch.testing.assert_close(info["path"][-1], xy)
    torch.testing.assert_close(info["distance_moved"], (xy - start).norm(dim=-1))


def test_more_steps_come_closer(maps: MapTensors, noise: NoiseModel, observed: Observe) -> None:
    seen, truth = observed(TRUTH), torch.tensor(TRUTH)
    errors = []
    for steps in (0, 2, 10, 30):
        config = RefineConfig(num_steps=steps, final_radius_m=0.05)
        xy, _ = refine_position(truth + 5.0, seen, maps, config, noise=noise)
        errors.append((xy - truth).norm(dim=-1).mean().item())
    assert errors[0] == pytest.approx(50**0.5, rel=1e-4)
    assert errors[0] > errors[1] > errors[2] and errors[3] < 0.3


def test_only_positions_below_the_confidence_threshold_move(
    maps: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    start = torch.tensor(TRUTH) + 2.0
    confidence = torch.tensor([0.2, 0.9, 0.49, 0.5])
    config = RefineConfig(min_confidence_threshold=0.5)
    xy, info = refine_position(start, observed(TRUTH), maps, config, confidence, noise=noise)
    moved = (xy != start).any(-1)
    assert moved.tolist() == [True, False, True, False]
    assert info["num_refined"] == 2
    assert (info["path"][:, ~moved] == start[~moved]).all()
    none, info = refine_position(start, observed(TRUTH), maps, config, torch.ones(4), noise=noise)
    assert (none == start).all() and info["num_refined"] == 0


def test_positions_stay_inside_the_map(maps: MapTensors, noise: NoiseModel) -> None:
    """An energy that falls toward the east, far past the edge."""
    start = torch.tensor([[[36.0, 0.0], [60.0, -70.0]]])
    refined = refine_hypotheses(start, lambda xy: -xy[..., 0], RefineConfig(num_steps=20), maps)
    assert (refined.xy_m_BM2[..., 0] == maps.x_max_m).all()
    assert (refined.path_m_SBM2[..., 1] >= maps.y_min_m).all()
    free = RefineConfig(num_steps=20, clip_to_extent=False)
    unclipped = refine_hypotheses(start, lambda xy: -xy[..., 0], free)
    assert (unclipped.xy_m_BM2[..., 0] > maps.x_max_m + 10).all()


def test_positions_stay_out_of_buildings(maps: MapTensors) -> None:
    """The energy pulls into the middle of the building; some starts are inside it."""
    middle = torch.tensor([20.0, 17.0])
    start = torch.tensor([[[4.0, 17.0], [20.0, 4.0], [15.0, 13.0], [21.0, 20.0]]])

    def pull(xy: torch.Tensor) -> torch.Tensor:
        return (xy - middle).norm(dim=-1)

    refined = refine_hypotheses(start, pull, RefineConfig(num_steps=15), maps)
    row, column = maps.pixel_of(refined.path_m_SBM2)
    assert maps.outdoor_HW[row, column].all()
    assert (refined.path_energy_SBM.diff(dim=0) <= 0).all()
    assert (pull(refined.xy_m_BM2[0, :2]) < pull(start[0, :2])).all()


def test_leaving_a_building_takes_the_nearest_way(maps: MapTensors) -> None:
    points = torch.tensor([[0.5, 0.5], [12.0, 17.0], [20.0, 22.5]])
    out = leave_buildings(points, maps)
    torch.testing.assert_close(out[0], points[0])
    torch.testing.assert_close(out[1:], torch.tensor([[9.0, 17.0], [19.0, 25.0]]), atol=2.1, rtol=0)
    row, column = maps.pixel_of(out)
    assert maps.outdoor_HW[row, column].all()


def test_the_best_of_several_candidates_wins(
    maps: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    truth, seen = torch.tensor(TRUTH), observed(TRUTH)
    candidates = torch.stack([truth.flip(0) + 3.0, truth - 25.0, truth + 2.0], dim=1)
    xy, energy = batch_refine_positions(candidates, seen, maps, RefineConfig(), noise=noise)
    assert ((xy - truth).norm(dim=-1) < 1.0).all()
    torch.testing.assert_close(energy, -log_likelihood(xy[:, None], seen, maps, noise)[:, 0])


def test_plain_tensors_refine_too() -> None:
    y, x = torch.meshgrid(torch.linspace(0, 20, 11), torch.linspace(0, 20, 11), indexing="ij")
    planes = torch.stack([x, y])
    start, extent = torch.tensor([[3.0, 15.0]]), (0.0, 0.0, 20.0, 20.0)
    config = RefineConfig(num_steps=20, map_extent=extent)
    xy, _ = refine_position(start, torch.tensor([[9.0, 6.0]]), planes, config)
    torch.testing.assert_close(xy, torch.tensor([[9.0, 6.0]]), atol=0.3, rtol=0)


def test_the_likelihood_has_the_gradient_that_refinement_follows(
    maps: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    seen = observed(TRUTH, sigma=(1.0, 6.0, 3.0))
    xy = (torch.tensor(TRUTH) + 1.3)[:, None].requires_grad_()
    (gradient,) = torch.autograd.grad(log_likelihood(xy, seen, maps, noise).sum(), xy)
    step = 0.02
    for axis in range(2):
        shift = torch.zeros(2)
        shift[axis] = step
        with torch.no_grad():
            up = log_likelihood(xy + shift, seen, maps, noise)
            down = log_likelihood(xy - shift, seen, maps, noise)
        numeric = (up - down) / (2 * step)
        torch.testing.assert_close(gradient[..., axis], numeric, atol=0.02, rtol=0.03)


def test_a_noise_model_needs_an_observation(maps: MapTensors, noise: NoiseModel) -> None:
    with pytest.raises(InvalidInputError, match="noise"):
        make_energy(torch.zeros(1, 7), maps, RefineConfig(), noise=noise)
