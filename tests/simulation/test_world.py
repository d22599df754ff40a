"""Outdoor places and building heights of the Munich scene."""

from __future__ import annotations

import numpy as np
import pytest

from rayfix.errors import ArtefactError, UnknownSceneError
from rayfix.scene.scene import Extent, Scene
from rayfix.simulation.world import MaterialRedraw, World


def munich(**changes: object) -> Scene:
    fields: dict[str, object] = {
        "name": "munich", "title": "Munich", "geometry": "builtin:munich",
        "origin_lat_deg": 48.138, "origin_lon_deg": 11.576,
        "extent": Extent(x_min_m=-256, x_max_m=256, y_min_m=-256, y_max_m=256),
    }  # fmt: skip
    return Scene.model_validate(fields | changes)


@pytest.fixture(scope="module")
def world() -> World:
    return World(munich())


def test_frauenkirche_is_indoors_and_marienhof_is_not(world: World) -> None:
    assert world.outdoor([-180.0, 60.0], [64.0, 64.0]).tolist() == [False, True]
    assert world.building_height_m(-180.0, 64.0) > 30.0


def test_share_of_outdoor_places(world: World) -> None:
    x, y = world.scene.extent.pixel_centres(8.0)
    outdoor = world.outdoor(x[None, :], y[:, None])
    assert outdoor.shape == (64, 64)
    assert 0.42 < outdoor.mean() < 0.53
    height_m = world.building_height_m(x[None, :], y[:, None])
    assert (height_m[outdoor] == 0).all()
    assert (height_m[~outdoor] > 1.5).all()


def test_positions_repeat_for_a_seed(world: World) -> None:
    positions = world.outdoor_positions(50, seed=7, margin_m=2.0)
    np.testing.assert_array_equal(positions, world.outdoor_positions(50, seed=7, margin_m=2.0))
    assert world.outdoor(positions[:, 0], positions[:, 1]).all()
    assert np.abs(positions).max() <= 254.0
    assert (positions != world.outdoor_positions(50, seed=8, margin_m=2.0)).any()


def test_materials_are_redrawn_within_the_range(world: World) -> None:
    other = World(munich(), redraw=MaterialRedraw(seed=1, spread=0.4))
    ratios = []
    for name, material in world.sionna.radio_materials.items():
        redrawn = other.sionna.radio_materials[name]
        ratios.append(float(redrawn.conductivity[0]) / float(material.conductivity[0]))
    assert all(1 / 1.4 - 1e-6 <= ratio <= 1.4 + 1e-6 for ratio in ratios)
    assert len(set(np.round(ratios, 6))) > 1


def test_unknown_geometry_is_refused() -> None:
    with pytest.raises(UnknownSceneError, match="atlantis"):
        World(munich(geometry="builtin:atlantis"))
    with pytest.raises(ArtefactError, match=r"nowhere\.xml"):
        World(munich(geometry="nowhere.xml"))
