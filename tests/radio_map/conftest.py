"""A small radio map with known values: three cells in the open, one building that none enters."""

from __future__ import annotations

import numpy as np
import pytest

from rayfix.radio_map.radio_map import RadioMap
from rayfix.scene.cell import Cell
from rayfix.scene.scene import Extent, Scene
from rayfix.units import SPEED_OF_LIGHT_M_S


@pytest.fixture
def radio_map() -> RadioMap:
    """60 m x 40 m at 1 m; rows and columns differ in number, values in every direction."""
    scene = Scene(
        name="square",
        title="A square",
        geometry="geometry.xml",
        origin_lat_deg=48.1379,
        origin_lon_deg=11.5759,
        extent=Extent(x_min_m=-10, x_max_m=50, y_min_m=-20, y_max_m=20),
        attribution="nobody",
    )
    cells = tuple(
        Cell(
            cell_id=f"A-{number}",
            site_id="A",
            x_m=-5.0 + 20.0 * number,
            y_m=-15.0 + 10.0 * number,
            z_m=20.0,
            bearing_deg=120.0 * number,
        )
        for number in range(3)
    )
    x_m, y_m = scene.extent.pixel_centres(1.0)
    grid_x, grid_y = np.meshgrid(x_m, y_m)
    height = np.where((grid_x > 10) & (grid_x < 20) & (grid_y > 0) & (grid_y < 12), 15.0, 0.0)
    east = grid_x - np.array([cell.x_m for cell in cells])[:, None, None]
    north = grid_y - np.array([cell.y_m for cell in cells])[:, None, None]
    distance = np.sqrt(east**2 + north**2 + 18.5**2)
    path_gain = -40.0 - 20.0 * np.log10(distance)
    snr = path_gain + 110.0
    features = {
        "path_gain": path_gain,
        "toa": distance / SPEED_OF_LIGHT_M_S * 1e9,
        "aoa": np.rad2deg(np.arctan2(east, north)) % 360.0,
        "snr": snr,
        "sinr": snr - 3.0,
        "throughput": 10.0 * snr,
        "bler": 0.1 + 0.001 * distance,
    }
    blocked = (height > 0)[None] | (np.arange(3) == 2)[:, None, None] & (grid_x < 0)[None]
    return RadioMap(
        scene=scene,
        cells=cells,
        x_m=x_m,
        y_m=y_m,
        features={
            name: np.where(blocked, np.nan, values).astype(np.float32)
            for name, values in features.items()
        },
        building_height_m=height.astype(np.float32),
        extra={"los": np.where(blocked, np.nan, 1.0).astype(np.float32)},
        attributes={"resolution_m": 1.0, "seed": 7},
    )
