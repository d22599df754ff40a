"""Angles, beams and ports of exact paths against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from rayfix.scene.cell import Cell
from rayfix.scene.scene import Extent, Scene
from rayfix.simulation.exact_paths import PathsConfig, exact_paths, site_paths
from rayfix.simulation.path_detail import BEAM_SINES, beam_patterns, path_detail
from rayfix.simulation.path_list import PathKind, PathList
from rayfix.simulation.world import World
from rayfix.units import db_to_linear, wrap_deg

CELL = Cell(
    cell_id="a", site_id="s", x_m=-32.0, y_m=3.0, z_m=24.0, bearing_deg=90.0, downtilt_deg=8.0
)
PLACES = np.array([[-20.0, 1.0], [0.0, -4.0], [21.0, 2.5], [36.0, -1.0], [8.0, -5.0]])


@pytest.fixture(scope="module")
def canyon() -> World:
    extent = Extent(x_min_m=-60, x_max_m=60, y_min_m=-60, y_max_m=60)
    return World(
        Scene(
            name="small", title="Small", geometry="builtin:simple_street_canyon",
            origin_lat_deg=48.0, origin_lon_deg=11.0, extent=extent,
        )
    )  # fmt: skip


def test_the_line_of_sight_arrives_opposite_to_where_it_left(canyon: World) -> None:
    config = PathsConfig(max_depth=0, diffraction=False, rays_per_site=1000, detail=True)
    found = exact_paths(canyon, [CELL], PLACES, config=config)
    way = np.column_stack([PLACES, np.full(len(PLACES), 1.5)]) - [CELL.x_m, CELL.y_m, CELL.z_m]
    bearing = np.degrees(np.arctan2(way[:, 0], way[:, 1]))
    zenith = np.degrees(np.arctan2(np.hypot(way[:, 0], way[:, 1]), way[:, 2]))
    detail = {name: values[:, 0] for name, values in found.detail.items()}
    np.testing.assert_allclose(wrap_deg(detail["departure_azimuth_deg"] - bearing), 0, atol=0.01)
    np.testing.assert_allclose(
        wrap_deg(detail["arrival_azimuth_deg"] - bearing - 180), 0, atol=0.01
    )
    np.testing.assert_allclose(detail["departure_zenith_deg"], zenith, atol=0.01)
    np.testing.assert_allclose(detail["arrival_zenith_deg"], 180 - zenith, atol=0.01)
    # Crossed antennas hear two equal layers over a free path, whatever the precoder.
    np.testing.assert_allclose(detail["layer_ratio_db"], 0.0, atol=0.05)
    np.testing.assert_allclose(detail["pmi_rank1_gain_db"], 0.0, atol=0.05)
    steered = beam_patterns(CELL, way / np.linalg.norm(way, axis=1, keepdims=True))
    np.testing.assert_allclose(db_to_linear(detail["beam_gain_db"]), steered, rtol=1e-3)


def test_beams_share_the_power_of_the_array(canyon: World) -> None:
    """Orthogonal beams: their gains add up to the number of columns in every direction."""
    found = exact_paths(
        canyon, [CELL], PLACES, config=PathsConfig(max_depth=2, rays_per_site=50_000, detail=True)
    )
    beam_db = found.detail["beam_gain_db"][:, 0]
    np.testing.assert_allclose(db_to_linear(beam_db).sum(axis=-1), 8.0, rtol=1e-4)
    bearing = 90.0 + np.degrees(np.arcsin(BEAM_SINES))
    direction = np.column_stack([np.sin(np.radians(bearing)), np.cos(np.radians(bearing))])
    patterns = beam_patterns(CELL, np.column_stack([direction, np.zeros(8)]))
    np.testing.assert_allclose(patterns, 8.0 * np.eye(8), atol=1e-9)


def test_arrivals_of_every_kind_point_at_what_was_last_touched(canyon: World) -> None:
    """Along a path's arrival direction, the phone sees the antenna or a surface in front of it."""
    import mitsuba as mi

    paths = site_paths(
        canyon, (CELL.x_m, CELL.y_m, CELL.z_m), PLACES, seed=1,
        config=PathsConfig(max_depth=2, rays_per_site=50_000),
    )  # fmt: skip
    assert set(paths.kind) >= {PathKind.LINE_OF_SIGHT, PathKind.REFLECTION, PathKind.DIFFRACTION}
    np.testing.assert_allclose(np.linalg.norm(paths.arrival, axis=1), 1.0, atol=1e-4)
    phone = np.column_stack([PLACES, np.full(len(PLACES), 1.5)])[paths.receiver]
    hit = canyon.sionna.mi_scene.ray_intersect(
        mi.Ray3f(mi.Point3f(phone.T), mi.Vector3f(paths.arrival.T))
    )
    wall_m = np.where(hit.is_valid().numpy(), hit.t.numpy(), np.inf)
    reflected = paths.kind == PathKind.REFLECTION
    assert (wall_m[reflected] * 1e9 / 299_792_458 < paths.delay_s[reflected] * 1e9).all()


def one_path(response: np.ndarray) -> PathList:
    """A path along the boresight of a level cell."""
    ahead = np.array([[1.0, 0.0, 0.0]], np.float32)
    return PathList(
        np.zeros(1, np.int64), np.array([1e-6]), ahead, -ahead,
        response[None].astype(np.complex64), np.array([PathKind.REFLECTION], np.uint8),
    )  # fmt: skip


def test_a_path_that_passes_one_polarisation_alone_has_one_layer() -> None:
    """Of two ports at +-45 deg only their sum, or their difference, gets through: PMI 0 or 2."""
    level = CELL.model_copy(update={"downtilt_deg": 0.0})
    for keep, pmi in (((1.0, 0.0), 0), ((0.0, 1.0), 2)):
        found = path_detail(level, one_path(np.diag(keep) * 1e-4), 1)
        assert found["layer_ratio_db"][0] == pytest.approx(-60.0)
        assert found["pmi_rank1"][0] == pmi
        assert found["pmi_rank1_gain_db"][0] == pytest.approx(10 * np.log10(2), abs=1e-3)


def test_receivers_without_a_path_have_no_detail() -> None:
    found = path_detail(CELL, one_path(np.eye(2)), 3)
    assert all(np.isnan(values[1:]).all() for values in found.values())
    assert all(np.isfinite(values[0]).all() for values in found.values())
