"""Drive-test points as GeoJSON, with how far each lies from the radio map."""

from __future__ import annotations

import json
import math

import numpy as np

from rayfix.errors import InvalidInputError
from rayfix.measurement.drive_test import DriveTest
from rayfix.radio_map.radio_map import RadioMap

STRONGEST = "best"
"""Stands for the strongest cell heard at each point."""


def drive_points(radio_map: RadioMap, drive_test: DriveTest, cell_id: str = STRONGEST) -> bytes:
    """A FeatureCollection: a point per moment at which the cell was heard.

    Properties: `cell_id`, `rsrp_dbm`, `expected_dbm` (map at the pixel; null where it has none),
    `residual_db` (measured minus expected), `time` (seconds since 1970, null = not known).

    Raises:
        InvalidInputError: the map has no such cell.
    """
    if cell_id != STRONGEST and cell_id not in radio_map.cell_index:
        raise InvalidInputError("cell", f"the radio map has no cell '{cell_id}'")
    drive_test = drive_test.with_cells([cell.cell_id for cell in radio_map.cells])
    rsrp_MC = np.where(drive_test.heard_MC, drive_test.matrix("rsrp_dbm"), np.nan)
    if cell_id == STRONGEST:
        cell_M = np.nan_to_num(rsrp_MC, nan=-np.inf).argmax(axis=1)
    else:
        cell_M = np.full(len(drive_test), radio_map.cell_index[cell_id])
    x_m, y_m = radio_map.scene.georeference.to_local(drive_test.lat_deg_M, drive_test.lon_deg_M)
    features = []
    for m in np.flatnonzero(np.isfinite(rsrp_MC[np.arange(len(drive_test)), cell_M])):
        if not radio_map.scene.extent.contains(x_m[m], y_m[m]):
            continue
        row = int(np.abs(radio_map.y_m - y_m[m]).argmin())
        column = int(np.abs(radio_map.x_m - x_m[m]).argmin())
        measured = float(rsrp_MC[m, cell_M[m]])
        expected = float(radio_map.rsrp_dbm[cell_M[m], row, column])
        there, time_s = math.isfinite(expected), float(drive_test.time_s_M[m])
        features.append(
            {
                "type": "Feature",
                "geometry": {
                    "type": "Point",
                    "coordinates": [
                        round(float(drive_test.lon_deg_M[m]), 7),
                        round(float(drive_test.lat_deg_M[m]), 7),
                    ],
                },
                "properties": {
                    "cell_id": radio_map.cells[cell_M[m]].cell_id,
                    "rsrp_dbm": round(measured, 2),
                    "expected_dbm": round(expected, 2) if there else None,
                    "residual_db": round(measured - expected, 2) if there else None,
                    "time": time_s if math.isfinite(time_s) else None,
                },
            }
        )
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()
