"""Radio materials of an imported scene: as ITU-R P.2040 has them, or drawn around that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

CARRIER_HZ = 3.5e9
"""Drawn properties are those at this carrier; they do not change with frequency."""

THICKNESS_M = 0.1
"""Thickness of a wall's slab in the reflection model [m], as in Sionna RT's own scenes."""

VARIANTS = 4
"""Draws of each material; buildings differ."""


class Range(NamedTuple):
    """Least and greatest relative permittivity, conductivity [S/m] and thickness [m]."""

    permittivity: tuple[float, float]
    conductivity: tuple[float, float]
    thickness_m: tuple[float, float]


RANGES = {
    "concrete": Range((4.83, 5.31), (0.0622, 0.1231), (0.10, 0.30)),
    "brick": Range((3.75, 4.15), (0.0291, 0.0380), (0.10, 0.25)),
    "marble": Range((7.07, 8.62), (0.0114, 0.0175), (0.10, 0.40)),
    "glass": Range((6.27, 6.58), (0.0076, 0.0193), (0.006, 0.030)),
    "wood": Range((1.99, 2.71), (0.0180, 0.0577), (0.02, 0.20)),
    "metal": Range((1.0, 1.0), (1e7, 1e7), (0.001, 0.010)),
}
"""Permittivity and conductivity at 3.5 GHz (eta' = a f^b, sigma = c f^d): the span of what
ITU-R P.2040-1 to P.2040-4, table 3, list for the material and its kin (asphalt concrete, chipboard
and plywood) and for its other frequency bands. The recommendation gives no thickness: the ranges
are those of usual walls."""


class Drawn(NamedTuple):
    """Properties of one drawn material, at every frequency."""

    permittivity: float
    conductivity: float
    thickness_m: float


def draw_materials(names: Iterable[str], seed: int) -> dict[str, Drawn]:
    """`VARIANTS` of each material, called `<material>-1` and so on; the same for a seed.

    Permittivity and thickness are uniform in their ranges, conductivity is so in its logarithm. A
    material's draws depend on the seed and its name alone, not on what else is in the scene.
    """
    drawn = {}
    for name in sorted(set(names)):
        span = RANGES[name]
        random = np.random.default_rng([seed, *name.encode()])
        for number in range(1, VARIANTS + 1):
            permittivity = random.uniform(*span.permittivity)
            conductivity = np.exp(random.uniform(*np.log(span.conductivity)))
            thickness = random.uniform(*span.thickness_m)
            drawn[f"{name}-{number}"] = Drawn(
                round(float(permittivity), 4),
                float(f"{conductivity:.4g}"),
                round(float(thickness), 4),
            )
    return drawn


def variant_of(material: str, building: str, seed: int) -> str:
    """Which variant a building is made of; the same for a seed, whatever is around it."""
    random = np.random.default_rng([seed, *building.encode()])
    return f"{material}-{1 + int(random.integers(VARIANTS))}"
