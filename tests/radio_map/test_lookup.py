from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rayfix.errors import OutsideMapError
from rayfix.physics.lookup import lookup_cells
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.lookup import bilinear, nearest_pixel
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap
from rayfix.units import wrap_deg


def test_pixel_centres_give_the_stored_values(radio_map: RadioMap) -> None:
    found = bilinear(radio_map, radio_map.x_m[:3], radio_map.y_m[[5, 5, 5]])
    for name in FEATURE_NAMES:
        np.testing.assert_allclose(
            found[name].T, radio_map.features[name][:, 5, :3], rtol=1e-6, atol=1e-4
        )


def test_it_is_the_locators_lookup(radio_map: RadioMap) -> None:
    random = np.random.default_rng(3)
    x, y = random.uniform(-9.4, 49.4, 500), random.uniform(-19.4, 19.4, 500)
    ours = bilinear(radio_map, x, y)
    maps = MapTensors.from_radio_map(radio_map)
    xy = torch.tensor(np.column_stack([x, y]), dtype=torch.float32)
    theirs, valid = lookup_cells(maps, xy[:, None], torch.arange(len(radio_map.cells)))
    for index, name in enumerate(FEATURE_NAMES):
        np.testing.assert_array_equal(np.isfinite(ours[name]), valid.numpy())
        difference = (ours[name] - theirs[..., index].numpy())[valid.numpy()]
        difference = wrap_deg(difference) if name == "aoa" else difference
        assert np.abs(difference).max() < 2e-2, name


def test_angles_are_averaged_on_the_circle(radio_map: RadioMap) -> None:
    aoa = np.where(np.arange(60) % 2, 350.0, 20.0) * np.ones((3, 40, 1))
    turned = replace(radio_map, features={**radio_map.features, "aoa": aoa.astype(np.float32)})
    found = bilinear(turned, [30.0], [-10.0])["aoa"]  # half-way between two columns
    np.testing.assert_allclose(found, 5.0, atol=1e-3)


def test_places_without_a_path_are_left_out(radio_map: RadioMap) -> None:
    path_gain = radio_map.features["path_gain"]
    beside = bilinear(radio_map, [10.2], [6.5])["path_gain"][0]  # 9.5 is outdoors, 10.5 indoors
    column, row = np.abs(radio_map.x_m - 9.5).argmin(), np.abs(radio_map.y_m - 6.5).argmin()
    np.testing.assert_allclose(beside[:2], path_gain[:2, row, column], rtol=1e-6)
    inside = bilinear(radio_map, [15.0], [6.0])
    assert all(np.isnan(inside[name]).all() for name in FEATURE_NAMES)


@pytest.mark.parametrize(("x", "y"), [(50.1, 0.0), (0.0, -20.1), (np.nan, 0.0)])
def test_outside_the_map_is_refused(radio_map: RadioMap, x: float, y: float) -> None:
    with pytest.raises(OutsideMapError):
        bilinear(radio_map, [0.0, x], [0.0, y])
    with pytest.raises(OutsideMapError):
        nearest_pixel(radio_map, x, y)


def test_the_border_belongs_to_the_map(radio_map: RadioMap) -> None:
    assert nearest_pixel(radio_map, 50.0, 20.0) == (39, 59)
    assert nearest_pixel(radio_map, -10.0, -20.0) == (0, 0)
    assert np.isfinite(bilinear(radio_map, [50.0], [20.0])["toa"]).all()


def test_delays_of_different_first_paths_are_not_mixed(radio_map: RadioMap) -> None:
    toa = np.where(np.arange(60) >= 40, 837.0, 442.0) * np.ones((3, 40, 1))  # from x = 30 m on
    jumping = replace(radio_map, features={**radio_map.features, "toa": toa.astype(np.float32)})
    found = bilinear(jumping, [29.9, 30.1], [-10.0, -10.0])["toa"]
    np.testing.assert_allclose(found[0], 442.0)
    np.testing.assert_allclose(found[1], 837.0)
    gentle = np.where(np.arange(60) >= 40, 446.0, 442.0) * np.ones((3, 40, 1))  # below light's pace
    smooth = replace(radio_map, features={**radio_map.features, "toa": gentle.astype(np.float32)})
    np.testing.assert_allclose(bilinear(smooth, [30.0], [-10.0])["toa"], 444.0, rtol=1e-6)
