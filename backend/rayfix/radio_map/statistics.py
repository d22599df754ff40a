"""What a radio map says about an area: coverage, the spread of a feature, and who serves it.

Shape letters: P outdoor pixels of the area.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rayfix.radio_map.image import layer
from rayfix.radio_map.radio_map import RadioMap

PERCENTILES = (5, 25, 50, 75, 95)

Bounds = tuple[float, float, float, float]
"""West, south, east, north [deg]."""


def area_statistics(
    radio_map: RadioMap, feature: str, cell_id: str, bounds: Bounds | None = None
) -> dict[str, Any]:
    """Statistics of one layer over the outdoor pixels whose centre lies in an area.

    Args:
        radio_map: the map.
        feature, cell_id: the layer, as for `layer`.
        bounds: the area; None = the whole map.
    Returns:
        area_m2 (outdoors), covered (share of it with a path), mean and percentiles [5, 25, 50, 75,
        95] of the layer where there is a path (None where nowhere is), and best_servers: cell_id
        and share of the covered area, largest first.
    Raises:
        InvalidInputError: no such feature or cell.
    """
    values = layer(radio_map, feature, cell_id)
    here = radio_map.outdoor & _inside(radio_map, bounds)
    values_P = values[here]
    heard_P = values_P[np.isfinite(values_P)]
    pixels = int(here.sum())
    return {
        "area_m2": round(pixels * radio_map.resolution_m**2, 1),
        "covered": round(heard_P.size / pixels, 4) if pixels else 0.0,
        "mean": round(float(heard_P.mean()), 4) if heard_P.size else None,
        "percentiles": [round(float(p), 4) for p in np.percentile(heard_P, PERCENTILES)]
        if heard_P.size
        else None,
        "best_servers": _best_servers(radio_map, here),
    }


def _inside(radio_map: RadioMap, bounds: Bounds | None) -> np.ndarray[Any, np.dtype[np.bool_]]:
    shape = radio_map.building_height_m.shape
    if bounds is None:
        return np.ones(shape, np.bool_)
    x_m, y_m = np.meshgrid(radio_map.x_m, radio_map.y_m)
    lat, lon = radio_map.scene.georeference.to_lat_lon(x_m, y_m)
    west, south, east, north = bounds
    inside: np.ndarray[Any, np.dtype[np.bool_]] = (
        (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    )
    return inside


def _best_servers(
    radio_map: RadioMap, here: np.ndarray[Any, np.dtype[np.bool_]]
) -> list[dict[str, Any]]:
    rsrp_CP = np.nan_to_num(radio_map.rsrp_dbm[:, here], nan=-np.inf)
    covered_P = np.isfinite(rsrp_CP.max(axis=0)) if rsrp_CP.size else np.zeros(0, np.bool_)
    if not covered_P.any():
        return []
    count = np.bincount(rsrp_CP.argmax(axis=0)[covered_P], minlength=len(radio_map.cells))
    order = [int(index) for index in np.argsort(-count) if count[index]]
    return [
        {
            "cell_id": radio_map.cells[index].cell_id,
            "share": round(float(count[index] / covered_P.sum()), 4),
        }
        for index in order
    ]
