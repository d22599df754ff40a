from __future__ import annotations

import pytest
import torch

from rayfix.errors import InvalidInputError
from rayfix.physics import (
    PhysicsLoss,
    PhysicsLossConfig,
    compute_per_feature_loss,
    compute_physics_loss,
    differentiable_lookup,
)
from rayfix.physics.config import DEFAULT_WEIGHTS
from rayfix.physics.loss import FEATURE_SCALES, NO_PATH_RESIDUAL
from rayfix.physics.maps import AOA, MapTensors
from rayfix.radio_map.radio_map import FEATURE_NAMES

EXTENT = (0.0, 0.0, 10.0, 10.0)
YAML_SECTION = {
    "enabled": True,
    "lambda_phys": 0.1,
    "feature_weights": dict(DEFAULT_WEIGHTS),
    "loss_type": "mse",
    "huber_delta": 1.0,
    "normalize_features": True,
    "radio_maps_dir": "data/radio_maps",
    "refinement": {
        "enabled": True, "num_steps": 5, "learning_rate": 0.5, "min_confidence_threshold": 0.5,
        "clip_to_extent": True,
    },
}  # fmt: skip


def smooth(maps: int = 1) -> torch.Tensor:
    """Slopes of different steepness in every feature, [maps, F, 11, 11]."""
    y, x = torch.meshgrid(torch.arange(11.0), torch.arange(11.0), indexing="ij")
    planes = [torch.stack([(f + 1) * x - (m + 1) * y for f in range(7)]) for m in range(maps)]
    return torch.stack(planes)


def test_the_documented_section_is_the_default_and_unknown_keys_are_refused() -> None:
    assert PhysicsLossConfig.from_mapping(YAML_SECTION) == PhysicsLossConfig()
    for section, name in (
        ({"lambda": 1.0}, r"physics_loss\.lambda: no such key"),
        ({"refinement": {"steps": 5}}, r"physics_loss\.refinement\.steps: no such key"),
        ({"feature_weights": {"rsrp": 1.0}}, "no feature 'rsrp'"),
        ({"feature_weights": {"toa": -1.0}}, "toa: a finite weight"),
        ({"loss_type": "l1"}, r"physics_loss\.loss_type"),
        ({"lambda_phys": float("nan")}, r"physics_loss\.lambda_phys"),
    ):
        with pytest.raises(InvalidInputError, match=name):
            PhysicsLossConfig.from_mapping(section)


@pytest.mark.parametrize("loss_type", ["mse", "huber"])
def test_perfect_match_is_zero_and_a_wrong_place_is_not(loss_type: str) -> None:
    maps = smooth(2)
    xy = torch.tensor([[2.3, 4.7], [8.1, 0.4]])
    seen = differentiable_lookup(xy, maps, EXTENT)
    loss = PhysicsLoss(PhysicsLossConfig.from_mapping({"loss_type": loss_type}))
    assert loss(xy, seen, maps, EXTENT).item() == pytest.approx(0.0, abs=1e-8)
    assert loss(xy + 1.0, seen, maps, EXTENT).item() > 0.01


def test_the_formula_by_hand() -> None:
    maps = smooth(1)
    xy = torch.tensor([[4.0, 4.0]])
    seen = differentiable_lookup(xy, maps, EXTENT)
    seen[0, 0] += 3.0
    seen[0, 4] -= 0.5
    raw = {"normalize_features": False, "map_extent": EXTENT}
    expected = 1.0 * 3.0**2 + 0.8 * 0.5**2
    assert compute_physics_loss(xy, seen, maps, **raw).item() == pytest.approx(expected)
    # Huber in the squared scale of the MSE: delta (2 |r| - delta) beyond delta.
    huber = compute_physics_loss(xy, seen, maps, loss_type="huber", huber_delta=1.0, **raw)
    assert huber.item() == pytest.approx(1.0 * (2 * 3.0 - 1.0) + 0.8 * 0.5**2)
    scaled = compute_physics_loss(xy, seen, maps, {"path_gain": 2.0}, EXTENT)
    assert scaled.item() == pytest.approx(2.0 * (3.0 / FEATURE_SCALES["path_gain"]) ** 2)


def test_features_sum_to_the_loss() -> None:
    maps = smooth(3)
    xy = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.5, 6.5]])
    seen = differentiable_lookup(xy + 0.7, maps, EXTENT)
    parts = compute_per_feature_loss(xy, seen, maps, map_extent=EXTENT)
    assert list(parts) == list(FEATURE_NAMES)
    total = compute_physics_loss(xy, seen, maps, map_extent=EXTENT)
    torch.testing.assert_close(torch.stack(list(parts.values())).sum(), total)
    assert all(part > 0 for part in parts.values())


