"""Electrical properties of a loaded world's materials (ITU-R P.2040): read and replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from rayfix.errors import InvalidInputError

if TYPE_CHECKING:
    from rayfix.simulation.world import World


class Material(NamedTuple):
    """A single-layer slab: relative permittivity, conductivity [S/m], thickness [m]."""

    permittivity: float
    conductivity_s_m: float
    thickness_m: float


def materials_of(world: World) -> dict[str, Material]:
    """Properties at the world's carrier, by name, sorted."""
    return {
        name: Material(
            float(material.relative_permittivity[0]),
            float(material.conductivity[0]),
            float(material.thickness[0]),
        )
        for name, material in sorted(world.sionna.radio_materials.items())
    }


def set_materials(world: World, materials: Mapping[str, Material]) -> None:
    """Replace the properties of some materials.

    Raises:
        InvalidInputError: the scene has no such material.
    """
    import mitsuba as mi

    for name, values in materials.items():
        material = world.sionna.radio_materials.get(name)
        if material is None:
            known = ", ".join(sorted(world.sionna.radio_materials))
            raise InvalidInputError("materials", f"no material '{name}' (known: {known})")
        material.relative_permittivity = mi.Float(max(1.0, values.permittivity))
        material.conductivity = mi.Float(values.conductivity_s_m)
        material.thickness = mi.Float(values.thickness_m)
