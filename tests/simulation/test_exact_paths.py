"""Exact paths against closed forms and against Sionna RT's own path solver."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rayfix.errors import InvalidInputError
from rayfix.scene.cell import Cell
from rayfix.scene.detection import PATH_RANGE_DB, least_path_gain_db
from rayfix.scene.scene import Extent, Scene
from rayfix.simulation.antenna import orientation_rad
from rayfix.simulation.exact_paths import PathFeatures, PathsConfig, exact_paths, site_paths
from rayfix.simulation.path_list import PathKind
from rayfix.simulation.world import World
from rayfix.units import SPEED_OF_LIGHT_M_S

QUICK = PathsConfig(max_depth=3, rays_per_site=100_000)


def load(geometry: str) -> World:
    extent = Extent(x_min_m=-60, x_max_m=60, y_min_m=-60, y_max_m=60)
    return World(
        Scene(
            name="small", title="Small", geometry=geometry, origin_lat_deg=48.0,
            origin_lon_deg=11.0, extent=extent,
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def canyon() -> World:
    return load("builtin:simple_street_canyon")


def sector(name: str, bearing_deg: float, **changes: object) -> Cell:
    fields: dict[str, object] = {
        "cell_id": name, "site_id": "s", "x_m": -32.0, "y_m": 3.0, "z_m": 24.0,
        "bearing_deg": bearing_deg, "downtilt_deg": 8.0,
    }  # fmt: skip
    return Cell.model_validate(fields | changes)


PLACES = np.array([[-20.0, 1.0], [0.0, -4.0], [21.0, 2.5], [36.0, -1.0], [8.0, -5.0]])


def sionna_features(world: World, cell: Cell) -> dict[str, list[float]]:
    """Path gain [dB], time of arrival [ns] and strongest departure [deg] with the real antenna."""
    import mitsuba as mi
    from sionna.rt import PathSolver, PlanarArray, Receiver, Transmitter

    scene = world.sionna
    scene.tx_array = PlanarArray(num_rows=1, num_cols=1, pattern="tr38901", polarization="V")
    scene.rx_array = PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="VH")
    scene.add(
        Transmitter(
            "tx",
            position=mi.Point3f(cell.x_m, cell.y_m, cell.z_m),
            orientation=mi.Point3f(*orientation_rad(cell)),
        )
    )
    for number, (x, y) in enumerate(PLACES.tolist()):
        scene.add(Receiver(f"rx{number}", position=mi.Point3f(x, y, world.scene.ue_height_m)))
    paths = PathSolver()(
        scene, max_depth=3, samples_per_src=300_000, refraction=False, diffraction=False
    )
    for name in [*scene.transmitters, *scene.receivers]:
        scene.remove(name)
    real, imaginary = paths.a
    gain = (real.numpy() ** 2 + imaginary.numpy() ** 2).sum(axis=(1, 3))[:, 0]
    delay, azimuth = paths.tau.numpy()[:, 0], paths.phi_t.numpy()[:, 0]
    horizontal = gain * np.sin(paths.theta_t.numpy()[:, 0])
    features: dict[str, list[float]] = {"path_gain_db": [], "toa_ns": [], "aoa_deg": []}
    for row in range(len(PLACES)):
        detectable = gain[row] >= gain[row].max() * 10 ** (-PATH_RANGE_DB / 10)
        east = (horizontal[row] * np.cos(azimuth[row])).sum()
        north = (horizontal[row] * np.sin(azimuth[row])).sum()
        features["path_gain_db"].append(10 * math.log10(gain[row].sum()))
        features["toa_ns"].append(delay[row][detectable].min() * 1e9)
        features["aoa_deg"].append(math.degrees(math.atan2(east, north)) % 360)
    return features


@pytest.mark.parametrize("bearing_deg", [90.0, 210.0])
def test_sectors_equal_sionna_with_the_real_antenna(canyon: World, bearing_deg: float) -> None:
    cell = sector("a", bearing_deg)
    found = exact_paths(canyon, [cell], PLACES, config=PathsConfig(3, False, 200_000))
    for name, expected in sionna_features(canyon, cell).items():
        np.testing.assert_allclose(
            getattr(found, name)[:, 0], expected, atol=0.02, err_msg=name, rtol=1e-4
        )


def test_free_line_of_sight_is_friis(canyon: World) -> None:
    cell = sector("a", 90.0, downtilt_deg=0.0)
    paths = site_paths(
        canyon, (cell.x_m, cell.y_m, cell.z_m), PLACES, seed=1, config=PathsConfig(0, False, 1000)
    )
    assert set(paths.kind) == {PathKind.LINE_OF_SIGHT}
    way = np.column_stack([PLACES, np.full(len(PLACES), 1.5)])[paths.receiver] - [-32.0, 3.0, 24.0]
    distance = np.linalg.norm(way, axis=1)
    np.testing.assert_allclose(paths.delay_s, distance / SPEED_OF_LIGHT_M_S, rtol=1e-6)
    np.testing.assert_allclose(paths.departure, way / distance[:, None], atol=1e-6)
    gain = np.abs(paths.response[:, 0, 0]) ** 2  # theta-hat stays theta-hat
    np.testing.assert_allclose(
        10 * np.log10(gain), 20 * np.log10(canyon.wavelength_m / (4 * np.pi * distance)), atol=1e-3
    )


def test_single_diffraction_equals_sionna() -> None:
    import mitsuba as mi
    from sionna.rt import PathSolver, PlanarArray, Receiver, Transmitter

    world = load("builtin:simple_wedge")
    site, places = (-20.0, -10.0, 8.0), np.array([[20.0, 5.0], [30.0, 1.0], [-10.0, 15.0]])
    paths = site_paths(world, site, places, seed=1, config=PathsConfig(0, True, 1000))
    paths = paths.select(paths.kind == PathKind.DIFFRACTION)
    scene = world.sionna
    scene.tx_array = PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="VH")
    scene.rx_array = scene.tx_array
    scene.add(Transmitter("tx", position=mi.Point3f(*site)))
    for number, (x, y) in enumerate(places.tolist()):
        scene.add(Receiver(f"rx{number}", position=mi.Point3f(x, y, world.scene.ue_height_m)))
    theirs = PathSolver()(
        scene, max_depth=1, los=False, specular_reflection=False, refraction=False,
        diffraction=True, samples_per_src=200_000,
    )  # fmt: skip
    real, imaginary = theirs.a
    gain = (real.numpy() ** 2 + imaginary.numpy() ** 2).sum(axis=(1, 3))[:, 0]
    assert sorted(paths.receiver) == [0, 1, 2]
    ours = np.bincount(
        paths.receiver, weights=(np.abs(paths.response) ** 2).sum(axis=(1, 2)), minlength=3
    )
    np.testing.assert_allclose(ours, gain.sum(axis=1), rtol=1e-3)
    delay = np.sort(theirs.tau.numpy()[theirs.valid.numpy()])
    np.testing.assert_allclose(np.sort(paths.delay_s), delay, rtol=1e-5)


def test_undetected_cells_have_no_path(canyon: World) -> None:
    loud, faint = sector("a", 90.0), sector("b", 90.0, power_dbm=-30.0)
    found = exact_paths(canyon, [loud, faint], PLACES, config=QUICK)
    heard = found.path_gain_db[:, 0] >= least_path_gain_db([faint])[0]
    assert np.isfinite(found.path_gain_db[:, 0]).all()
    np.testing.assert_array_equal(np.isfinite(found.toa_ns[:, 1]), heard)
    assert not found.los[~heard, 1].any()


def test_batches_and_order_do_not_matter(canyon: World) -> None:
    cells = [sector("a", 90.0), sector("b", 210.0)]
    whole = exact_paths(canyon, cells, PLACES, config=QUICK)
    parts = exact_paths(
        canyon, cells, PLACES[::-1], config=PathsConfig(3, True, 100_000, receivers_per_batch=3)
    )
    np.testing.assert_allclose(parts.path_gain_db[::-1], whole.path_gain_db, atol=0.01)
    np.testing.assert_allclose(parts.toa_ns[::-1], whole.toa_ns, atol=0.01)


def test_no_receivers_and_bad_positions(canyon: World) -> None:
    found = exact_paths(canyon, [sector("a", 0.0)], np.zeros((0, 2)), config=QUICK)
    assert isinstance(found, PathFeatures)
    assert found.path_gain_db.shape == (0, 1)
    with pytest.raises(InvalidInputError, match="xy_m"):
        exact_paths(canyon, [sector("a", 0.0)], [[np.nan, 0.0]], config=QUICK)
    with pytest.raises(InvalidInputError, match="cells"):
        exact_paths(canyon, [], PLACES, config=QUICK)
