"""A small analytic town: two sites in free space, one building, one shadow without any path."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import FeatureNoise, NoiseModel
from rayfix.physics.observation import Observation, observe
from rayfix.physics.report_features import ReportTensors
from rayfix.radio_map.radio_map import RadioMap
from rayfix.scene.cell import Cell
from rayfix.scene.scene import Extent, Scene

SITES = (("A", -40.0, -30.0, 200.0), ("B", 45.0, -20.0, 300.0), ("C", 0.0, 50.0, 90.0))
CELLS = tuple(
    Cell(cell_id=name, site_id=name, x_m=x, y_m=y, z_m=20.0, bearing_deg=bearing)
    for name, x, y, bearing in SITES
)
EPRE_DBM = CELLS[0].energy_per_resource_element_dbm


def free_space(xy_m_N2: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Path gain [dB] at 3.5 GHz, time of flight [ns] and bearing at the cell [deg], each [N, C]."""
    site = np.array([(c.x_m, c.y_m, c.z_m) for c in CELLS])
    dx, dy = xy_m_N2[:, None, 0] - site[:, 0], xy_m_N2[:, None, 1] - site[:, 1]
    distance = np.sqrt(dx**2 + dy**2 + (site[:, 2] - 1.5) ** 2)
    gain = 20.0 * np.log10(299_792_458.0 / (4.0 * np.pi * 3.5e9 * distance))
    return gain, distance / 0.299792458, np.degrees(np.arctan2(dx, dy)) % 360.0


@pytest.fixture(scope="session")
def town() -> RadioMap:
    """80 m x 80 m at 2 m; a building in the north-east; cell C has no path in the south-west."""
    extent = Extent(x_min_m=-40, x_max_m=40, y_min_m=-40, y_max_m=40)
    x, y = extent.pixel_centres(2.0)
    points = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    gain, toa, aoa = (p.T.reshape(len(CELLS), len(y), len(x)) for p in free_space(points))
    height = np.zeros((len(y), len(x)), np.float32)
    height[np.ix_((y > 10) & (y < 24), (x > 10) & (x < 30))] = 12.0
    path = np.repeat((height == 0)[None], len(CELLS), 0)
    path[2] &= ~np.logical_and.outer(y < -20, x < -20)
    values = {
        "path_gain": gain, "toa": toa, "aoa": aoa, "snr": gain + 129.0, "sinr": gain + 90.0,
        "throughput": gain + 200.0, "bler": np.full_like(gain, 0.1),
    }  # fmt: skip
    scene = Scene(
        name="town", title="Town", geometry="builtin:none", origin_lat_deg=48.0,
        origin_lon_deg=11.0, extent=extent,
    )  # fmt: skip
    features = {k: np.where(path, v, np.nan).astype(np.float32) for k, v in values.items()}
    return RadioMap(scene, CELLS, x, y, features, height)


@pytest.fixture(scope="session")
def maps(town: RadioMap) -> MapTensors:
    return MapTensors.from_radio_map(town)


@pytest.fixture(scope="session")
def noise() -> NoiseModel:
    """Small errors with heavy tails."""
    flat = {"outlier_share": 0.02}
    return NoiseModel(
        path_gain=FeatureNoise(
            independent=1.0, common=0.5, degrees_of_freedom=5, outlier_span=60, **flat
        ),
        toa=FeatureNoise(
            independent=6.0, common=2.0, degrees_of_freedom=3, outlier_span=1000, **flat
        ),
        timing_advance=FeatureNoise(independent=6.0, common=2.0),
        aoa=FeatureNoise(
            independent=3.0, common=0.5, degrees_of_freedom=3, outlier_span=360, **flat
        ),
        sinr=FeatureNoise(independent=1.5),
        throughput=FeatureNoise(independent=50.0),
        bler=FeatureNoise(independent=0.1),
    )


def report_batch(
    xy_m_BT2: np.ndarray, sigma: tuple[float, float, float] = (0.0, 0.0, 0.0), seed: int = 0
) -> ReportBatch:
    """RSRP, ToA and AoA of every cell at every place, with Gaussian errors."""
    random = np.random.default_rng(seed)
    batch, times, _ = xy_m_BT2.shape
    values = np.full((batch, times, len(CELLS), len(QUANTITIES)), np.nan, np.float32)
    names, exact = ("rsrp_dbm", "toa_ns", "aoa_deg"), free_space(xy_m_BT2.reshape(-1, 2))
    for name, value, error in zip(names, exact, sigma, strict=True):
        offset = EPRE_DBM if name == "rsrp_dbm" else 0.0
        drawn = value.reshape(values.shape[:3]) + offset
        values[..., QUANTITIES.index(name)] = drawn + error * random.standard_normal(drawn.shape)
    cell = np.broadcast_to(np.arange(len(CELLS)), values.shape[:3]).copy()
    time = np.broadcast_to(0.2 * np.arange(times, dtype=np.float32), (batch, times)).copy()
    return ReportBatch(cell, values, time)


Observe = Callable[..., Observation]


@pytest.fixture(scope="session")
def observed(maps: MapTensors, noise: NoiseModel) -> Observe:
    """Observation of phones at places [B, 2] or [B, T, 2]."""

    def build(
        xy_m: np.ndarray | list[list[float]],
        sigma: tuple[float, float, float] = (0.0, 0.0, 0.0),
        seed: int = 0,
    ) -> Observation:
        places = np.asarray(xy_m, np.float64)
        places = places[:, None] if places.ndim == 2 else places
        batch = report_batch(places, sigma, seed)
        return observe(ReportTensors.from_batch(batch), maps, noise)

    return build


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
