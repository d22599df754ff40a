"""What a site list gets wrong, as parameters with priors.

Shape letters: C cells, S sites, E environment parameters, P all parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from rayfix.scene.cell import Cell


@dataclass(frozen=True)
class Priors:
    """Standard deviations that a site list is believed to have, and where the residuals start.

    Attributes:
        power_db, bearing_deg, downtilt_deg: per cell.
        height_m: per site.
        clutter_db: of each clutter term of a map (`map_model.CLUTTER_TERMS`).
        material_log: of the natural logarithm of a material's properties.
        noise_db: of a measured path gain around a perfect map; fitted from here, within a factor
            of about two.
        wrong_bearing_share: share of cells whose bearing is anything at all (swapped feeders,
            a typing error).
    """

    power_db: float = 3.0
    bearing_deg: float = 7.0
    downtilt_deg: float = 2.0
    height_m: float = 2.0
    clutter_db: float = 2.0
    material_log: float = 0.25
    noise_db: float = 4.0
    wrong_bearing_share: float = 0.02


@dataclass(frozen=True)
class Antennas:
    """The cells as the site list has them, float64, and their sites.

    Attributes:
        bearing_deg_C, downtilt_deg_C: pointing.
        fall_m_C: height of the antenna over the UE [m].
        site_C: index of each cell's site; cells of one site share its height correction.
        sites: ids of the sites.
    """

    bearing_deg_C: Tensor
    downtilt_deg_C: Tensor
    fall_m_C: Tensor
    site_C: Tensor
    sites: tuple[str, ...]

    @classmethod
    def of(cls, cells: Sequence[Cell], ue_height_m: float) -> Antennas:
        """From a site list."""
        sites = tuple(dict.fromkeys(cell.site_id for cell in cells))

        def column(values: list[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float64)

        return cls(
            column([cell.bearing_deg for cell in cells]),
            column([cell.downtilt_deg for cell in cells]),
            column([cell.z_m - ue_height_m for cell in cells]),
            torch.tensor([sites.index(cell.site_id) for cell in cells]),
            sites,
        )

    @property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.site_C)


@dataclass(frozen=True)
class Corrections:
    """Values of every correction; zero is the site list.

    Attributes:
        power_db_C, bearing_deg_C, downtilt_deg_C, height_m_S: what is added.
        environment_E: what is added to the surroundings: losses of the clutter terms [dB], or
            natural logarithms of the factors of the materials' properties.
    """

    power_db_C: Tensor
    bearing_deg_C: Tensor
    downtilt_deg_C: Tensor
    height_m_S: Tensor
    environment_E: Tensor

    @classmethod
    def split(cls, vector_P: Tensor, antennas: Antennas) -> Corrections:
        """From one vector of all parameters."""
        cells, sites = antennas.cells, len(antennas.sites)
        rest = len(vector_P) - 3 * cells - sites
        return cls(*torch.split(vector_P, [cells, cells, cells, sites, rest]))

    @property
    def vector_P(self) -> Tensor:
        """All parameters as one vector."""
        return torch.cat([getattr(self, field.name) for field in fields(self)])


def prior_sigma(priors: Priors, antennas: Antennas, environment_sigma_E: Tensor) -> Tensor:
    """Standard deviation of every parameter, [P]."""
    cells, sites = antennas.cells, len(antennas.sites)

    def of(value: float, count: int) -> Tensor:
        return torch.full((count,), value, dtype=torch.float64)

    return torch.cat(
        [
            of(priors.power_db, cells),
            of(priors.bearing_deg, cells),
            of(priors.downtilt_deg, cells),
            of(priors.height_m, sites),
            environment_sigma_E,
        ]
    )
