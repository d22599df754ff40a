"""Maps against exact paths, against Sionna RT's radio map, and against themselves."""

from __future__ import annotations

import numpy as np
import pytest

from rayfix.errors import InvalidInputError
from rayfix.scene.cell import Cell
from rayfix.scene.detection import least_path_gain_db
from rayfix.scene.scene import Extent, Scene
from rayfix.simulation.antenna import orientation_rad
from rayfix.simulation.exact_paths import PathsConfig, exact_paths
from rayfix.simulation.map_solver import PropagationMap, SolverConfig, solve_map
from rayfix.simulation.world import World
from rayfix.units import wrap_deg

CONFIG = SolverConfig(max_depth=3, rays_per_site=300_000, rays_per_batch=150_000)
SCENE = Scene(
    name="canyon", title="Canyon", geometry="builtin:simple_street_canyon", origin_lat_deg=48.0,
    origin_lon_deg=11.0, extent=Extent(x_min_m=-40, x_max_m=40, y_min_m=-40, y_max_m=40),
)  # fmt: skip
X_M, Y_M = SCENE.extent.pixel_centres(2.0)


def sector(name: str, bearing_deg: float, **changes: object) -> Cell:
    fields: dict[str, object] = {
        "cell_id": name, "site_id": "s", "x_m": -32.0, "y_m": 3.0, "z_m": 24.0,
        "bearing_deg": bearing_deg, "downtilt_deg": 8.0,
    }  # fmt: skip
    return Cell.model_validate(fields | changes)


CELLS = (sector("a", 90.0), sector("b", 210.0))


@pytest.fixture(scope="module")
def solved() -> PropagationMap:
    return solve_map(SCENE, CELLS, X_M, Y_M, config=CONFIG, seed=3)


@pytest.fixture(scope="module")
def world() -> World:
    return World(SCENE)


def test_agrees_with_exact_paths_at_pixel_centres(solved: PropagationMap, world: World) -> None:
    columns, rows = np.meshgrid(np.arange(len(X_M)), np.arange(len(Y_M)))
    outdoor = np.flatnonzero(solved.building_height_m.ravel() == 0)
    chosen = np.random.default_rng(5).choice(outdoor, 150, replace=False)
    column, row = columns.ravel()[chosen], rows.ravel()[chosen]
    xy_m = np.column_stack([X_M[column], Y_M[row]])
    exact = exact_paths(world, CELLS, xy_m, config=PathsConfig(3, True, 100_000))
    heard = np.isfinite(exact.path_gain_db)
    agree = np.isfinite(solved.path_gain_db[:, row, column].T) == heard
    assert agree.mean() > 0.97
    assert heard.sum() > 100
    for name, median, spread, within, share in (
        ("path_gain_db", 0.1, 0.5, 2.0, 0.9),
        ("toa_ns", 0.2, 0.5, 2.0, 0.9),
        ("aoa_deg", 0.1, 0.5, 3.0, 0.9),
    ):
        difference = getattr(solved, name)[:, row, column].T - getattr(exact, name)
        if name == "aoa_deg":
            difference = wrap_deg(difference)
        difference = difference[np.isfinite(difference)]
        assert abs(np.median(difference)) < median, name
        deviation = np.abs(difference - np.median(difference))
        assert 1.4826 * np.median(deviation) < spread, name
        assert (np.abs(difference) < within).mean() > share, name


