"""Imports small hand-written maps and looks at the scene they make."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from tests.scene.osm_file import BOX, ORIGIN, OsmFile, rectangle

from rayfix.errors import ArtefactError, DiskFullError, InvalidInputError, SourceFileError
from rayfix.radio_map.jobs import find_jobs
from rayfix.scene.buildings import write_buildings
from rayfix.scene.osm import import_scene
from rayfix.scene.roofs import Roofs
from rayfix.scene.scene import Scene


def town() -> OsmFile:
    file = OsmFile()
    outer = file.way(rectangle(0, 0, 40, 30))
    inner = file.way(rectangle(10, 10, 20, 10))
    file.multipolygon([outer], [inner], building="apartments", building__levels="5", name="Court")
    file.way(rectangle(-60, 0, 30, 30), building="office", height="20", building__material="brick")
    file.way(rectangle(-60, 0, 10, 10), building__part="yes", height="45")
    file.way(rectangle(-50, 20, 10, 10), building__part="yes", min_height="8", building__levels="4")
    file.way([(-40, -60), (-20, -40), (-20, -60), (-40, -40), (-40, -60)], building="house")
    file.way(rectangle(30, -60, 10, 10), building="yes", location="underground")
    file.way(rectangle(50, -60, 1, 1), building="yes")
    file.way([(60, -60), (70, -60), (70, -50)], building="yes")
    file.way(rectangle(60, 60, 10, 10), building="no")
    file.way([(-100, -20), (100, -20)], highway="residential", name="High Street")
    file.way(rectangle(0, -100, 50, 20), natural="water")
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("osm")
    folder, _ = import_scene(town().write(path / "town.osm"), "town", path / "scenes")
    return folder


@pytest.fixture(scope="module")
def summary(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "import.json").read_text())
    return document


def mesh(folder: Path, material: str) -> trimesh.Trimesh:
    return trimesh.load_mesh(folder / f"meshes/buildings-{material}.ply", process=False)


def test_counts_say_what_was_kept_and_why_not(summary: dict[str, Any]) -> None:
    assert (summary["buildings"], summary["parts"], summary["multipolygons"]) == (5, 2, 1)
    assert (summary["courtyards"], summary["repaired"]) == (1, 1)
    assert summary["heights"] == {
        "buildings": {"building:levels": 1, "height": 1, "default": 1},
        "parts": {"height": 1, "building:levels": 1},
    }
    assert summary["dropped"] == {
        "underground": 1,
        "smaller than 2 m2": 1,
        "a ring that is not closed": 1,
    }
    assert (summary["roads"], summary["water"]) == (1, 1)


def test_corner_lies_where_the_map_says(folder: Path) -> None:
    scene = Scene.load(folder)
    lat, lon = ORIGIN.to_lat_lon(40.0, 30.0)  # a corner of the courtyard building
    x, y = scene.georeference.to_local(lat, lon)
    top = mesh(folder, "concrete").vertices
    distance = np.hypot(top[:, 0] - x, top[:, 1] - y)
    assert distance.min() < 0.05
    assert top[distance.argmin(), 2] in (0.0, 15.0)


def test_meshes_are_closed_with_outward_normals(folder: Path) -> None:
    concrete, brick = mesh(folder, "concrete"), mesh(folder, "brick")
    assert concrete.is_watertight
    assert brick.is_watertight
    # 5 levels of 3 m around a courtyard, and a house of 6 m on both triangles of a bow tie
    assert concrete.volume == pytest.approx((1200 - 200) * 15 + 200 * 6, rel=2e-3)
    # outline without its two parts, the tower, and the raised part from 8 m to 12 m
    assert brick.volume == pytest.approx((900 - 200) * 20 + 100 * 45 + 100 * 4, rel=2e-3)


def test_ground_lies_under_everything(folder: Path) -> None:
    extent = Scene.load(folder).extent
    ground = trimesh.load_mesh(folder / "meshes/ground.ply")
    assert (ground.vertices[:, 2] == 0).all()
    assert (ground.face_normals[:, 2] > 0.99).all()
    assert ground.bounds[0][0] < extent.x_min_m
    assert ground.bounds[1][1] > extent.y_max_m


def test_buildings_carry_height_base_and_name(folder: Path) -> None:
    features = json.loads((folder / "buildings.geojson").read_text())["features"]
    properties = [feature["properties"] for feature in features]
    kinds = {one.pop("osm_id").split("/")[0] for one in properties}
    assert kinds == {"way", "relation"}
    assert {"height_m": 15.0, "name": "Court"} in properties
    assert {"height_m": 12.0, "base_m": 8.0} in properties
    assert {"height_m": 45.0} in properties
    (court,) = [one for one in features if one["properties"].get("name") == "Court"]
    assert len(court["geometry"]["coordinates"]) == 2


def test_channels_keep_roads_and_water(folder: Path) -> None:
    (road,) = json.loads((folder / "roads.geojson").read_text())["features"]
    assert road["properties"]["highway"] == "residential"
    assert road["properties"]["name"] == "High Street"
    assert road["geometry"]["type"] == "LineString"
    (water,) = json.loads((folder / "water.geojson").read_text())["features"]
    assert water["geometry"]["type"] == "Polygon"


def test_map_build_finds_scene_and_buildings(folder: Path, tmp_path: Path) -> None:
    (folder / "cells.yaml").write_text(
        "cells:\n- {cell_id: a, site_id: a, x_m: 0, y_m: 0, z_m: 20, bearing_deg: 0}\n"
    )
    (job,) = find_jobs(str(folder), None, None, tmp_path)
    assert job.scene_folder == folder
    copy = write_buildings(job.scene, folder, tmp_path / "buildings.geojson")
    assert copy.read_bytes() == (folder / "buildings.geojson").read_bytes()


def test_rings_nest_whatever_their_roles(tmp_path: Path) -> None:
    """A courtyard with an island in it, a second one with the wrong role, a ring of two ways."""
    file = OsmFile()
    south = file.way([(0, 30), (0, 0), (40, 0)])
    north = file.way([(40, 0), (40, 30), (0, 30)])
    court, wrong = file.way(rectangle(2, 2, 16, 20)), file.way(rectangle(20, 2, 16, 20))
    island = file.way(rectangle(5, 5, 10, 10))
    file.multipolygon([south, north, wrong, island], [court], building="yes", height="10")
    folder, summary = import_scene(file.write(tmp_path / "a.osm"), "a", tmp_path)
    assert summary.counts.courtyards == 2
    solid = mesh(folder, "concrete")
    assert solid.is_watertight
    assert solid.volume == pytest.approx((1200 - 320 - 320 + 100) * 10, rel=2e-3)


def test_outline_repeated_by_its_way_does_not_fill_the_courtyard(tmp_path: Path) -> None:
    file = OsmFile()
    outer = file.way(rectangle(0, 0, 40, 30), building="yes", height="10")
    inner = file.way(rectangle(10, 10, 20, 10))
    file.multipolygon([outer], [inner], building="yes", height="10")
    folder, summary = import_scene(file.write(tmp_path / "a.osm"), "a", tmp_path)
    assert summary.counts.dropped == {"repeats the outline of its multipolygon": 1}
    assert mesh(folder, "concrete").volume == pytest.approx(10_000, rel=2e-3)


def test_box_keeps_its_surroundings_only(tmp_path: Path) -> None:
    file = town()
    file.way(rectangle(-60, 380, 10, 10), building="yes")  # far to the north
    west, south, east, _ = BOX
    box = (west, south, east, 60.17)
    folder, summary = import_scene(
        file.write(tmp_path / "a.osm"), "half", tmp_path, box=box, title="Half a town"
    )
    scene = Scene.load(folder)
    assert scene.title == "Half a town"
    assert scene.extent.y_max_m - scene.extent.y_min_m == 208  # 13 steps of 16 m in 223 m
    assert summary.counts.dropped["outside the box"] == 1
    assert scene.origin_lat_deg == pytest.approx(60.169)


def test_import_again_asks_first_and_keeps_the_site_list(tmp_path: Path) -> None:
    source = town().write(tmp_path / "a.osm")
    folder, _ = import_scene(source, "a", tmp_path)
    (folder / "cells.yaml").write_text("mine")
    with pytest.raises(InvalidInputError, match="--overwrite"):
        import_scene(source, "a", tmp_path)
    import_scene(source, "a", tmp_path, overwrite=True)
    assert (folder / "cells.yaml").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.osm"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    source = town().write(tmp_path / "a.osm")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ArtefactError, match="cannot be written"):
        import_scene(source, "a", tmp_path / "file")


def test_a_change_of_height_changes_the_geometry_file(tmp_path: Path) -> None:
    texts = []
    for name, height in (("low", "5"), ("high", "9")):
        file = OsmFile()
        file.way(rectangle(0, 0, 20, 20), building="yes", height=height)
        folder, _ = import_scene(file.write(tmp_path / f"{name}.osm"), name, tmp_path)
        texts.append((folder / "geometry.xml").read_text())
    assert texts[0] != texts[1]


def geojson(path: Path, *features: tuple[dict[str, Any], list[Any]]) -> Path:
    document = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": properties,
             "geometry": {"type": "Polygon", "coordinates": rings}}
            for properties, rings in features
        ],
    }  # fmt: skip
    path.write_text(json.dumps(document))
    return path


def degrees(ring: Any) -> list[list[float]]:
    lat, lon = ORIGIN.to_lat_lon(*np.array(ring).T)
    return np.column_stack([lon, lat]).tolist()


def test_geojson_footprints(tmp_path: Path) -> None:
    source = geojson(
        tmp_path / "a.geojson",
        ({"height": 12.5}, [degrees(rectangle(0, 0, 40, 30)), degrees(rectangle(9, 9, 9, 9))]),
        ({"building": "garage"}, [degrees(rectangle(80, 0, 5, 5))]),
    )
    folder, summary = import_scene(source, "a", tmp_path)
    scene = Scene.load(folder)
    roofs = Roofs.load(scene, folder / "buildings.geojson")
    x, y = scene.georeference.to_local(*ORIGIN.to_lat_lon([2, 12, 82], [2, 12, 2]))
    assert [roofs.top_at(*place) for place in zip(x, y, strict=True)] == [12.5, 0.0, 3.0]
    assert summary.counts.heights["buildings"] == {"height": 1, "default": 1}


def test_our_own_buildings_come_back_unchanged(folder: Path, tmp_path: Path) -> None:
    again, _ = import_scene(folder / "buildings.geojson", "again", tmp_path)

    def heights(path: Path) -> list[tuple[float, float]]:
        features = json.loads((path / "buildings.geojson").read_text())["features"]
        properties = [feature["properties"] for feature in features]
        return [(one["height_m"], one.get("base_m", 0.0)) for one in properties]

    assert heights(again) == heights(folder)


def test_files_that_cannot_be_used_are_refused_by_name(tmp_path: Path) -> None:
    text = town().write(tmp_path / "town.osm").read_text()
    cases = {
        "cut.osm": (text[: len(text) // 2], "not a whole OpenStreetMap file"),
        "cut.osm.pbf": ("\0\0\0\rgarbage", "not a whole OpenStreetMap file"),
        "page.osm": ("<html></html>", "not a whole OpenStreetMap file"),
        "cut.geojson": ('{"type": "FeatureCollection", "features": [', "not a whole GeoJSON"),
        "other.geojson": ('{"type": "Point"}', "FeatureCollection is expected"),
        "image.png": ("png", "ending in"),
    }
    for name, (content, reason) in cases.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(SourceFileError, match=rf"{name}: .*{reason}"):
            import_scene(tmp_path / name, "bad", tmp_path)
    with pytest.raises(SourceFileError, match="missing"):
        import_scene(tmp_path / "nowhere.osm", "bad", tmp_path)
    metres = geojson(tmp_path / "utm.geojson", ({}, [list(rectangle(385000, 6672000, 10, 10))]))
    with pytest.raises(SourceFileError, match=r"utm\.geojson: feature 0: .*degrees"):
        import_scene(metres, "bad", tmp_path)
    assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize("keep", [0.5, 0.95])
def test_a_binary_extract_that_is_cut_short(tmp_path: Path, keep: float) -> None:
    import osmium

    source = town().write(tmp_path / "whole.osm")
    whole = tmp_path / "whole.osm.pbf"
    with osmium.SimpleWriter(str(whole)) as writer:
        for item in osmium.FileProcessor(str(source)):
            writer.add(item)
    import_scene(whole, "whole", tmp_path)
    content = whole.read_bytes()
    (tmp_path / "cut.osm.pbf").write_bytes(content[: int(keep * len(content))])
    with pytest.raises(SourceFileError, match=r"cut\.osm\.pbf: not a whole OpenStreetMap file"):
        import_scene(tmp_path / "cut.osm.pbf", "cut", tmp_path)


def everything_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_an_earlier_import_survives_what_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = town().write(tmp_path / "town.osm")
    folder, _ = import_scene(source, "town", tmp_path)
    before = everything_below(folder)
    cut = tmp_path / "cut.osm"
    cut.write_text(source.read_text()[:900])
    with pytest.raises(SourceFileError, match=r"cut\.osm"):
        import_scene(cut, "town", tmp_path, overwrite=True)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rayfix.scene.imported.write_parts", full)
    with pytest.raises(DiskFullError, match="town"):
        import_scene(source, "town", tmp_path, overwrite=True)
    assert everything_below(folder) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.osm", "town", "town.osm"]


def test_a_map_without_buildings_leaves_nothing_behind(tmp_path: Path) -> None:
    file = OsmFile()
    file.way([(-100, -20), (100, -20)], highway="residential")
    source = file.write(tmp_path / "roads.osm")
    with pytest.raises(SourceFileError, match=r"roads\.osm: no building"):
        import_scene(source, "roads", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["roads.osm"]


@pytest.mark.parametrize(
    ("name", "box", "field"),
    [
        ("Not a name", None, "name"),
        ("a", (60.1, 24.9, 60.2, 124.9), "bbox"),
        ("a", (25.0, 60.1, 24.9, 60.2), "bbox"),
        ("a", (24.0, 60.0, 25.0, 61.0), "bbox"),
    ],
)
def test_name_and_box_are_checked(tmp_path: Path, name: str, box: Any, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        import_scene(town().write(tmp_path / "a.osm"), name, tmp_path, box=box)
    assert caught.value.field == field


def test_the_ray_tracer_sees_streets_courtyard_and_roofs(folder: Path) -> None:
    from rayfix.simulation.world import World

    scene = Scene.load(folder)
    world = World(scene, folder)
    places = [(5, 5), (20, 15), (-55, 5), (-45, 25), (-45, 5), (0, -20)]
    x, y = scene.georeference.to_local(*ORIGIN.to_lat_lon(*np.array(places, float).T))
    # house, courtyard, tower, raised part, outline beside its parts, street
    expected = [15.0, 0.0, 45.0, 12.0, 20.0, 0.0]
    np.testing.assert_allclose(world.building_height_m(x, y), expected, atol=0.01)
    assert world.sionna.radio_materials.keys() >= {"concrete", "brick"}
