"""Heights of the ground on a grid, against a plane that is known everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rayfix.errors import ArtefactError
from rayfix.scene.ground import Ground
from rayfix.scene.ground_grid import (
    BESIDE_M,
    LEVEL_FROM_M,
    MOST_POINTS,
    GroundGrid,
    ground_grid,
    load_ground_grid,
)
from rayfix.scene.scene import Extent

EXTENT = Extent(x_min_m=-64, x_max_m=64, y_min_m=-32, y_max_m=32)


def slope(half_m: float = 2000.0) -> Ground:
    """z = 100 + 0.1 x - 0.05 y, two triangles."""
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half_m
    z = 100 + 0.1 * corners[:, 0] - 0.05 * corners[:, 1]
    points = np.column_stack([corners, z])
    return Ground(points[[[0, 1, 2], [0, 2, 3]]])


@pytest.fixture(scope="module")
def grid() -> GroundGrid:
    found = ground_grid(slope(), EXTENT)
    assert found is not None
    return found


def test_it_covers_the_extent_and_the_buildings_around(grid: GroundGrid) -> None:
    assert grid.x_m[0] == -64 - BESIDE_M
    assert grid.x_m[-1] >= 64 + BESIDE_M
    assert grid.y_m[-1] >= 32 + BESIDE_M
    assert grid.height_m.shape == (len(grid.y_m), len(grid.x_m))


def test_heights_between_the_points_are_those_of_the_ground(grid: GroundGrid) -> None:
    x, y = np.random.default_rng(1).uniform(-64, 64, (2, 500))
    np.testing.assert_allclose(grid.at(x, y), slope().height_m(x, y), atol=0.04)


def test_far_away_it_is_level(grid: GroundGrid) -> None:
    last = grid.x_m[-1]
    assert grid.at(last + LEVEL_FROM_M, 0.0) == pytest.approx(grid.at(-1e9, -1e9))
    assert grid.at(-1e9, -1e9) == pytest.approx(100.0, abs=0.5)
    steps = np.diff(grid.at(np.linspace(last - 50, last + LEVEL_FROM_M + 50, 500), 0.0))
    assert np.abs(steps).max() < 0.5  # no cliff


def test_flat_ground_has_none_and_a_large_one_larger_steps() -> None:
    assert ground_grid(Ground(), EXTENT) is None
    wide = ground_grid(slope(20_000), Extent(x_min_m=0, x_max_m=9600, y_min_m=0, y_max_m=9600))
    assert wide is not None
    assert wide.height_m.size == pytest.approx(MOST_POINTS, rel=0.01)


def test_what_is_written_is_read(grid: GroundGrid, tmp_path: Path) -> None:
    path = tmp_path / "ground.npz"
    grid.save(path)
    again = load_ground_grid(path)
    np.testing.assert_array_equal(again.height_m, grid.height_m)
    np.testing.assert_array_equal(again.x_m, grid.x_m)


@pytest.mark.parametrize("content", [b"", b"PK", b"not an archive"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ground.npz"
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match=r"ground\.npz"):
        load_ground_grid(path)


def test_arrays_that_do_not_fit_are_refused(grid: GroundGrid, tmp_path: Path) -> None:
    path = tmp_path / "ground.npz"
    GroundGrid(grid.x_m, grid.y_m, grid.height_m[1:]).save(path)
    with pytest.raises(ArtefactError, match="do not fit"):
        load_ground_grid(path)
    GroundGrid(grid.x_m, grid.y_m, np.full_like(grid.height_m, np.nan)).save(path)
    with pytest.raises(ArtefactError, match="not a number"):
        load_ground_grid(path)
