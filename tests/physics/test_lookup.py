from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from rayfix.errors import InvalidInputError
from rayfix.physics import batch_differentiable_lookup, differentiable_lookup, normalize_coords
from rayfix.physics.lookup import lookup_cells
from rayfix.physics.maps import MapTensors
from rayfix.physics.report_features import TOA
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap

EXTENT = (-10.0, -20.0, 30.0, 40.0)
AOA = FEATURE_NAMES.index("aoa")


def smooth_maps(maps: int = 1, features: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(maps, features, 13, 9, generator=generator)


def test_normalisation_maps_the_outermost_pixel_centres_to_plus_and_minus_one() -> None:
    xy = torch.tensor([[-10.0, -20.0], [30.0, 40.0], [10.0, 10.0], [50.0, -50.0]])
    expected = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0], [2.0, -2.0]])
    torch.testing.assert_close(normalize_coords(xy, EXTENT), expected)
    as_mapping = {"x_min": -10, "y_min": -20, "x_max": 30, "y_max": 40}
    torch.testing.assert_close(normalize_coords(xy, as_mapping), expected)
    with_units = {f"{key}_m": value for key, value in as_mapping.items()}
    torch.testing.assert_close(normalize_coords(xy, with_units), expected)


@pytest.mark.parametrize(
    "extent", [(0.0, 0.0, 1.0), (1.0, 0.0, 1.0, 2.0), {"x_min": 0.0, "x_max": 1.0, "y_min": 0.0}]
)
def test_an_extent_that_is_none_is_refused(extent: object) -> None:
    with pytest.raises(InvalidInputError, match="map_extent"):
        normalize_coords(torch.zeros(1, 2), extent)  # type: ignore[arg-type]


def test_without_gaps_the_lookup_is_grid_sample() -> None:
    maps = smooth_maps(maps=6)
    xy = torch.rand(6, 5, 2) * torch.tensor([40.0, 60.0]) + torch.tensor([-10.0, -20.0])
    grid = normalize_coords(xy, EXTENT)[:, :, None]
    expected = F.grid_sample(maps, grid, align_corners=True, padding_mode="border")[..., 0]
    found = batch_differentiable_lookup(xy, maps, EXTENT)
    torch.testing.assert_close(found, expected.transpose(1, 2), atol=1e-5, rtol=1e-4)
    single = differentiable_lookup(xy[:, 2], maps, EXTENT)
    torch.testing.assert_close(single, found[:, 2])
    shared = differentiable_lookup(xy[:, 0], maps[3], EXTENT)
    torch.testing.assert_close(shared[3], found[3, 0])


