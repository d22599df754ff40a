"""Statistics of an area against counts made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rayfix.errors import InvalidInputError
from rayfix.radio_map.image import BEST_SERVER
from rayfix.radio_map.probe import probe
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.statistics import area_statistics
from rayfix.units import SPEED_OF_LIGHT_M_S


def test_the_whole_map(radio_map: RadioMap) -> None:
    found = area_statistics(radio_map, "path_gain", "A-1")
    values = radio_map.features["path_gain"][1][radio_map.outdoor]
    heard = values[np.isfinite(values)]
    assert found["covered"] == pytest.approx(heard.size / values.size, abs=1e-4)
    assert found["mean"] == pytest.approx(heard.mean(), abs=1e-3)
    assert found["percentiles"][2] == pytest.approx(np.median(heard), abs=1e-3)
    assert found["area_m2"] == pytest.approx(values.size * radio_map.resolution_m**2)


def test_best_servers_share_the_covered_area(radio_map: RadioMap) -> None:
    servers = area_statistics(radio_map, "sinr", BEST_SERVER)["best_servers"]
    assert sum(server["share"] for server in servers) == pytest.approx(1.0, abs=1e-3)
    shares = [server["share"] for server in servers]
    assert shares == sorted(shares, reverse=True)


def test_only_pixels_inside_the_bounds_count(radio_map: RadioMap) -> None:
    whole = area_statistics(radio_map, "path_gain", "A-1")
    corners = radio_map.scene.corners_lon_lat()
    west, north = corners[0]
    east, south = corners[2]
    middle = (west + east) / 2
    half = area_statistics(radio_map, "path_gain", "A-1", (west - 1, south - 1, middle, north + 1))
    assert 0 < half["area_m2"] < whole["area_m2"]
    nowhere = area_statistics(radio_map, "path_gain", "A-1", (0.0, 0.0, 1.0, 1.0))
    assert nowhere == {
        "area_m2": 0.0, "covered": 0.0, "mean": None, "percentiles": None, "best_servers": [],
    }  # fmt: skip


def test_an_unknown_cell_is_refused(radio_map: RadioMap) -> None:
    with pytest.raises(InvalidInputError):
        area_statistics(radio_map, "path_gain", "Z-9")


def test_line_of_sight_is_told_by_the_solver_or_by_the_time_of_arrival(
    radio_map: RadioMap,
) -> None:
    row, column = np.argwhere(np.isfinite(radio_map.features["path_gain"][0]))[0]
    cell, ue_height_m = radio_map.cells[0], radio_map.scene.ue_height_m
    place = (radio_map.x_m[column], radio_map.y_m[row], ue_height_m)
    straight_ns = np.linalg.norm(np.subtract((cell.x_m, cell.y_m, cell.z_m), place)) * 1e9
    straight_ns /= SPEED_OF_LIGHT_M_S

    def seen(toa_ns: float, extra: float | None = None) -> bool | None:
        toa = radio_map.features["toa"].copy()
        toa[0, row, column] = toa_ns
        los = np.full_like(toa, np.nan if extra is None else extra)
        changed = replace(
            radio_map,
            features={**radio_map.features, "toa": toa},
            extra={} if extra is None else {"los": los},
        )
        lat, lon = radio_map.scene.georeference.to_lat_lon(place[0], place[1])
        cells = probe(changed, float(lat), float(lon))["cells"]
        found: bool | None = next(c["los"] for c in cells if c["cell_id"] == cell.cell_id)
        return found

    assert seen(straight_ns) is True
    assert seen(straight_ns + 100.0) is False
    assert seen(straight_ns + 100.0, extra=1.0) is True