def test_total_power_equals_sionnas_radio_map(solved: PropagationMap, world: World) -> None:
    import mitsuba as mi
    from sionna.rt import PlanarArray, RadioMapSolver, Transmitter

    scene = world.sionna
    scene.tx_array = PlanarArray(num_rows=1, num_cols=1, pattern="tr38901", polarization="V")
    cell = CELLS[0]
    scene.add(
        Transmitter(
            "tx",
            position=mi.Point3f(cell.x_m, cell.y_m, cell.z_m),
            orientation=mi.Point3f(*orientation_rad(cell)),
        )
    )
    theirs = RadioMapSolver()(
        scene, center=mi.Point3f(0, 0, SCENE.ue_height_m), orientation=mi.Point3f(0),
        size=mi.Point2f(80, 80), cell_size=mi.Point2f(2, 2), samples_per_tx=2_000_000,
        max_depth=3, refraction=False, diffraction=False,
    ).path_gain.numpy()[0]  # fmt: skip
    scene.remove("tx")
    ours = solve_map(
        SCENE, [cell], X_M, Y_M,
        config=SolverConfig(3, False, rays_per_site=300_000), seed=3,
    )  # fmt: skip
    # Away from walls, where a pixel is partly indoors and Sionna RT averages over its whole area.
    open_air = solved.building_height_m == 0
    inner = open_air.copy()
    inner[1:-1, 1:-1] &= (
        open_air[:-2, 1:-1] & open_air[2:, 1:-1] & open_air[1:-1, :-2] & open_air[1:-1, 2:]
    )
    inner &= np.isfinite(ours.path_gain_db[0])
    difference = ours.path_gain_db[0][inner] - 10 * np.log10(theirs[inner])
    assert inner.sum() > 200
    assert abs(np.median(difference)) < 0.1
    assert np.median(np.abs(difference)) < 0.3


def test_same_seed_same_map_whatever_the_batches_of_cells(solved: PropagationMap) -> None:
    alone = solve_map(SCENE, CELLS[1:], X_M, Y_M, config=CONFIG, seed=3)
    for name, values in alone.arrays().items():
        whole = solved.arrays()[name]
        expected = whole if values.ndim == 2 else whole[1:]
        np.testing.assert_allclose(values, expected, rtol=1e-4, err_msg=name)
    other = solve_map(SCENE, CELLS[1:], X_M, Y_M, config=CONFIG, seed=4)
    assert (np.nan_to_num(other.path_gain_db) != np.nan_to_num(alone.path_gain_db)).any()


def test_no_path_indoors_and_below_the_floor(solved: PropagationMap) -> None:
    indoors = solved.building_height_m > 0
    assert indoors.any()
    assert np.isnan(solved.path_gain_db[:, indoors]).all()
    weak = sector("weak", 90.0, power_dbm=-10.0)
    faint = solve_map(SCENE, [weak], X_M, Y_M, config=CONFIG, seed=3)
    heard = np.isfinite(faint.path_gain_db[0])
    assert 0 < heard.sum() < np.isfinite(solved.path_gain_db[0]).sum()
    assert np.nanmin(faint.path_gain_db) >= least_path_gain_db([weak])[0]
    for values in (faint.toa_ns, faint.aoa_deg, faint.los, faint.delay_spread_ns):
        np.testing.assert_array_equal(np.isfinite(values[0]), heard)


def test_pixels_in_sight_have_the_direct_delay(solved: PropagationMap) -> None:
    cell = CELLS[0]
    way = np.sqrt(
        (X_M[None, :] - cell.x_m) ** 2
        + (Y_M[:, None] - cell.y_m) ** 2
        + (SCENE.ue_height_m - cell.z_m) ** 2
    )
    free = solved.los[0] == 1
    assert free.sum() > 100
    np.testing.assert_allclose(solved.toa_ns[0][free], way[free] / 0.299792458, rtol=1e-5)


def test_progress_ends_at_one_and_bad_input_is_refused() -> None:
    seen: list[float] = []
    tiny = SolverConfig(1, False, rays_per_site=1000)
    solve_map(SCENE, CELLS[:1], X_M, Y_M, config=tiny, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)
    with pytest.raises(InvalidInputError, match="cells"):
        solve_map(SCENE, [], X_M, Y_M)
    with pytest.raises(InvalidInputError, match="cells"):
        solve_map(SCENE, [CELLS[0], sector("c", 0.0, carrier_hz=2e9)], X_M, Y_M)
    with pytest.raises(InvalidInputError, match="rays_per_site"):
        SolverConfig(rays_per_site=0)
