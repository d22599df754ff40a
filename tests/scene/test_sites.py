"""Layouts, masts on roofs, and lists of real sites."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from scipy.spatial.distance import pdist
from tests.scene.osm_file import OsmFile, rectangle
from typer.testing import CliRunner

from rayfix.cli import app
from rayfix.errors import InvalidInputError, SourceFileError
from rayfix.scene.cell import load_cells, save_cells
from rayfix.scene.roofs import Roofs
from rayfix.scene.scene import Extent, Scene
from rayfix.scene.site_list import read_sites
from rayfix.scene.sites import (
    POLE_HEIGHT_M,
    SiteOptions,
    grid_layout,
    hexagonal_layout,
    place_sites,
    random_layout,
)

EXTENT = Extent(x_min_m=-500, x_max_m=500, y_min_m=-400, y_max_m=400)
SCENE = Scene(
    name="helsinki", title="Helsinki", geometry="geometry.xml",
    origin_lat_deg=60.17, origin_lon_deg=24.94, extent=EXTENT,
)  # fmt: skip
ROOFS = Roofs(
    [shapely.box(0, 0, 40, 40), shapely.box(10, 10, 20, 20), shapely.box(100, 0, 110, 10)],
    [20.0, 50.0, 3.0],
)


def test_grid_has_its_spacing_and_fits() -> None:
    places = grid_layout(EXTENT, 250.0)
    assert len(places) == 4 * 3
    assert pdist(places).min() == pytest.approx(250.0)
    assert EXTENT.contains(*places.T).all()
    np.testing.assert_allclose(places.mean(axis=0), 0.0, atol=1e-9)


def test_hexagonal_neighbours_are_one_distance_apart() -> None:
    places = hexagonal_layout(EXTENT, 200.0)
    distances = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    inner = np.hypot(*places.T) < 200
    assert inner.any()
    assert ((np.abs(distances[inner] - 200.0) < 1e-6).sum(axis=1) == 6).all()
    assert distances[distances > 0].min() == pytest.approx(200.0)
    assert EXTENT.contains(*places.T).all()


def test_random_sites_keep_their_distance_and_repeat_for_a_seed() -> None:
    places = random_layout(EXTENT, 8, seed=3, min_distance_m=150.0)
    assert pdist(places).min() >= 150.0
    np.testing.assert_array_equal(places, random_layout(EXTENT, 8, 3, 150.0))
    assert (places != random_layout(EXTENT, 8, 4, 150.0)).any()
    with pytest.raises(InvalidInputError, match="do not fit"):
        random_layout(EXTENT, 200, 0, 300.0)


def test_masts_stand_on_the_roof_the_nearest_roof_or_a_pole() -> None:
    placed = place_sites(SCENE, ROOFS, np.array([[30.0, 30.0], [50.0, 20.0], [-300.0, 0.0]]))
    on, beside, pole = (placed.cells[index] for index in (0, 3, 6))
    assert (on.x_m, on.y_m, on.z_m) == (30.0, 30.0, 23.0)
    assert (beside.x_m, beside.y_m, beside.z_m) == (39.0, 20.0, 23.0)
    assert (pole.x_m, pole.z_m) == (-300.0, POLE_HEIGHT_M)
    assert [cell.bearing_deg for cell in placed.cells[:3]] == [0.0, 120.0, 240.0]
    assert len({cell.cell_id for cell in placed.cells}) == 9
    assert placed.warnings == ("site HEL03: no roof within 60 m; on a pole of 25 m",)


def test_a_higher_part_carries_the_mast_and_a_shed_does_not() -> None:
    assert ROOFS.top_at(15, 15) == 50.0
    assert ROOFS.nearest(105, 5, 60.0) is None
    assert place_sites(SCENE, ROOFS, np.array([[15.0, 15.0]])).cells[0].z_m == 53.0


def read(tmp_path: Path, text: str, name: str = "sites.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_csv_of_sectors_and_of_whole_sites(tmp_path: Path) -> None:
    lat, lon = SCENE.georeference.to_lat_lon(30.0, 30.0)
    path = read(
        tmp_path,
        "site_id,cell_id,latitude,longitude,azimuth,height_m,power_w,operator\n"
        f"A,A1,{lat},{lon},45,28,40,X\nA,A2,{lat},{lon},225,28,,X\nB,,{lat},{lon},,,,X\n",
    )
    placed = read_sites(SCENE, ROOFS, path, SiteOptions(mast_height_m=4.0))
    assert [cell.cell_id for cell in placed.cells] == ["A1", "A2", "B-1", "B-2", "B-3"]
    first, second, third = placed.cells[:3]
    assert (first.bearing_deg, first.z_m, first.power_dbm) == (45.0, 28.0, 46.02)
    assert first.x_m == pytest.approx(30.0, abs=0.01)
    assert second.power_dbm == 44.0
    assert third.z_m == 24.0  # roof and mast
    assert placed.warnings == ("column 'operator' is not used",)
    assert load_cells(save_cells(tmp_path / "cells.yaml", placed.cells)) == placed.cells


def test_yaml_in_local_metres(tmp_path: Path) -> None:
    text = "sites:\n- {site_id: A, x_m: 5, y_m: 6, mast_height_m: 2, bearing_deg: 10, pci: 7}\n"
    (cell,) = read_sites(SCENE, ROOFS, read(tmp_path, text, "sites.yaml")).cells
    assert (cell.x_m, cell.z_m, cell.pci, cell.cell_id) == (5.0, 22.0, 7, "A-10")


def test_warnings_name_sites_outside_the_map_and_inside_a_building(tmp_path: Path) -> None:
    text = "site_id,x_m,y_m,height_m\nfar,900,0,20\nlow,15,15,30\nfine,30,30,30\n"
    warnings = read_sites(SCENE, ROOFS, read(tmp_path, text)).warnings
    assert warnings == (
        "site far: outside the map (900, 0) m",
        "site low: inside a building, antenna at 30 m, roof at 50 m",
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,60.17,24.94,400,44", r"line 3 \(a\): bearing_deg: .*less than 360.*400"),
        ("first,60.17,24.94,10,44", r"line 3: cell_id 'first-10' is used twice, first in line 2"),
        ("a,24.94,60.17,10,44", "line 3: lat and lon are swapped"),
        ("a,124.94,60.17,10,44", r"line 3: lat in \[-90, 90\]"),
        ("a,60.17,24.94,10,80", r"line 3: power_dbm: .*80 W = 49\.0 dBm.*power_w"),
        ("a,60.17,24.94,10,44 W", r"line 3: power_dbm: .*44 W = 46\.4 dBm"),
        ("a,60.17,24.94,north,44", "line 3: bearing_deg: 'north' is not a number"),
        ("a,60.17,nan,10,44", "line 3: lon: a finite number"),
        (",60.17,24.94,10,44", "line 3: site_id is missing"),
        ("a,,24.94,10,44", "line 3: lat and lon, or x_m and y_m"),
        ("a,60.17", "line 3: as many values as columns"),
    ],
)
def test_errors_name_file_line_field_and_rule(tmp_path: Path, row: str, reason: str) -> None:
    header = "site_id,lat,lon,bearing_deg,power_dbm\nfirst,60.17,24.94,10,44\n"
    with pytest.raises(SourceFileError, match=rf"sites\.csv: {reason}"):
        read_sites(SCENE, ROOFS, read(tmp_path, header + row + "\n"))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("sites.csv", "site_id,lat,lon\n", "at least one site"),
        ("sites.yaml", "sites: {}", "a list `sites`"),
        ("sites.yaml", "sites: [", "not a site list"),
        ("sites.yaml", "sites: [A]", "entry 0"),
    ],
)
def test_files_that_are_no_site_list(tmp_path: Path, name: str, text: str, reason: str) -> None:
    with pytest.raises(SourceFileError, match=reason):
        read_sites(SCENE, ROOFS, read(tmp_path, text, name))


def test_commands_from_extract_to_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = OsmFile()
    file.way(rectangle(-20, -20, 40, 40), building="yes", height="30")
    source = str(file.write(tmp_path / "town.osm"))
    run = CliRunner().invoke
    result = run(app, ["scene", "import", "--osm", source, "--name", "town"])
    assert result.exit_code == 0, result.output
    assert "1 buildings" in result.output
    place = ["scene", "sites", "--scene", "scenes/town", "--layout", "random", "--count", "1"]
    result = run(app, place)
    assert result.exit_code == 0, result.output
    assert len(load_cells(tmp_path / "scenes/town/cells.yaml")) == 3
    again = run(app, place)
    assert isinstance(again.exception, InvalidInputError)
    assert "--overwrite" in str(again.exception)
    box = run(app, ["scene", "import", "--osm", source, "--name", "b", "--bbox", "1,2,3"])
    assert isinstance(box.exception, InvalidInputError)
    assert "W,S,E,N" in str(box.exception)


def test_options_reach_the_cells_and_watts_are_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = ["scene", "sites", "--scene", "etoile", "--layout", "hexagonal", "--spacing", "200"]
    options = ["--power", "40", "--downtilt", "4", "--first-bearing", "30", "--output", "c.yaml"]
    result = CliRunner().invoke(app, [*place, *options, "--carrier-mhz", "2100"])
    assert result.exit_code == 0, result.output
    cell = load_cells(tmp_path / "c.yaml")[0]
    assert (cell.power_dbm, cell.downtilt_deg, cell.bearing_deg) == (40.0, 4.0, 30.0)
    assert cell.carrier_hz == 2.1e9
    watts = CliRunner().invoke(app, [*place, "--power", "80", "--overwrite"])
    assert isinstance(watts.exception, InvalidInputError)
    assert "power_dbm" in str(watts.exception)
    assert "80 W = 49.0 dBm" in str(watts.exception)
