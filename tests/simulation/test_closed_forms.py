"""Maps and exact paths against closed forms: free space, two rays over ground, terrain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from rayfix.errors import InvalidInputError
from rayfix.scene.cell import Cell
from rayfix.scene.materials import THICKNESS_M
from rayfix.scene.mesh import Mesh, prism
from rayfix.scene.mesh_files import write_geometry
from rayfix.scene.scene import Extent, Scene
from rayfix.simulation.exact_paths import PathsConfig, exact_paths
from rayfix.simulation.map_solver import PropagationMap, SolverConfig, solve_map
from rayfix.simulation.world import World
from rayfix.units import SPEED_OF_LIGHT_M_S

CARRIER_HZ = 3.5e9
WAVELENGTH_M = SPEED_OF_LIGHT_M_S / CARRIER_HZ
SITE_M = np.array([0.0, 0.0, 20.0])
UE_M = 1.5
CELL = Cell(cell_id="a", site_id="s", x_m=0.0, y_m=0.0, z_m=20.0, bearing_deg=90.0)
EXTENT = Extent(x_min_m=10, x_max_m=110, y_min_m=-50, y_max_m=50)
X_M, Y_M = EXTENT.pixel_centres(5.0)
CENTRE_X, CENTRE_Y = np.meshgrid(X_M, Y_M)


def scene_over(folder: Path, slope: float = 0.0, walls: Mesh | None = None) -> Scene:
    """Ground of concrete that rises to the east, and walls upon it."""
    corners = np.array([[-300.0, -300, 0], [300, -300, 0], [300, 300, 0], [-300, 300, 0]])
    corners[:, 2] = slope * corners[:, 0]
    ground = Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]]))
    write_geometry(folder, {"concrete": walls} if walls else {}, ground)
    return Scene(
        name="plain", title="Plain", geometry="geometry.xml", origin_lat_deg=0, origin_lon_deg=0,
        extent=EXTENT, ground_mesh="ground" if slope else "",
    )  # fmt: skip


def traced(folder: Path, scene: Scene, seed: int = 1, **options: object) -> PropagationMap:
    config = SolverConfig(**{"max_depth": 1, "diffraction": False, **options})  # type: ignore[arg-type]
    return solve_map(scene, [CELL], X_M, Y_M, config=config, seed=seed, folder=folder)


def element_gain(way: np.ndarray) -> np.ndarray:
    """Power gain of the element toward directions [..., 3] (TR 38.901, table 7.3-1), facing east
    without tilt."""
    distance = np.linalg.norm(way, axis=-1)
    zenith = np.degrees(np.arccos(way[..., 2] / distance))
    azimuth = np.degrees(np.arctan2(way[..., 1], way[..., 0]))
    loss = np.minimum(12 * ((zenith - 90) / 65) ** 2, 30) + np.minimum(12 * (azimuth / 65) ** 2, 30)
    return 10 ** ((8.0 - np.minimum(loss, 30.0)) / 10)


def free_space(way: np.ndarray) -> np.ndarray:
    """Path gain over vectors [..., 3] (ITU-R P.525)."""
    distance = np.linalg.norm(way, axis=-1)
    return element_gain(way) * (WAVELENGTH_M / (4 * np.pi * distance)) ** 2


def slab_reflection(cosine: np.ndarray) -> np.ndarray:
    """|reflection coefficient|^2 of a concrete slab, field in the plane of incidence
    (ITU-R P.2040-3, 2.2.2.1)."""
    permittivity = 5.24 - 17.98j * 0.0462 * (CARRIER_HZ / 1e9) ** 0.7822 / (CARRIER_HZ / 1e9)
    inside = np.sqrt(permittivity - (1 - cosine**2))
    surface = (permittivity * cosine - inside) / (permittivity * cosine + inside)
    phase = np.exp(-2j * 2 * np.pi * THICKNESS_M / WAVELENGTH_M * inside)
    return np.abs(surface * (1 - phase) / (1 - surface**2 * phase)) ** 2


DIRECT = np.stack([CENTRE_X, CENTRE_Y, np.full(CENTRE_X.shape, UE_M)], axis=-1) - SITE_M
MIRRORED = DIRECT - [0.0, 0.0, 2 * UE_M]


def test_free_space(tmp_path: Path) -> None:
    found = traced(tmp_path, scene_over(tmp_path), max_depth=0, rays_per_site=8)
    expected = 10 * np.log10(free_space(DIRECT))
    np.testing.assert_allclose(found.path_gain_db[0], expected, atol=0.01)
    delay_ns = np.linalg.norm(DIRECT, axis=-1) / SPEED_OF_LIGHT_M_S * 1e9
    np.testing.assert_allclose(found.toa_ns[0], delay_ns, atol=0.01)
    np.testing.assert_allclose(found.toa_mean_ns[0], delay_ns, atol=0.01)
    assert (found.los == 1).all()
    assert (found.path_gain_stderr_db == 0).all()
    assert np.nanmax(found.aoa_spread_deg) < 0.1
    bearing = np.degrees(np.arctan2(CENTRE_X, CENTRE_Y))
    np.testing.assert_allclose(found.aoa_deg[0], bearing, atol=0.01)


def test_two_rays_over_ground(tmp_path: Path) -> None:
    scene = scene_over(tmp_path)
    found = traced(tmp_path, scene, rays_per_site=400_000)
    cosine = -MIRRORED[..., 2] / np.linalg.norm(MIRRORED, axis=-1)
    reflected = free_space(MIRRORED) * slab_reflection(cosine)
    expected = 10 * np.log10(free_space(DIRECT) + reflected)
    np.testing.assert_allclose(found.path_gain_db[0], expected, atol=0.2)
    delay_ns = np.linalg.norm(DIRECT, axis=-1) / SPEED_OF_LIGHT_M_S * 1e9
    np.testing.assert_allclose(found.toa_ns[0], delay_ns, atol=0.5)
    xy_m = np.column_stack([CENTRE_X.ravel(), CENTRE_Y.ravel()])
    exact = exact_paths(World(scene, tmp_path), [CELL], xy_m, config=PathsConfig(1, False, 20_000))
    np.testing.assert_allclose(exact.path_gain_db[:, 0], expected.ravel(), atol=0.01)
    np.testing.assert_allclose(exact.toa_ns[:, 0], delay_ns.ravel(), atol=0.01)


def test_terrain_carries_the_receivers(tmp_path: Path) -> None:
    """A plane that rises by 10 %: UEs stand above it, and it mirrors like level ground."""
    scene = scene_over(tmp_path, slope=0.1)
    world = World(scene, tmp_path)
    np.testing.assert_allclose(world.receiver_height_m([50.0], [0.0]), 5.0 + UE_M, atol=1e-4)
    assert (world.building_height_m(CENTRE_X, CENTRE_Y) == 0).all()
    found = traced(tmp_path, scene, rays_per_site=400_000)
    way = DIRECT + 0.1 * CENTRE_X[..., None] * [0.0, 0.0, 1.0]
    normal = np.array([-0.1, 0.0, 1.0]) / np.hypot(0.1, 1.0)
    image = SITE_M - 2 * (SITE_M @ normal) * normal
    mirrored = np.linalg.norm(way + SITE_M - image, axis=-1)
    direct = np.linalg.norm(way, axis=-1)
    np.testing.assert_allclose(found.toa_ns[0], direct / SPEED_OF_LIGHT_M_S * 1e9, atol=0.5)
    xy_m = np.column_stack([CENTRE_X.ravel(), CENTRE_Y.ravel()])
    exact = exact_paths(world, [CELL], xy_m, config=PathsConfig(1, False, 20_000))
    np.testing.assert_allclose(found.path_gain_db[0].ravel(), exact.path_gain_db[:, 0], atol=0.2)
    # Two paths: their powers follow from K, so their delays give the spread.
    share = 1 / (1 + 10 ** (exact.k_factor_db[:, 0] / 10))
    spread = np.sqrt(share * (1 - share)) * (mirrored - direct).ravel() / SPEED_OF_LIGHT_M_S * 1e9
    np.testing.assert_allclose(exact.rms_delay_spread_ns[:, 0], spread, atol=0.01)


def test_the_stated_error_is_the_scatter_over_seeds(tmp_path: Path) -> None:
    scene = scene_over(tmp_path)
    runs = [traced(tmp_path, scene, seed, rays_per_site=6_000) for seed in range(12)]
    power = np.stack([10 ** (run.path_gain_db[0].astype(float) / 10) for run in runs])
    stated = np.stack([run.path_gain_stderr_db[0] for run in runs]) * power * np.log(10) / 10
    mean = power.mean(axis=0)
    ratio = (power.var(axis=0, ddof=1) / mean**2).mean() / (stated**2 / mean**2).mean()
    assert np.sqrt(ratio) == pytest.approx(1.0, abs=0.2)


def test_rays_follow_from_the_wanted_error(tmp_path: Path) -> None:
    scene = scene_over(tmp_path)
    pilot = traced(tmp_path, scene, rays_per_site=8_000)
    error = np.percentile(pilot.path_gain_stderr_db, 90)
    wanted = traced(tmp_path, scene, rays_per_site=8_000, target_db=float(error) / 3)
    assert pilot.rays_per_site == (8_000,)
    assert wanted.rays_per_site == (72_000,)
    assert np.percentile(wanted.path_gain_stderr_db, 90) == pytest.approx(error / 3, rel=0.25)


def test_waves_pass_through_walls_on_request(tmp_path: Path) -> None:
    hall = prism(shapely.box(40.0, -400.0, 60.0, 400.0), 0.0, 30.0)
    scene = scene_over(tmp_path, walls=hall)
    behind = CENTRE_X > 62
    without = traced(tmp_path, scene, max_depth=3, rays_per_site=40_000)
    assert np.isnan(without.path_gain_db[0][behind]).all()
    through = traced(tmp_path, scene, max_depth=3, rays_per_site=400_000, refraction=True)
    assert np.isfinite(through.path_gain_db[0][behind]).mean() > 0.95
    assert (through.los[0][behind & np.isfinite(through.los[0])] == 0).all()
    delay_ns = np.linalg.norm(DIRECT, axis=-1) / SPEED_OF_LIGHT_M_S * 1e9
    late = (through.toa_ns[0] - delay_ns)[behind]
    assert np.nanmedian(late) < 0.5
    loss_db = (10 * np.log10(free_space(DIRECT)) - through.path_gain_db[0])[behind]
    assert 5 < np.nanmedian(loss_db) < 60


def test_diffuse_scattering_takes_from_the_mirror(tmp_path: Path) -> None:
    scene = scene_over(tmp_path)
    smooth = traced(tmp_path, scene, rays_per_site=40_000)
    rough = traced(tmp_path, scene, rays_per_site=40_000, scattering_coefficient=1.0)
    direct = 10 * np.log10(free_space(DIRECT))
    # No specular path is left: the first arrival is the direct one, and little power scatters.
    np.testing.assert_allclose(rough.toa_ns, smooth.toa_ns, atol=1e-3)
    assert (rough.path_gain_db[0] >= direct - 1e-3).all()
    assert rough.path_gain_db.mean() < smooth.path_gain_db.mean()
    assert rough.delay_spread_ns.mean() > 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"scattering_coefficient": 1.5}, "scattering_coefficient"),
        ({"target_db": 0.0}, "target_db"),
        ({"rays_per_site": 7}, "rays_per_site"),
    ],
)
def test_bad_options_are_refused(options: dict[str, float], named: str) -> None:
    with pytest.raises(InvalidInputError, match=named):
        SolverConfig(**options)  # type: ignore[arg-type]
