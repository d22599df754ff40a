from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
import trimesh

from rayfix.errors import ArtefactError, UnknownSceneError
from rayfix.scene.buildings import building_parts, write_buildings
from rayfix.scene.builtin import builtin_scene
from rayfix.scene.mesh_files import geometry_file
from rayfix.scene.scene import Extent, Scene

XML = """<scene version="2.1.0">
{shapes}
</scene>
"""
SHAPE = (
    """<shape type="ply" id="mesh-{name}"><string name="filename" value="{name}.ply"/></shape>"""
)


def _scene(folder: Path, meshes: dict[str, trimesh.Trimesh]) -> Scene:
    for name, mesh in meshes.items():
        mesh.export(folder / f"{name}.ply")
    shapes = "\n".join(SHAPE.format(name=name) for name in meshes)
    (folder / "scene.xml").write_text(XML.format(shapes=shapes))
    return Scene(
        name="test",
        title="Test",
        geometry="scene.xml",
        origin_lat_deg=48.0,
        origin_lon_deg=11.0,
        extent=Extent(x_min_m=-50, x_max_m=50, y_min_m=-50, y_max_m=50),
    )


def _box(size: tuple[float, float, float], at: tuple[float, float, float]) -> trimesh.Trimesh:
    """A box of this size whose south-west lower corner lies at `at`."""
    return trimesh.creation.box(size).apply_translation(np.array(at) + np.array(size) / 2)


def _prism(polygon: shapely.Polygon, height: float) -> trimesh.Trimesh:
    triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(polygon))
    corners = np.array([t.exterior.coords[:3] for t in triangles])
    vertices, index = np.unique(corners.reshape(-1, 2), axis=0, return_inverse=True)
    return trimesh.creation.extrude_triangulation(vertices, index.reshape(-1, 3), height)


def test_a_house_with_a_courtyard_a_tower_and_a_passage(tmp_path: Path) -> None:
    ring = _prism(shapely.box(0, 0, 30, 20) - shapely.box(10, 5, 20, 15), 12.0)
    house = trimesh.util.concatenate([ring, _box((5, 5, 30), (0, 0, 0))])
    meshes = {
        "ground": trimesh.creation.box((400, 400, 0.01)),
        "St__Peter-itu_marble": house,
        "element_7": _box((4, 4, 6), (-20, -20, 4)),
        "far_away": _box((9, 9, 9), (300, 0, 0)),
    }
    parts = building_parts(_scene(tmp_path, meshes), tmp_path)
    tower, body, bridge = sorted(parts, key=lambda part: -part.height_m)
    assert (tower.height_m, tower.name) == (pytest.approx(30.0), "St. Peter")
    assert tower.footprint.area == pytest.approx(25.0, abs=0.5)
    assert (body.height_m, body.base_m) == (pytest.approx(12.0), pytest.approx(0.0))
    assert body.footprint.area == pytest.approx(600 - 100 - 25, abs=3)
    assert len(body.footprint.interiors) == 1
    assert shapely.Polygon(body.footprint.interiors[0]).area == pytest.approx(100, abs=2)
    assert (bridge.height_m, bridge.base_m, bridge.name) == (
        pytest.approx(10.0),
        pytest.approx(4.0),
        "",
    )


def test_walls_and_roof_in_two_meshes_are_one_building(tmp_path: Path) -> None:
    whole = _box((10, 8, 9), (3, 4, 0))
    up = np.abs(whole.face_normals[:, 2]) > 0.5
    walls, roof = whole.submesh([np.flatnonzero(~up), np.flatnonzero(up)])
    parts = building_parts(
        _scene(tmp_path, {"Rathaus-itu_marble": walls, "Rathaus-itu_metal": roof}), tmp_path
    )
    assert [(p.name, p.height_m) for p in parts] == [("Rathaus", pytest.approx(9.0))]
    assert parts[0].footprint.bounds == pytest.approx((3, 4, 13, 12), abs=0.01)


def test_both_sides_of_a_gable_roof_are_one_part(tmp_path: Path) -> None:
    profile = shapely.Polygon([(0, 0), (12, 0), (12, 10), (6, 22), (0, 10)])
    gable = _prism(profile, 20.0)
    gable.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, [1, 0, 0]))
    (part,) = building_parts(_scene(tmp_path, {"hall": gable}), tmp_path)
    assert part.height_m == pytest.approx(16.0)  # half-way between eaves and ridge
    assert part.footprint.area == pytest.approx(240.0, rel=0.01)


def test_geojson_is_valid_and_in_place(tmp_path: Path) -> None:
    scene = _scene(tmp_path, {"Haus": _box((10, 8, 9), (3, 4, 0))})
    path = write_buildings(scene, tmp_path, tmp_path / "buildings.geojson")
    (feature,) = json.loads(path.read_text())["features"]
    assert feature["properties"] == {"height_m": 9.0, "name": "Haus"}
    ring = np.array(feature["geometry"]["coordinates"][0])
    assert shapely.LinearRing(ring).is_ccw
    x, y = scene.georeference.to_local(ring[:, 1], ring[:, 0])
    assert (x.min(), x.max()) == pytest.approx((3, 13), abs=0.05)
    assert (y.min(), y.max()) == pytest.approx((4, 12), abs=0.05)


def test_munich_has_its_landmarks_where_they_stand() -> None:
    scene = builtin_scene("munich")
    parts = building_parts(scene, Path())
    assert len(parts) > 500
    towers = [p for p in parts if p.name == "Frauenkirche" and p.height_m > 90]
    centre = shapely.union_all([p.footprint for p in towers]).centroid
    assert (centre.x, centre.y) == pytest.approx((-210.0, 62.0), abs=1.0)
    marienplatz = shapely.Point(20.0, -95.0)  # an open square
    assert not any(part.footprint.contains(marienplatz) for part in parts)
    roofed = shapely.union_all([p.footprint for p in parts])
    share = roofed.intersection(shapely.box(-256, -256, 256, 256)).area / 512**2
    assert share == pytest.approx(0.52, abs=0.03)  # 48 % of random points are outdoors


def test_missing_geometry_is_named(tmp_path: Path) -> None:
    scene = _scene(tmp_path, {"Haus": _box((1, 1, 9), (0, 0, 0))})
    (tmp_path / "scene.xml").write_text("<scene>")
    with pytest.raises(ArtefactError, match=r"scene\.xml: not a Mitsuba scene"):
        building_parts(scene, tmp_path)
    (tmp_path / "scene.xml").unlink()
    with pytest.raises(ArtefactError, match=r"scene\.xml"):
        geometry_file(scene, tmp_path)
    with pytest.raises(UnknownSceneError, match="atlantis"):
        geometry_file(scene.model_copy(update={"geometry": "builtin:atlantis"}), tmp_path)
