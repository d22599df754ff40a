"""Traced paths, recomputed in torch, against the ray tracer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rayfix.calibration.corrections import Corrections, Priors
from rayfix.calibration.drive import Measured
from rayfix.calibration.reflection import Slabs
from rayfix.calibration.traced_model import TracedModel, trace_drive
from rayfix.scene.cell import Cell
from rayfix.scene.scene import Extent, Scene
from rayfix.simulation.exact_paths import PathsConfig, exact_paths
from rayfix.simulation.materials import Material, materials_of, set_materials
from rayfix.simulation.world import World

SCENE = Scene(
    name="canyon", title="Canyon", geometry="builtin:simple_street_canyon", origin_lat_deg=48.0,
    origin_lon_deg=11.0, extent=Extent(x_min_m=-40, x_max_m=40, y_min_m=-40, y_max_m=40),
)  # fmt: skip
CELLS = tuple(
    Cell(
        cell_id=f"s-{number}", site_id="s", x_m=-32.0, y_m=3.0, z_m=24.0,
        bearing_deg=90.0 + 120.0 * number, downtilt_deg=8.0,
    )
    for number in range(2)
)  # fmt: skip
CONFIG = PathsConfig(rays_per_site=200_000)
Paths = tuple[World, np.ndarray, Measured, TracedModel]


@pytest.fixture(scope="module")
def canyon() -> Paths:
    world = World(SCENE)
    xy = world.outdoor_positions(30, 4)
    fix, cell = (torch.from_numpy(a.ravel()) for a in np.indices((30, 2)))
    nothing = torch.zeros(60, dtype=torch.float64)
    measured = Measured(fix, cell, nothing, nothing > 0, torch.from_numpy(xy))
    model = TracedModel(CELLS, measured, trace_drive(SCENE, None, CELLS, xy), SCENE.ue_height_m)
    return world, xy, measured, model


def corrections(model: TracedModel, **blocks: list[float]) -> Corrections:
    size = 3 * 2 + 1 + 3 * len(model.nominal)
    zero = Corrections.split(torch.zeros(size, dtype=torch.float64), model.antennas)
    values = {name: torch.tensor(value, dtype=torch.float64) for name, value in blocks.items()}
    return Corrections(**{**vars(zero), **values})


def compare(canyon: Paths, world: World, cells: tuple[Cell, ...], found: torch.Tensor) -> None:
    """Where a cell is detectable: nearly all within 0.5 dB (weak paths are left out)."""
    exact = exact_paths(world, cells, canyon[1], config=CONFIG).path_gain_db.ravel()
    difference = found.numpy() - exact
    difference = difference[np.isfinite(difference)]
    assert len(difference) > 40
    assert np.percentile(np.abs(difference), 90) < 0.5


def test_site_list(canyon: Paths) -> None:
    world, _, _, model = canyon
    compare(canyon, world, CELLS, model.gain_db(corrections(model)))


def test_turned_and_tilted(canyon: Paths) -> None:
    world, _, _, model = canyon
    real = tuple(
        cell.model_copy(update={"bearing_deg": cell.bearing_deg + turn, "downtilt_deg": 8.0 + tilt})
        for cell, turn, tilt in zip(CELLS, (14.0, -20.0), (3.0, -2.0), strict=True)
    )
    found = model.gain_db(
        corrections(model, bearing_deg_C=[14.0, -20.0], downtilt_deg_C=[3.0, -2.0])
    )
    compare(canyon, world, real, found)


def test_other_materials(canyon: Paths) -> None:
    """Every property times 1.3: reflections differ by several dB, and both sides agree."""
    _, _, _, model = canyon
    other = World(SCENE)
    factor = {n: Material(*(1.3 * v for v in m)) for n, m in materials_of(other).items()}
    set_materials(other, factor)
    scaled = corrections(model, environment_E=[float(np.log(1.3))] * (3 * len(model.nominal)))
    found = model.gain_db(scaled)
    assert (found - model.gain_db(corrections(model))).abs().max() > 1.0
    compare(canyon, other, CELLS, found)
    assert model.materials(scaled).keys() == factor.keys()


def test_higher_antenna(canyon: Paths) -> None:
    world, _, _, model = canyon
    real = tuple(cell.model_copy(update={"z_m": 27.0}) for cell in CELLS)
    compare(canyon, world, real, model.gain_db(corrections(model, height_m_S=[3.0])))


def test_gradient_reaches_every_kind_of_parameter(canyon: Paths) -> None:
    model = canyon[3]
    vector = torch.full((3 * 2 + 1 + 3 * len(model.nominal),), 0.01, dtype=torch.float64)
    vector.requires_grad_()
    model.gain_db(Corrections.split(vector, model.antennas)).sum().backward()
    slopes = Corrections.split(vector.grad, model.antennas)
    assert all(block.abs().max() > 1e-3 for block in vars(slopes).values())
    assert len(model.environment_sigma(Priors())) == 3 * len(model.nominal)


def test_some_fixes(canyon: Paths) -> None:
    _, xy, measured, model = canyon
    traced = trace_drive(SCENE, None, CELLS, xy)
    chosen = np.array([7, 2, 21])
    part = TracedModel(CELLS, measured.at(chosen), traced.at(chosen), SCENE.ue_height_m)
    whole = model.gain_db(corrections(model)).view(30, 2)[chosen]
    found = torch.zeros(3, 2, dtype=torch.float64)
    found[part.measured.fix_M, part.measured.cell_M] = part.gain_db(corrections(part))
    torch.testing.assert_close(found, whole)


def test_slab_in_closed_form() -> None:
    """A conductor reflects everything; half a wavelength of a lossless slab nothing."""
    wavelength = 0.1
    slabs = Slabs(*torch.tensor([[4.0, 1.0], [0.0, 1e9], [0.025, 0.1]], dtype=torch.float64))
    ahead = torch.ones(2, dtype=torch.float64)
    te, tm = slabs.reflection(torch.tensor([0, 1]), ahead, wavelength)
    assert te.abs().tolist() == pytest.approx([0.0, 1.0], abs=1e-3)
    assert tm.abs().tolist() == pytest.approx([0.0, 1.0], abs=1e-3)
    quarter = Slabs(slabs.permittivity, slabs.conductivity_s_m, slabs.thickness_m / 2)
    te, _ = quarter.reflection(torch.tensor([0]), ahead[:1], wavelength)
    assert float(te.abs()) == pytest.approx(0.6)  # (1 - n^2) / (1 + n^2) with n = 2
