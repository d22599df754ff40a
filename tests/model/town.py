"""A small analytic town for tests: three sites, free space, one block of buildings."""

from __future__ import annotations

import numpy as np

from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.model.config import NetworkConfig
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.radio_map import RadioMap
from rayfix.scene.cell import Cell
from rayfix.scene.scene import Extent, Scene

EXTENT = Extent(x_min_m=-64, x_max_m=64, y_min_m=-64, y_max_m=64)
CELLS = tuple(
    Cell(cell_id=f"{site}-{s}", site_id=site, x_m=x, y_m=y, z_m=20, bearing_deg=120 * s)
    for site, x, y in (("A", -70.0, -50.0), ("B", 70.0, -40.0), ("C", 0.0, 75.0))
    for s in range(3)
)
SMALL = NetworkConfig(
    width=32, heads=2, radio_layers=2, map_layers=1, cross_layers=2, queries=2,
    feed_forward=48, dropout=0.0, rows=8, columns=8, top_k=5, trust_hidden=8,
)  # fmt: skip


def paths(xy_m_N2: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Path gain [dB], time of flight [ns], bearing at the cell [deg]; each [N, C]."""
    at = np.array([(c.x_m, c.y_m, c.z_m) for c in CELLS])
    dx, dy = (xy_m_N2[:, None, i] - at[:, i] for i in (0, 1))
    distance = np.sqrt(dx**2 + dy**2 + (at[:, 2] - 1.5) ** 2)
    bearing = np.degrees(np.arctan2(dx, dy)) % 360
    off = np.radians(bearing - np.array([c.bearing_deg for c in CELLS]))
    gain = -20 * np.log10(distance) - 43.3 + 8 * np.cos(off)
    return gain, distance / 0.299792458, bearing


def town_map(cells: tuple[Cell, ...] = CELLS, resolution_m: float = 2.0) -> RadioMap:
    """Radio map of the town; the sector behind a site's back has no path, nor has the block."""
    x, y = EXTENT.pixel_centres(resolution_m)
    points = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    order = [CELLS.index(cell) for cell in cells]
    gain, toa, aoa = (p[:, order].T.reshape(len(cells), len(y), len(x)) for p in paths(points))
    height = np.zeros((len(y), len(x)), np.float32)
    height[np.ix_((y > 10) & (y < 30), (x > 10) & (x < 40))] = 15.0
    reached = (gain > gain.min() + 4) & (height == 0)
    values = {
        "path_gain": gain, "toa": toa, "aoa": aoa, "snr": gain + 130, "sinr": gain + 90,
        "throughput": np.full_like(gain, 100.0), "bler": np.full_like(gain, 0.1),
    }  # fmt: skip
    return RadioMap(
        scene=Scene(
            name="town", title="Town", geometry="builtin:none", origin_lat_deg=48.0,
            origin_lon_deg=11.0, extent=EXTENT,
        ),
        cells=cells, x_m=x, y_m=y,
        features={k: np.where(reached, v, np.nan).astype(np.float32) for k, v in values.items()},
        building_height_m=height,
    )  # fmt: skip


def town_maps(cells: tuple[Cell, ...] = CELLS) -> MapTensors:
    """`town_map` as tensors."""
    return MapTensors.from_radio_map(town_map(cells))


def draw(
    count: int, reports: int, seed: int, heard: int = 6, noise: float = 1.0
) -> tuple[ReportBatch, np.ndarray]:
    """Reports at random outdoor places with errors of 1 dB, 5 ns and 2 deg times `noise`, and the
    truth [B, 2]."""
    random = np.random.default_rng(seed)
    xy = random.uniform(-60, 60, (4 * count, 2))
    inside = (xy[:, 0] > 8) & (xy[:, 0] < 42) & (xy[:, 1] > 8) & (xy[:, 1] < 32)
    xy = xy[~inside][:count]
    gain, toa, aoa = paths(xy)
    values = np.full((count, reports, heard, len(QUANTITIES)), np.nan, np.float32)
    cell = np.argsort(-gain, axis=1)[:, :heard]
    cell_BTN = np.repeat(cell[:, None], reports, axis=1)
    shape = (count, reports, heard)
    for name, exact, sigma in (
        ("rsrp_dbm", gain, 1.0),
        ("toa_ns", toa, 5.0),
        ("aoa_deg", aoa, 2.0),
    ):
        if name == "rsrp_dbm":
            exact = exact + np.array([c.energy_per_resource_element_dbm for c in CELLS])
        picked = np.take_along_axis(exact, cell, 1)[:, None]
        values[..., QUANTITIES.index(name)] = picked + noise * sigma * random.standard_normal(shape)
    values[random.random(values.shape) < 0.1] = np.nan
    values[..., QUANTITIES.index("rsrp_dbm")] = np.where(
        np.isnan(values).all(-1), -90.0, values[..., QUANTITIES.index("rsrp_dbm")]
    )
    time = np.repeat(0.2 * np.arange(reports, dtype=np.float32)[None], count, 0)
    return ReportBatch(cell_BTN, values, time), xy
