"""What every cell sounds like at one place."""

from __future__ import annotations

import math
from typing import Any

from rayfix.radio_map.lookup import nearest_pixel
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap
from rayfix.units import SPEED_OF_LIGHT_M_S


def probe(radio_map: RadioMap, lat_deg: float, lon_deg: float) -> dict[str, Any]:
    """Values of the pixel that holds a place, cells sorted by RSRP, strongest first.

    Returns:
        lat, lon, x_m, y_m, building_height_m, best_cell and `cells`: cell_id, distance_m
        (horizontal), rsrp_dbm, los and the seven features of each; None where no
        path arrives, and where the map has no such feature.
    Raises:
        OutsideMapError: the place lies outside the map.
    """
    east, north = radio_map.scene.georeference.to_local(lat_deg, lon_deg)
    x_m, y_m = float(east), float(north)
    row, column = nearest_pixel(radio_map, x_m, y_m)
    cells: list[dict[str, Any]] = []
    for index, cell in enumerate(radio_map.cells):
        values = {
            name: radio_map.features[name][index, row, column]
            if name in radio_map.features
            else math.nan
            for name in FEATURE_NAMES
        }
        cells.append(
            {
                "cell_id": cell.cell_id,
                "distance_m": round(math.hypot(cell.x_m - x_m, cell.y_m - y_m), 1),
                "rsrp_dbm": _number(radio_map.rsrp_dbm[index, row, column], 2),
                "los": _line_of_sight(radio_map, index, row, column),
                **{name: _number(value, 4) for name, value in values.items()},
            }
        )
    cells.sort(key=lambda c: (c["rsrp_dbm"] is None, -(c["rsrp_dbm"] or 0.0), c["distance_m"]))
    return {
        "lat": lat_deg,
        "lon": lon_deg,
        "x_m": round(x_m, 2),
        "y_m": round(y_m, 2),
        "building_height_m": _number(radio_map.building_height_m[row, column], 1),
        "best_cell": cells[0]["cell_id"] if cells[0]["rsrp_dbm"] is not None else None,
        "cells": cells,
    }


def _line_of_sight(radio_map: RadioMap, index: int, row: int, column: int) -> bool | None:
    """Whether the cell sees the pixel: as the solver found, else from the time of arrival, which
    in line of sight is that of the straight way; None where no path arrives."""
    if not math.isfinite(radio_map.features["path_gain"][index, row, column]):
        return None
    if "los" in radio_map.extra:
        return bool(radio_map.extra["los"][index, row, column] > 0.5)
    if "toa" not in radio_map.features:
        return None
    cell = radio_map.cells[index]
    straight_m = math.dist(
        (cell.x_m, cell.y_m, cell.z_m),
        (radio_map.x_m[column], radio_map.y_m[row], radio_map.scene.ue_height_m),
    )
    way_m = float(radio_map.features["toa"][index, row, column]) * 1e-9 * SPEED_OF_LIGHT_M_S
    return way_m < straight_m + radio_map.resolution_m


def _number(value: Any, decimals: int) -> float | None:
    return round(float(value), decimals) if math.isfinite(value) else None
