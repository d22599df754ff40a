"""Three sectors on each of three masts in the open: maps and drive tests in closed form."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap
from rayfix.scene.cell import Cell
from rayfix.scene.scene import Extent, Scene

Float64 = npt.NDArray[np.float64]

EXTENT = Extent(x_min_m=-150, x_max_m=150, y_min_m=-150, y_max_m=150)
MASTS = {"A": (-90.0, -80.0), "B": (100.0, -60.0), "C": (0.0, 110.0)}


def cells() -> tuple[Cell, ...]:
    """The site list."""
    return tuple(
        Cell(
            cell_id=f"{site}-{sector}", site_id=site, x_m=x, y_m=y, z_m=25.0,
            bearing_deg=120.0 * sector + 20.0, downtilt_deg=6.0,
        )
        for site, (x, y) in MASTS.items()
        for sector in range(3)
    )  # fmt: skip


def element_dbi(cell: Cell, xyz: Float64) -> float:
    """TR 38.901, table 7.3-1, in plain Python."""
    bearing, tilt = math.radians(cell.bearing_deg), math.radians(cell.downtilt_deg)
    boresight = np.array([math.sin(bearing) * math.cos(tilt), math.cos(bearing) * math.cos(tilt)])
    boresight = np.array([*boresight, -math.sin(tilt)])
    left = np.array([-math.cos(bearing), math.sin(bearing), 0.0])
    top = np.cross(boresight, left)
    vertical = math.degrees(math.asin(float(xyz @ top)))
    across = math.degrees(math.atan2(float(xyz @ left), float(xyz @ boresight)))
    loss = min(12 * (vertical / 65) ** 2, 30.0) + min(12 * (across / 65) ** 2, 30.0)
    return 8.0 - min(loss, 30.0)


def path_gain_db(cell: Cell, xy_m_N2: Float64) -> Float64:
    """Free space with the sector's pattern, [N]."""
    way = np.column_stack([xy_m_N2 - [cell.x_m, cell.y_m], np.full(len(xy_m_N2), 1.5 - cell.z_m)])
    distance = np.linalg.norm(way, axis=1)
    gain = [element_dbi(cell, unit) for unit in way / distance[:, None]]
    return np.asarray(gain) + 20.0 * np.log10(299_792_458.0 / (4 * np.pi * 3.5e9 * distance))


def town(resolution_m: float = 10.0) -> RadioMap:
    """The map of the site list."""
    x_m, y_m = EXTENT.pixel_centres(resolution_m)
    points = np.stack(np.meshgrid(x_m, y_m), -1).reshape(-1, 2)
    listed, shape = cells(), (len(y_m), len(x_m))
    away = points[None] - np.array([[c.x_m, c.y_m] for c in listed])[:, None]
    distance = np.sqrt((away**2).sum(-1) + 23.5**2)
    values = {name: np.zeros((len(listed), *shape)) for name in FEATURE_NAMES}
    values["path_gain"] = np.stack([path_gain_db(c, points) for c in listed]).reshape(-1, *shape)
    values["toa"] = (distance / 0.299792458).reshape(-1, *shape)
    bearing = np.degrees(np.arctan2(away[..., 0], away[..., 1])) % 360.0
    values["aoa"] = bearing.reshape(-1, *shape)
    scene = Scene(
        name="open", title="Open", geometry="builtin:none", origin_lat_deg=48.0,
        origin_lon_deg=11.0, extent=EXTENT,
    )  # fmt: skip
    features = {name: value.astype(np.float32) for name, value in values.items()}
    return RadioMap(scene, listed, x_m, y_m, features, np.zeros(shape, np.float32))


def places(count: int, seed: int) -> Float64:
    """Uniform places, away from the border."""
    return np.random.default_rng(seed).uniform(-135, 135, (count, 2))


def reports(real: tuple[Cell, ...], xy_m_N2: Float64, noise_db: float, seed: int) -> ReportBatch:
    """RSRP of every cell as it really is, one report a place."""
    random = np.random.default_rng(seed)
    values = np.full((len(xy_m_N2), 1, len(real), len(QUANTITIES)), np.nan, np.float32)
    for index, cell in enumerate(real):
        rsrp = path_gain_db(cell, xy_m_N2) + cell.energy_per_resource_element_dbm
        rsrp = rsrp + noise_db * random.standard_normal(len(rsrp))
        values[:, 0, index, QUANTITIES.index("rsrp_dbm")] = rsrp
    order = np.broadcast_to(np.arange(len(real)), values.shape[:3]).copy()
    return ReportBatch(order, values, np.zeros(values.shape[:2], np.float32))


def altered(**changes: dict[str, float]) -> tuple[Cell, ...]:
    """The real cells: what `changes` adds to the site list, by cell id with _ for -."""
    wanted = {name.replace("_", "-"): added for name, added in changes.items()}
    return tuple(
        cell.model_copy(
            update={key: getattr(cell, key) + v for key, v in wanted.get(cell.cell_id, {}).items()}
        )
        for cell in cells()
    )
