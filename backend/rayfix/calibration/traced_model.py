"""Path gain from traced paths, as a function of antennas, heights and materials.

The paths of every site are traced once, at a few antenna heights; between two heights the power is
interpolated. Pointing and materials are then exact and differentiable: a path keeps its course.

Shape letters: L heights, S sites, N fixes, C cells, P paths, Q pairs of path and cell, I materials.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rayfix.calibration.corrections import Antennas, Corrections, Priors
from rayfix.calibration.drive import Measured
from rayfix.calibration.fit import Fit
from rayfix.calibration.reflection import Chain, Slabs
from rayfix.calibration.sector import sector_field
from rayfix.scene.cell import Cell
from rayfix.scene.detection import least_path_gain_db
from rayfix.scene.scene import Scene

if TYPE_CHECKING:
    from rayfix.simulation.materials import Material
    from rayfix.simulation.path_geometry import SitePaths

HEIGHTS_M = (-3.0, 0.0, 3.0)
"""Corrections of the antenna height that paths are traced at [m]."""
RAYS_PER_SITE = 250_000
"""Rays that search for chains of reflecting surfaces, per site and height."""
FLOOR_BELOW_DB = 10.0
"""What no path explains counts as a gain this far below the weakest detectable one [dB]."""
PROPERTIES = ("permittivity", "conductivity_s_m", "thickness_m")


@dataclass(frozen=True)
class TracedDrive:
    """Paths from every site to the fixes of a drive test, at every height of `HEIGHTS_M`.

    Attributes:
        sites: heights outermost, sites in the order of `Antennas.sites`.
        materials: what they were traced with, by name, sorted.
        wavelength_m: of the carrier.
        fixes: number of fixes.
    """

    sites: tuple[SitePaths, ...]
    materials: dict[str, Material]
    wavelength_m: float
    fixes: int

    def at(self, fixes: npt.NDArray[np.int64]) -> TracedDrive:
        """The same for some fixes, in their order."""
        return replace(
            self, sites=tuple(site.at(fixes, self.fixes) for site in self.sites), fixes=len(fixes)
        )


def trace_drive(
    scene: Scene,
    folder: Path | None,
    cells: Sequence[Cell],
    xy_m_N2: npt.NDArray[np.float64],
    progress: Callable[[float], None] | None = None,
) -> TracedDrive:
    """Trace the paths of a drive test.

    Args:
        scene, folder: the scene, and the folder of its `scene.json`.
        cells: the site list.
        xy_m_N2: where the fixes were taken [m].
        progress: receives the share done, 0 to 1.
    Raises:
        RayTracingUnavailableError: no ray tracer on this machine.
    """
    from rayfix.simulation.exact_paths import PathsConfig
    from rayfix.simulation.materials import materials_of
    from rayfix.simulation.path_geometry import trace_sites
    from rayfix.simulation.world import World

    world = World(scene, folder, carrier_hz=cells[0].carrier_hz)
    sites = Antennas.of(cells, scene.ue_height_m).sites
    first = [next(cell for cell in cells if cell.site_id == site) for site in sites]
    positions = [(c.x_m, c.y_m, c.z_m + lift) for lift in HEIGHTS_M for c in first]
    config = PathsConfig(rays_per_site=RAYS_PER_SITE)
    traced = trace_sites(world, positions, xy_m_N2, config=config, progress=progress)
    return TracedDrive(tuple(traced), materials_of(world), world.wavelength_m, len(xy_m_N2))


class TracedModel:
    """Path gain of pairs of fix and cell by traced paths.

    Args:
        cells: the site list.
        measured: what was measured.
        traced: the paths at its fixes.
        ue_height_m: height of the UE above ground [m].
    """

    def __init__(
        self, cells: Sequence[Cell], measured: Measured, traced: TracedDrive, ue_height_m: float
    ) -> None:
        self.cells, self.measured = tuple(cells), measured
        self.antennas = Antennas.of(cells, ue_height_m)
        self.wavelength_m = traced.wavelength_m
        self.nominal = traced.materials
        columns = zip(*self.nominal.values(), strict=True)
        self.slabs = Slabs(*(torch.tensor(values, dtype=torch.float64) for values in columns))
        self._prepare(traced.sites)

    def _prepare(self, traced: Sequence[SitePaths]) -> None:
        """Put the paths of all sites and heights into flat tensors."""
        sites, fixes = len(self.antennas.sites), len(self.measured.xy_m_N2)
        number_P = np.concatenate([np.full(len(t.paths), i) for i, t in enumerate(traced)])
        receiver_P = torch.from_numpy(np.concatenate([t.paths.receiver for t in traced]))
        departure = torch.from_numpy(np.concatenate([t.paths.departure for t in traced])).double()
        response = torch.from_numpy(np.concatenate([t.paths.response for t in traced]))
        material_PD = torch.from_numpy(np.concatenate([t.bounces.material for t in traced]))
        point, normal = (
            torch.from_numpy(np.concatenate([getattr(t.bounces, name) for t in traced]))
            for name in ("point_m", "normal")
        )
        antenna = torch.tensor([t.position_m for t in traced], dtype=torch.float64)[number_P]
        place = torch.from_numpy(np.concatenate([t.receiver_m[t.paths.receiver] for t in traced]))
        self.reflected_R = (material_PD >= 0).any(1).nonzero()[:, 0]
        picked = self.reflected_R
        self.chain = Chain.of(
            antenna[picked], place[picked], point[picked], normal[picked], material_PD[picked],
            self.wavelength_m,
        )  # fmt: skip
        self.fixed_gram_P3 = _gram(response.to(torch.complex128))
        # Every path serves all cells of its site.
        level_P, site_P = torch.from_numpy(number_P // sites), torch.from_numpy(number_P % sites)
        self.path_Q, self.cell_Q = (site_P[:, None] == self.antennas.site_C).nonzero().unbind(-1)
        self.departure_Q3 = departure[self.path_Q]
        self.slot_Q = (level_P * fixes + receiver_P)[self.path_Q] * self.antennas.cells
        self.slot_Q = self.slot_Q + self.cell_Q
        floor_db = torch.from_numpy(least_path_gain_db(self.cells)) - FLOOR_BELOW_DB
        self.floor_C = 10.0 ** (floor_db / 10.0)

    def environment_sigma(self, priors: Priors) -> Tensor:
        """Prior standard deviations of the materials' logarithms, [I * 3]."""
        count = len(self.nominal) * len(PROPERTIES)
        return torch.full((count,), priors.material_log, dtype=torch.float64)

    def within_reach(self, found: Fit) -> Fit:
        """The fit with heights no further than they were traced."""
        heights = found.corrections.height_m_S.clamp(HEIGHTS_M[0], HEIGHTS_M[-1])
        return replace(found, corrections=replace(found.corrections, height_m_S=heights))

    def materials(self, corrections: Corrections) -> dict[str, Material]:
        """The corrected materials by name."""
        scaled = self.slabs.scaled(corrections.environment_E.view(-1, len(PROPERTIES)))
        columns = (scaled.permittivity, scaled.conductivity_s_m, scaled.thickness_m)
        rows = torch.stack(columns, dim=-1).tolist()
        return {
            name: type(material)(*row)
            for (name, material), row in zip(self.nominal.items(), rows, strict=True)
        }

    def gain_db(self, corrections: Corrections) -> Tensor:
        """Path gain at the site list's power [dB], [M]."""
        slabs = self.slabs.scaled(corrections.environment_E.view(-1, len(PROPERTIES)))
        reflected = _gram(self.chain.field_PX3(slabs, self.wavelength_m))
        gram_P3 = self.fixed_gram_P3.index_put((self.reflected_R,), reflected)
        bearing_C = self.antennas.bearing_deg_C + corrections.bearing_deg_C
        tilt_C = self.antennas.downtilt_deg_C + corrections.downtilt_deg_C
        theta_Q, phi_Q = sector_field(
            bearing_C[self.cell_Q], tilt_C[self.cell_Q], *self.departure_Q3.unbind(-1)
        )
        gram_Q3 = gram_P3[self.path_Q]
        gain_Q = (
            theta_Q.square() * gram_Q3[:, 0]
            + phi_Q.square() * gram_Q3[:, 1]
            + 2.0 * theta_Q * phi_Q * gram_Q3[:, 2]
        )
        fixes, cells = len(self.measured.xy_m_N2), self.antennas.cells
        total = gain_Q.new_zeros(len(HEIGHTS_M) * fixes * cells).index_add(0, self.slot_Q, gain_Q)
        power_LNC = total.view(len(HEIGHTS_M), fixes, cells)
        fix_M, cell_M = self.measured.fix_M, self.measured.cell_M
        step = HEIGHTS_M[1] - HEIGHTS_M[0]
        height_M = corrections.height_m_S[self.antennas.site_C][cell_M]
        position_M = ((height_M - HEIGHTS_M[0]) / step).clamp(0.0, len(HEIGHTS_M) - 1.0)
        low_M = position_M.detach().floor().clamp(max=len(HEIGHTS_M) - 2.0).long()
        share_M = position_M - low_M
        power_M = (1.0 - share_M) * power_LNC[low_M, fix_M, cell_M]
        power_M = power_M + share_M * power_LNC[low_M + 1, fix_M, cell_M]
        gain_db_M = 10.0 * torch.log10(power_M + self.floor_C[cell_M])
        return gain_db_M + corrections.power_db_C[cell_M]


def _gram(field: Tensor) -> Tensor:
    """Powers of two excitations and their coherence, from fields [P, 2, ...] -> [P, 3]."""
    theta, phi = field[:, 0], field[:, 1]

    def power(a: Tensor, b: Tensor) -> Tensor:
        return (a * b.conj()).real.sum(-1)

    return torch.stack([power(theta, theta), power(phi, phi), power(theta, phi)], dim=-1)
