"""Scenes on a digital elevation model, written by rasterio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import trimesh
from tests.scene.osm_file import ORIGIN, OsmFile, rectangle

from rayfix.errors import SourceFileError
from rayfix.scene.catalogue import FoundScene
from rayfix.scene.ground import ground_of
from rayfix.scene.ground_grid import load_ground_grid
from rayfix.scene.osm import import_scene
from rayfix.scene.roofs import roofs_of
from rayfix.scene.scene import Scene
from rayfix.scene.site_list import read_sites
from rayfix.scene.sites import place_sites
from rayfix.simulation.world import World

SLOPE_EAST, SLOPE_NORTH = 0.05, -0.02
AT_ORIGIN_M = 112.4


def plane(x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Height of the ground above sea level [m] by metres from `ORIGIN`."""
    return AT_ORIGIN_M + SLOPE_EAST * np.asarray(x_m) + SLOPE_NORTH * np.asarray(y_m)


def write_dem(path: Path, crs: str, step: float, half: float, **options: Any) -> Path:
    """A GeoTIFF of the plane, `half` metres around the origin; `step` in units of the system."""
    from pyproj import Transformer

    to_earth = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    to_crs = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    lat, lon = ORIGIN.to_lat_lon([-half, half], [-half, half])
    east, north = to_crs.transform(lon, lat)
    columns, rows = (int((side[1] - side[0]) / step) for side in (east, north))
    transform = rasterio.Affine(step, 0.0, east[0], 0.0, -step, north[1])
    x, y = np.meshgrid(
        east[0] + step * (np.arange(columns) + 0.5), north[1] - step * (np.arange(rows) + 0.5)
    )
    lon, lat = to_earth.transform(x, y)
    heights = plane(*ORIGIN.to_local(lat, lon)).astype(np.float32)
    heights *= options.pop("scale", 1.0)
    heights[options.pop("hole", slice(0, 0))] = options.get("nodata", np.nan)
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=1, dtype="float32",
        crs=options.pop("written_crs", crs), transform=transform, **options,
    ) as model:  # fmt: skip
        model.write(heights, 1)
    return path


def village(path: Path) -> Path:
    file = OsmFile()
    file.way(rectangle(-60, -10, 20, 20), building="yes", height="12")
    file.way(rectangle(40, 30, 20, 20), building="yes", height="12", min_height="4")
    return file.write(path / "village.osm")


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, Path]:
    path = tmp_path_factory.mktemp("terrain")
    dem = write_dem(path / "dem.tif", "EPSG:3067", 4.0, 400.0)  # ETRS-TM35FIN
    folder, _ = import_scene(village(path), "village", path, dem=dem)
    return Scene.load(folder), folder


def test_ground_follows_the_model(imported: tuple[Scene, Path]) -> None:
    scene, folder = imported
    assert scene.ground_mesh == "ground"
    ground = ground_of(scene, folder)
    # places in metres from the origin of the plane, in the scene's own frame
    places = np.random.default_rng(0).uniform(-90, 90, (200, 2))
    x, y = scene.georeference.to_local(*ORIGIN.to_lat_lon(*places.T))
    above = plane(*places.T) - ground.height_m(x, y)
    zero = np.median(above)
    assert zero == pytest.approx(round(zero), abs=0.02)
    np.testing.assert_allclose(above, zero, atol=0.05)
    assert 0.0 <= ground.triangles[..., 2].min() < 1.0
    summary = json.loads((folder / "import.json").read_text())
    assert f"above {zero:.0f} m" in summary["ground"]


def test_its_grid_is_written_for_the_map(imported: tuple[Scene, Path]) -> None:
    scene, folder = imported
    x, y = np.random.default_rng(2).uniform(-90, 90, (2, 200))
    heights = load_ground_grid(folder / "ground.npz").at(x, y)
    np.testing.assert_allclose(heights, ground_of(scene, folder).height_m(x, y), atol=0.1)


