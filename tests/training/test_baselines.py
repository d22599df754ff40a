from __future__ import annotations

import numpy as np
import pytest
import torch

from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.physics.likelihood_grid import likelihood_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import FeatureNoise, NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.report_features import ReportTensors
from rayfix.radio_map.radio_map import RadioMap
from rayfix.scene.cell import Cell
from rayfix.scene.scene import Extent, Scene
from rayfix.training.baselines import Fingerprint, strongest_cell_centroid

CELLS = (
    Cell(cell_id="W", site_id="W", x_m=-30, y_m=0, z_m=20, bearing_deg=90),
    Cell(cell_id="E", site_id="E", x_m=30, y_m=0, z_m=20, bearing_deg=270),
)
ZERO = FeatureNoise(independent=1.0)
NOISE = NoiseModel(
    path_gain=FeatureNoise(independent=1.0), toa=FeatureNoise(independent=10.0),
    timing_advance=ZERO, aoa=FeatureNoise(independent=3.0), sinr=ZERO, throughput=ZERO, bler=ZERO,
)  # fmt: skip


@pytest.fixture(scope="module")
def maps() -> MapTensors:
    """Gain falls linearly with the distance along x; the east cell does not reach x < -10."""
    extent = Extent(x_min_m=-20, x_max_m=20, y_min_m=-10, y_max_m=10)
    x, y = extent.pixel_centres(2.0)
    grid_x, grid_y = np.meshgrid(x, y)
    distance = np.stack([grid_x + 30, 30 - grid_x])
    bearing = np.degrees(np.arctan2([grid_x + 30, grid_x - 30], [grid_y, grid_y])) % 360
    values = {name: np.zeros_like(distance) for name in ("snr", "sinr", "throughput", "bler")}
    values |= {"path_gain": -60.0 - distance, "toa": distance / 0.3, "aoa": bearing}
    path = np.stack([np.ones_like(grid_x, bool), grid_x > -10])
    features = {k: np.where(path, v, np.nan).astype(np.float32) for k, v in values.items()}
    scene = Scene(
        name="lane", title="Lane", geometry="builtin:none", origin_lat_deg=48.0,
        origin_lon_deg=11.0, extent=extent,
    )  # fmt: skip
    radio_map = RadioMap(scene, CELLS, x, y, features, np.zeros(grid_x.shape, np.float32))
    return MapTensors.from_radio_map(radio_map)


def reports(rows: list[dict[int, tuple[float, float, float]]]) -> ReportTensors:
    """One report per sequence: cell index -> path gain, ToA, AoA."""
    values = np.full((len(rows), 1, 2, len(QUANTITIES)), np.nan, np.float32)
    cell = np.full((len(rows), 1, 2), -1, np.int64)
    epre = CELLS[0].energy_per_resource_element_dbm
    for b, row in enumerate(rows):
        for n, (index, (gain, toa, aoa)) in enumerate(row.items()):
            cell[b, 0, n] = index
            for name, value in (("rsrp_dbm", gain + epre), ("toa_ns", toa), ("aoa_deg", aoa)):
                values[b, 0, n, QUANTITIES.index(name)] = value
    time = np.zeros((len(rows), 1), np.float32)
    return ReportTensors.from_batch(ReportBatch(cell, values, time))


def test_the_centroid_is_that_of_what_the_strongest_cell_serves(maps: MapTensors) -> None:
    seen = observe(
        reports([{0: (-70.0, 30.0, 90.0), 1: (-90.0, 90.0, 270.0)}, {1: (-75.0, 60.0, 270.0)}]),
        maps,
        NOISE,
    )
    estimate = strongest_cell_centroid(seen, maps)
    # Each cell serves its half of the lane: the strongest one of sequence 0 is the western.
    torch.testing.assert_close(estimate.xy_m_B2[:, 0], torch.tensor([-10.0, 10.0]))
    torch.testing.assert_close(estimate.xy_m_B2[:, 1], torch.zeros(2), atol=1e-4, rtol=0)
    variance = torch.tensor([[2.0**2 * (10**2 - 1) / 12, 0.0], [0.0, 33.0]])
    torch.testing.assert_close(estimate.covariance_m2_B22[0], variance, atol=1e-3, rtol=1e-4)


def test_fingerprints_find_the_place(maps: MapTensors) -> None:
    grid = likelihood_grid(maps)
    place = (grid.xy_m_P2 - torch.tensor([7.0, 3.0])).norm(dim=-1).argmin()
    row = {c: tuple(grid.mean_CEP[c, :, place].tolist()) for c in range(2)}
    seen = observe(reports([row, {0: row[0]}]), maps, NOISE)  # type: ignore[list-item,dict-item]
    one = Fingerprint(neighbours=1).locate(seen, maps)
    torch.testing.assert_close(one.xy_m_B2, torch.tensor([[7.0, 3.0], [7.0, 3.0]]))
    five = Fingerprint(neighbours=5).locate(seen, maps, grid)
    assert ((five.xy_m_B2 - torch.tensor([7.0, 3.0])).norm(dim=-1) < 2.0).all()
    assert (torch.linalg.eigvalsh(five.covariance_m2_B22) > 2.0**2 / 12 - 1e-4).all()


def test_a_heard_cell_keeps_fingerprints_away_from_where_it_has_no_path(maps: MapTensors) -> None:
    """Gains alone fit x = -15 best, but the eastern cell does not reach there."""
    seen = observe(
        reports([{0: (-75.0, np.nan, np.nan), 1: (-100.0, np.nan, np.nan)}]), maps, NOISE
    )
    estimate = Fingerprint(neighbours=3, missing_distance=40.0).locate(seen, maps)
    assert estimate.xy_m_B2[0, 0] > -10.0


def test_a_silent_cell_keeps_fingerprints_away_from_where_it_has_a_path(maps: MapTensors) -> None:
    """The western cell alone, with a gain of x = -8: the eastern cell would be heard there."""
    seen = observe(reports([{0: (-81.5, np.nan, np.nan)}]), maps, NOISE)
    careless = Fingerprint(neighbours=1, silent_distance=0.0).locate(seen, maps)
    careful = Fingerprint(neighbours=1, silent_distance=3.0).locate(seen, maps)
    assert careless.xy_m_B2[0, 0] > -10.0 > careful.xy_m_B2[0, 0]
