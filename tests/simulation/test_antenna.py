"""The sector pattern against Sionna RT's own TR 38.901 antenna, and the libLLVM choice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rayfix.errors import RayTracingUnavailableError
from rayfix.scene.cell import Cell
from rayfix.simulation import llvm
from rayfix.simulation.antenna import MAX_GAIN_DBI, orientation_rad, sector_field


def cell(bearing_deg: float = 0.0, downtilt_deg: float = 0.0) -> Cell:
    return Cell(
        cell_id="a", site_id="s", x_m=0, y_m=0, z_m=20,
        bearing_deg=bearing_deg, downtilt_deg=downtilt_deg,
    )  # fmt: skip


@pytest.mark.parametrize("bearing_deg", [0.0, 77.0, 181.0, 300.0])
@pytest.mark.parametrize("downtilt_deg", [0.0, 8.0, 35.0, -12.0])
def test_equals_sionnas_oriented_element(bearing_deg: float, downtilt_deg: float) -> None:
    llvm.prepare_ray_tracing()
    import mitsuba as mi
    from sionna.rt import PlanarArray
    from sionna.rt.antenna_pattern import antenna_pattern_to_world_implicit
    from sionna.rt.utils import rotation_matrix

    direction = np.random.default_rng(3).normal(size=(3, 2000))
    direction /= np.linalg.norm(direction, axis=0)
    k = mi.Vector3f(direction)
    sector = cell(bearing_deg, downtilt_deg)
    array = PlanarArray(num_rows=1, num_cols=1, pattern="tr38901", polarization="V")
    to_world = rotation_matrix(mi.Point3f(*orientation_rad(sector)))
    theirs = antenna_pattern_to_world_implicit(
        array.antenna_pattern.patterns[0], to_world, k, direction="out"
    ).numpy()
    ours = np.stack([part.numpy() for part in sector_field(sector, k)])
    np.testing.assert_allclose(ours, theirs[:2], atol=2e-4)
    np.testing.assert_allclose(theirs[2:], 0.0, atol=1e-6)


def test_strongest_along_the_boresight() -> None:
    llvm.prepare_ray_tracing()
    import mitsuba as mi

    theta, phi = sector_field(cell(90.0), mi.Vector3f([1.0, -1.0], [0.0, 0.0], [0.0, 0.0]))
    gain_db = 10 * np.log10(theta.numpy() ** 2 + phi.numpy() ** 2)
    np.testing.assert_allclose(gain_db, [MAX_GAIN_DBI, MAX_GAIN_DBI - 30.0], atol=1e-3)


def test_newest_usable_llvm_is_taken(tmp_path: Path) -> None:
    for name in ("libLLVM-14.so.1", "libLLVM-16.so", "libLLVM.so.19.1", "libLLVM.so.22.1"):
        (tmp_path / name).touch()
    assert llvm.newest_llvm((str(tmp_path),)) == tmp_path / "libLLVM.so.22.1"


def test_old_llvm_is_not_usable(tmp_path: Path) -> None:
    (tmp_path / "libLLVM-14.so.1").touch()
    (tmp_path / "libLLVM-16.so.1").symlink_to(tmp_path / "libLLVM-16.so.1.missing")
    assert llvm.newest_llvm((str(tmp_path),)) is None


def test_missing_llvm_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libLLVM-14.so.1").touch()
    monkeypatch.setenv(llvm.VARIABLE, str(tmp_path / "libLLVM-14.so.1"))
    with pytest.raises(RayTracingUnavailableError, match="libllvm19"):
        llvm.chosen_llvm()