def test_gradient_of_the_lookup_by_finite_differences() -> None:
    maps = smooth_maps(maps=1, features=4).double()
    xy = torch.tensor([[3.3, 7.7], [-4.1, 21.3]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: differentiable_lookup(p, maps[0], EXTENT), (xy,))


def test_out_of_bounds_takes_the_border_or_answers_nan() -> None:
    maps = smooth_maps()
    outside = torch.tensor([[99.0, 10.0]], requires_grad=True)
    border = differentiable_lookup(outside, maps, EXTENT)
    at_edge = differentiable_lookup(torch.tensor([[30.0, 10.0]]), maps, EXTENT)
    torch.testing.assert_close(border.detach(), at_edge)
    border.sum().backward()
    assert outside.grad is not None and outside.grad[0, 0] == 0.0
    assert differentiable_lookup(outside, maps, EXTENT, padding_mode="nan").isnan().all()
    with pytest.raises(InvalidInputError, match="padding_mode"):
        differentiable_lookup(outside, maps, EXTENT, padding_mode="wrap")


def test_no_path_pixels_neither_leak_values_nor_gradients() -> None:
    maps = torch.full((1, 1, 3, 3), torch.nan)
    maps[0, 0, 0, 0], maps[0, 0, 0, 1] = -80.0, -90.0
    extent = (0.0, 0.0, 2.0, 2.0)
    # North neighbours have no path: only the two southern ones count, weighted along x.
    xy = torch.tensor([[0.25, 0.5]], requires_grad=True)
    value = differentiable_lookup(xy, maps, extent)
    torch.testing.assert_close(value.detach(), torch.tensor([[-82.5]]))
    value.sum().backward()
    torch.testing.assert_close(xy.grad, torch.tensor([[-10.0, 0.0]]))
    nowhere = torch.tensor([[1.8, 1.9]], requires_grad=True)
    missing = differentiable_lookup(nowhere, maps, extent)
    assert missing.isnan().all()
    torch.where(missing.isnan(), 0.0, missing).sum().backward()
    torch.testing.assert_close(nowhere.grad, torch.zeros(1, 2))


def test_angles_are_interpolated_on_the_circle() -> None:
    maps = torch.zeros(1, AOA + 1, 2, 2)
    maps[0, AOA] = torch.tensor([[359.0, 1.0], [359.0, 1.0]])
    xy = torch.tensor([[0.5, 0.5], [0.0, 0.0], [1.0, 1.0]])
    angle = differentiable_lookup(xy, maps[0], (0.0, 0.0, 1.0, 1.0))[:, AOA]
    turned = torch.remainder(angle + 180.0, 360.0) - 180.0
    torch.testing.assert_close(turned, torch.tensor([0.0, -1.0, 1.0]), atol=1e-3, rtol=0)
    assert ((angle >= 0) & (angle < 360)).all()


def test_map_tensors_answer_every_cell_at_pixel_centres(town: RadioMap, maps: MapTensors) -> None:
    rows, columns = np.array([3, 30, 12]), np.array([5, 33, 39])
    xy = torch.from_numpy(np.stack([town.x_m[columns], town.y_m[rows]], -1)).float()
    found = differentiable_lookup(xy, maps)
    assert found.shape == (3, 3, len(FEATURE_NAMES))
    for f, name in enumerate(FEATURE_NAMES):
        expected = torch.from_numpy(town.features[name][:, rows, columns].T)
        torch.testing.assert_close(found[..., f], expected, equal_nan=True, atol=2e-3, rtol=1e-5)


def test_lookup_of_given_cells_is_invalid_outside_and_without_path(maps: MapTensors) -> None:
    xy = torch.tensor([[-30.0, -30.0], [0.0, 0.0], [41.0, 0.0], [torch.nan, 0.0]])
    xy.requires_grad_()
    value, valid = lookup_cells(maps, xy, torch.tensor(2))
    assert valid.tolist() == [False, True, False, False]
    value[:3].sum().backward()
    assert (value[~valid] == 0).all()
    assert xy.grad is not None and (xy.grad[[0, 2]] == 0).all() and (xy.grad[1] != 0).any()


@pytest.mark.parametrize("shape", [(2, 3), (3, 2, 13, 9), (1, 2, 3, 4, 5)])
def test_maps_of_the_wrong_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match="radio_maps"):
        differentiable_lookup(torch.zeros(2, 2), torch.zeros(shape), EXTENT)


def test_delays_of_two_first_paths_are_not_mixed(town: RadioMap) -> None:
    """A jump of ToA beyond what light takes across two pixels is a change of the first path."""
    toa = town.features["toa"].copy()
    row, column = np.argwhere(
        np.isfinite(toa[0, :-1, :-1] + toa[0, 1:, :-1])
        & np.isfinite(toa[0, :-1, 1:] + toa[0, 1:, 1:])
    )[0]
    toa[0, row : row + 2, column + 1] = toa[0, row, column] + 400.0
    jumped = replace(town, features=town.features | {"toa": toa})
    maps = MapTensors.from_radio_map(jumped)
    step = maps.resolution_m
    west = torch.tensor([[float(town.x_m[column]), float(town.y_m[row])]])
    for share, expected in ((0.3, 0.0), (0.7, 400.0)):
        point = west + torch.tensor([[share * step, 0.0]])
        value, valid = lookup_cells(maps, point, torch.zeros(1, dtype=torch.int64))
        assert valid.all()
        assert value[0, TOA] == pytest.approx(float(toa[0, row, column]) + expected, abs=1e-3)
        gain = town.features["path_gain"][0, row, column : column + 2]
        assert value[0, 0] == pytest.approx((1 - share) * gain[0] + share * gain[1], abs=1e-3)