def test_buildings_stand_on_it(imported: tuple[Scene, Path]) -> None:
    _, folder = imported
    mesh = trimesh.load_mesh(folder / "meshes/buildings-concrete.ply", process=False)
    low, high = sorted(
        json.loads((folder / "buildings.geojson").read_text())["features"],
        key=lambda feature: feature["properties"]["ground_m"],
    )
    assert low["properties"]["height_m"] == high["properties"]["height_m"] == 12.0
    assert high["properties"]["base_m"] == 4.0
    # lowest corners of the outlines: north-west of the one, and of the other
    step = plane(40, 50) - plane(-60, 10)
    difference = high["properties"]["ground_m"] - low["properties"]["ground_m"]
    assert difference == pytest.approx(step, abs=0.15)
    z = mesh.vertices[:, 2]
    assert z.min() == pytest.approx(low["properties"]["ground_m"], abs=0.06)
    assert z.max() == pytest.approx(high["properties"]["ground_m"] + 12.0, abs=0.06)


def test_the_ray_tracer_finds_the_same_ground(imported: tuple[Scene, Path]) -> None:
    scene, folder = imported
    places = np.array([(-90.0, -60.0), (0.0, 0.0), (80.0, -40.0), (60.0, 80.0)])
    x, y = scene.georeference.to_local(*ORIGIN.to_lat_lon(*places.T))
    world = World(scene, folder)
    assert world.outdoor(x, y).all()
    np.testing.assert_allclose(
        world.surface_height_m(x, y), ground_of(scene, folder).height_m(x, y), atol=0.02
    )


def test_antennas_stand_above_the_ground(imported: tuple[Scene, Path], tmp_path: Path) -> None:
    scene, folder = imported
    roofs = roofs_of(FoundScene(scene, folder))
    x, y = (float(v) for v in scene.georeference.to_local(*ORIGIN.to_lat_lon(-50.0, 0.0)))
    placed = place_sites(scene, roofs, np.array([[x, y]]))
    ground = float(roofs.ground.height_m(x - 10.0, y + 10.0))  # the lowest corner
    assert placed.cells[0].z_m == pytest.approx(ground + 12.0 + 3.0, abs=0.3)
    path = tmp_path / "sites.csv"
    path.write_text("site_id,x_m,y_m,height_m,bearing_deg\nA,90,0,25,10\n")
    (cell,) = read_sites(scene, roofs, path).cells
    assert cell.z_m == pytest.approx(float(roofs.ground.height_m(90.0, 0.0)) + 25.0, abs=0.01)


def test_geographic_models_gaps_and_feet(tmp_path: Path) -> None:
    dem = write_dem(
        tmp_path / "dem.tif", "EPSG:4326", 0.0001, 400.0, scale=1 / 0.3048, nodata=-9999.0,
        hole=(slice(30, 33), slice(60, 64)),
    )  # fmt: skip
    with rasterio.open(dem, "r+") as model:
        model.units = ["foot"]
    folder, summary = import_scene(village(tmp_path), "feet", tmp_path, dem=dem)
    scene = Scene.load(folder)
    x, y = scene.georeference.to_local(*ORIGIN.to_lat_lon([-80.0, 80.0], [-80.0, 80.0]))
    west, east = ground_of(scene, folder).height_m(x, y)
    assert east - west == pytest.approx(160 * (SLOPE_EAST + SLOPE_NORTH), abs=0.3)
    assert "pixels without a height filled" in summary.ground


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"half": 100.0}, r"covers \d+ % of the scene; 24\.\d+,60\.\d+"),
        ({"written_crs": None}, "the raster has no coordinate reference"),
        ({"scale": 1000.0}, "heights of -500 m to 9000 m"),
        ({"hole": slice(0, 900), "nodata": -1.0}, "only 0 % of the pixels"),
    ],
)
def test_models_that_do_not_fit_are_named(
    tmp_path: Path, options: dict[str, Any], reason: str
) -> None:
    given: dict[str, Any] = {"half": 400.0, **options}
    dem = write_dem(tmp_path / "dem.tif", "EPSG:3067", 4.0, **given)
    with pytest.raises(SourceFileError, match=rf"dem\.tif: {reason}"):
        import_scene(village(tmp_path), "bad", tmp_path, dem=dem)
    assert not (tmp_path / "bad").exists()


def test_no_raster_at_all(tmp_path: Path) -> None:
    dem = tmp_path / "dem.tif"
    dem.write_text("not a raster")
    with pytest.raises(SourceFileError, match=r"dem\.tif: not a raster"):
        import_scene(village(tmp_path), "bad", tmp_path, dem=dem)