def test_missing_observations_have_no_weight() -> None:
    maps = smooth(1)
    xy = torch.tensor([[4.0, 4.0]])
    seen = torch.full((1, 7), torch.nan)
    assert compute_physics_loss(xy, seen, maps, map_extent=EXTENT).item() == 0.0
    seen[0, 1] = differentiable_lookup(xy, maps, EXTENT)[0, 1] + 25.0
    parts = compute_per_feature_loss(xy, seen, maps, map_extent=EXTENT)
    assert parts["toa"].item() == pytest.approx(0.5 * (25.0 / 50.0) ** 2)
    assert sum(float(value) for name, value in parts.items() if name != "toa") == 0.0


def test_angles_are_compared_on_the_circle() -> None:
    maps = torch.zeros(1, 7, 3, 3)
    maps[0, AOA] = 359.0
    seen = torch.full((1, 7), torch.nan)
    seen[0, AOA] = 2.0
    loss = compute_physics_loss(torch.ones(1, 2), seen, maps, {"aoa": 1.0}, (0, 0, 2, 2))
    assert loss.item() == pytest.approx((3.0 / FEATURE_SCALES["aoa"]) ** 2, rel=1e-4)


def test_gradient_flows_to_the_position_by_finite_differences() -> None:
    maps = smooth(2).double()
    seen = differentiable_lookup(torch.tensor([[2.0, 3.0], [7.0, 6.0]]).double(), maps, EXTENT)
    loss = PhysicsLoss().double()
    xy = torch.tensor([[3.3, 2.6], [6.2, 7.4]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: loss(p, seen, maps, EXTENT), (xy,))


def test_each_cell_is_compared_with_its_own_map(maps: MapTensors) -> None:
    """The same through plain tensors per cell, and through an observation."""
    xy = torch.tensor([[-9.3, 3.2], [20.1, -14.8]])
    seen = differentiable_lookup(xy, maps)
    plain = torch.where(maps.valid_CHW[:, None], maps.features_CFHW, torch.nan)
    extent = (maps.x_min_m, maps.y_min_m, maps.x_max_m, maps.y_max_m)
    assert compute_physics_loss(xy, seen, plain, map_extent=extent).item() < 1e-6
    assert compute_physics_loss(xy, seen, maps).item() < 1e-6
    swapped = seen[:, [1, 0, 2]]
    assert compute_physics_loss(xy, swapped, plain, map_extent=extent).item() > 1.0
    away = xy + 3.0
    a = compute_physics_loss(away, seen, plain, map_extent=extent)
    torch.testing.assert_close(a, compute_physics_loss(away, seen, maps))


def test_an_observation_has_its_own_scale_and_hypotheses(maps: MapTensors, observed) -> None:  # type: ignore[no-untyped-def]
    truth = [[-9.0, 3.0], [21.0, -15.0]]
    seen = observed(truth)
    loss = PhysicsLoss()
    places = torch.tensor(truth)[:, None] + torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, -9.0]])
    energy = loss.energy(places, seen, maps)
    assert energy.shape == (2, 3)
    assert (energy[:, 0] < 0.05).all() and (energy[:, 1:] > 0.5).all()
    single = loss.energy(places[:, 1], seen, maps)
    torch.testing.assert_close(single, energy[:, 1])


def test_no_path_costs_a_constant_without_gradient(maps: MapTensors, observed) -> None:  # type: ignore[no-untyped-def]
    seen = observed([[0.0, 0.0]])
    # The south-west has no path from cell C.
    xy = torch.tensor([[-31.0, -31.0]], requires_grad=True)
    only_c = seen.valid_BKF & (seen.cell_BK == 2)[..., None]
    masked = type(seen)(**{**vars(seen), "valid_BKF": only_c})
    value = PhysicsLoss()(xy, masked, maps)
    value.backward()
    weights = DEFAULT_WEIGHTS["path_gain"] + DEFAULT_WEIGHTS["toa"] + DEFAULT_WEIGHTS["aoa"]
    assert value.item() == pytest.approx(weights * NO_PATH_RESIDUAL**2, rel=1e-5)
    assert xy.grad is not None and (xy.grad == 0).all()


def test_forms_that_do_not_fit_are_refused(maps: MapTensors, observed) -> None:  # type: ignore[no-untyped-def]
    xy = torch.zeros(1, 2)
    for seen, radio_maps, field in (
        (observed([[0.0, 0.0]]), smooth(1), "radio_maps"),
        (torch.zeros(1, 7), maps, "observed"),
        (torch.zeros(1, 4, 7), smooth(3), "radio_maps"),
        (torch.zeros(7), smooth(1), "observed"),
    ):
        with pytest.raises(InvalidInputError, match=field):
            compute_physics_loss(xy, seen, radio_maps, map_extent=EXTENT)
