"""The scenes that ship with Sionna RT lie where their cities lie, and come with sites."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from rayfix.radio_map.jobs import find_jobs
from rayfix.scene.buildings import building_parts
from rayfix.scene.builtin import BUILTIN_SCENES, builtin_scene
from rayfix.scene.ground import ground_of
from rayfix.scene.scene import Scene


@pytest.mark.parametrize("name", sorted(BUILTIN_SCENES))
def test_landmarks_agree_and_the_tile_is_512_m(name: str) -> None:
    scene = builtin_scene(name)
    assert scene.landmark_residuals_m().max() < 12.0  # published coordinates are that good
    x, y = scene.extent.pixel_centres(1.0)
    assert (len(x), len(y)) == (512, 512)


@pytest.mark.parametrize(("name", "limit_deg"), [("florence", 1.5), ("san_francisco", 1.0)])
def test_axes_point_east_and_north(name: str, limit_deg: float) -> None:
    """The rotation that fits the landmarks best is as small as their errors allow."""
    marks = builtin_scene(name).landmarks
    scene = builtin_scene(name)
    east, north = scene.georeference.to_local(
        [m.lat_deg for m in marks], [m.lon_deg for m in marks]
    )
    earth = east + 1j * north
    local = np.array([m.x_m + 1j * m.y_m for m in marks])
    turn = np.vdot(local - local.mean(), earth - earth.mean())
    assert abs(np.degrees(np.angle(turn))) < limit_deg


def arc_of(scene: Scene) -> shapely.Polygon:
    parts = [part for part in building_parts(scene, Path()) if part.name == "Arc de Triomphe"]
    return max((part.footprint for part in parts), key=lambda footprint: footprint.area)


def test_the_arc_de_triomphe_stands_in_the_middle_square_to_the_champs_elysees() -> None:
    scene = builtin_scene("etoile")
    arc = arc_of(scene)
    extent = scene.extent
    middle = shapely.Point(
        (extent.x_min_m + extent.x_max_m) / 2, (extent.y_min_m + extent.y_max_m) / 2
    )
    assert arc.distance(middle) < 1.0
    corners = np.asarray(arc.minimum_rotated_rectangle.exterior.coords)
    sides = np.diff(corners, axis=0)
    long_side = sides[np.hypot(*sides.T).argmax()]
    # from the Arc to the obelisk of the Place de la Concorde
    x, y = scene.georeference.to_local([48.873792, 48.865489], [2.295028, 2.321119])
    avenue = np.array([x[1] - x[0], y[1] - y[0]])
    cosine = abs(long_side @ avenue) / np.linalg.norm(long_side) / np.linalg.norm(avenue)
    assert np.degrees(np.arcsin(cosine)) < 1.0


def test_default_sites_stand_on_roofs_above_the_terrain(tmp_path: Path) -> None:
    (job,) = find_jobs("san_francisco", None, None, tmp_path)
    assert len(job.cells) == 18
    assert len({cell.cell_id for cell in job.cells}) == 18
    scene = job.scene
    x, y, z = np.array([(cell.x_m, cell.y_m, cell.z_m) for cell in job.cells]).T
    assert scene.extent.contains(x, y).all()
    ground = ground_of(scene, Path()).height_m(x, y)
    assert ground.min() > 5.0  # the hills of the city
    assert (z - ground > 8.0).all()
    assert (z - ground < 45.0).all()
    assert {cell.carrier_hz for cell in job.cells} == {3.5e9}
    (again,) = find_jobs("san_francisco", None, None, tmp_path)
    assert again.cells == job.cells


def test_buildings_of_a_hill_stand_on_it() -> None:
    parts = building_parts(builtin_scene("san_francisco"), Path())
    church = [part for part in parts if part.name == "Saints Peter and Paul Church"]
    assert church
    assert 15.0 < max(part.height_m for part in church) < 45.0
    assert np.percentile([part.ground_m for part in parts], 5) < 10.0
    assert np.percentile([part.ground_m for part in parts], 95) > 40.0
    heights = np.array([part.height_m for part in parts])
    assert 8.0 < np.median(heights) < 12.0
