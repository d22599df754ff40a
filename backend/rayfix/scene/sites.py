"""Places antennas on a scene: regular or random layouts and lists of real sites -> cells.

Antennas stand on masts on the roofs of the scene; no ray tracer is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rayfix.errors import InvalidInputError
from rayfix.scene.cell import Cell
from rayfix.scene.roofs import Roofs
from rayfix.scene.scene import Extent, Scene
from rayfix.units import watt_to_dbm

FloatArray = npt.NDArray[np.float64]

POLE_HEIGHT_M = 25.0
"""Antenna height where no roof is near [m]: the urban macro site of TR 38.901, table 7.2-1."""

TRIES = 200
"""Random places that are tried for each site before the area counts as full."""


class SiteOptions(BaseModel):
    """What a placed site looks like.

    Attributes:
        mast_height_m: antenna above the roof.
        sectors: cells of a site, at equal angles from `first_bearing_deg` on.
        roof_radius_m: the nearest roof up to this far away is taken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mast_height_m: float = Field(default=3.0, ge=0, le=100)
    sectors: int = Field(default=3, ge=1, le=12)
    first_bearing_deg: float = Field(default=0.0, ge=0, lt=360)
    downtilt_deg: float = Field(default=8.0, ge=-90, le=90)
    power_dbm: float = Field(default=44.0, ge=-30, le=55)
    carrier_hz: float = Field(default=3.5e9, ge=4e8, le=1e11)
    bandwidth_hz: float = Field(default=100e6, ge=5e6, le=4e8)
    roof_radius_m: float = Field(default=60.0, ge=0)


def site_options(**values: float | int) -> SiteOptions:
    """Options by name.

    Raises:
        InvalidInputError: a value breaks a rule.
    """
    try:
        return SiteOptions.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        rule = f"{first['msg']}, not {first['input']:g}"
        if field == "power_dbm" and first["input"] > 0:
            rule += f" (watts? {first['input']:g} W = {watt_to_dbm(first['input']):.1f} dBm)"
        raise InvalidInputError(field, rule) from None


class Placed(NamedTuple):
    """Cells, and what an engineer should look at."""

    cells: tuple[Cell, ...]
    warnings: tuple[str, ...]


def grid_layout(extent: Extent, spacing_m: float) -> FloatArray:
    """Sites on a square grid centred on the extent, shape [N, 2] [m]."""
    _check_spacing(spacing_m)
    x = _centred(extent.x_min_m, extent.x_max_m, spacing_m)
    y = _centred(extent.y_min_m, extent.y_max_m, spacing_m)
    return np.column_stack([np.tile(x, len(y)), np.repeat(y, len(x))])


def hexagonal_layout(extent: Extent, inter_site_distance_m: float) -> FloatArray:
    """Sites on a hexagonal lattice (TR 38.901, 7.2: every neighbour at one distance), [N, 2]."""
    _check_spacing(inter_site_distance_m)
    rows = _centred(extent.y_min_m, extent.y_max_m, inter_site_distance_m * math.sqrt(3) / 2)
    places = []
    for number, y in enumerate(rows):
        shift = inter_site_distance_m / 2 if number % 2 else 0.0
        x = _centred(extent.x_min_m, extent.x_max_m, inter_site_distance_m) + shift
        places += [(float(one), float(y)) for one in x if one <= extent.x_max_m]
    return np.array(places)


def random_layout(
    extent: Extent, count: int, seed: int, min_distance_m: float = 100.0
) -> FloatArray:
    """Uniform random sites with a least distance, the same for a seed, shape [count, 2] [m].

    Raises:
        InvalidInputError: so many sites do not fit at this distance.
    """
    if count < 1:
        raise InvalidInputError("count", "at least one site is expected")
    random = np.random.default_rng(seed)
    low = [extent.x_min_m, extent.y_min_m]
    high = [extent.x_max_m, extent.y_max_m]
    places = np.zeros((0, 2))
    for place in random.uniform(low, high, size=(count * TRIES, 2)):
        if (np.hypot(*(places - place).T) >= min_distance_m).all():
            places = np.vstack([places, place])
        if len(places) == count:
            return places
    raise InvalidInputError(
        "count", f"{count} sites at least {min_distance_m:g} m apart do not fit the extent"
    )


def place_sites(
    scene: Scene, roofs: Roofs, xy_m_N2: FloatArray, options: SiteOptions | None = None
) -> Placed:
    """Cells of sites near these places: on the place's roof, the nearest roof, or a pole."""
    options = options or SiteOptions()
    cells: list[Cell] = []
    warnings: list[str] = []
    taken: dict[tuple[float, float], str] = {}
    prefix = scene.name[:3].upper()
    for number, (x, y) in enumerate(xy_m_N2.tolist(), start=1):
        site_id = f"{prefix}{number:0{max(2, len(str(len(xy_m_N2))))}d}"
        on_roof = roofs.nearest(x, y, options.roof_radius_m)
        if on_roof is None:
            z = roofs.top_at(x, y) + POLE_HEIGHT_M
            warnings.append(
                f"site {site_id}: no roof within {options.roof_radius_m:g} m; "
                f"on a pole of {POLE_HEIGHT_M:g} m"
            )
        else:
            x, y = on_roof
            z = roofs.top_at(x, y) + options.mast_height_m
        place = round(x, 2), round(y, 2)
        if place in taken:
            warnings.append(f"site {site_id}: left out, at the place of {taken[place]}")
            continue
        taken[place] = site_id
        cells += sectors(site_id, *place, round(z, 2), len(cells), options)
    return Placed(tuple(cells), tuple(warnings + check_places(scene, roofs, cells)))


def sectors(
    site_id: str, x_m: float, y_m: float, z_m: float, first_pci: int, options: SiteOptions
) -> list[Cell]:
    """The cells of one site, at equal angles."""
    return [
        Cell(
            cell_id=f"{site_id}-{number + 1}",
            site_id=site_id,
            x_m=x_m,
            y_m=y_m,
            z_m=z_m,
            bearing_deg=(options.first_bearing_deg + 360.0 * number / options.sectors) % 360.0,
            downtilt_deg=options.downtilt_deg,
            power_dbm=options.power_dbm,
            carrier_hz=options.carrier_hz,
            bandwidth_hz=options.bandwidth_hz,
            pci=(first_pci + number) % 1008,
        )
        for number in range(options.sectors)
    ]


def check_places(scene: Scene, roofs: Roofs, cells: Sequence[Cell]) -> list[str]:
    """Warnings about sites outside the map or below a roof, one a site and reason."""
    found: dict[str, None] = {}
    for cell in cells:
        roof = roofs.top_at(cell.x_m, cell.y_m)
        if not scene.extent.contains(cell.x_m, cell.y_m):
            found[f"site {cell.site_id}: outside the map ({cell.x_m:.0f}, {cell.y_m:.0f}) m"] = None
        if cell.z_m <= roof:
            found[
                f"site {cell.site_id}: inside a building, antenna at {cell.z_m:g} m, "
                f"roof at {roof:g} m"
            ] = None
    return list(found)


def _check_spacing(spacing_m: float) -> None:
    if not 10.0 <= spacing_m <= 20_000.0:
        raise InvalidInputError("spacing", "10 m to 20 km between sites are expected")


def _centred(low: float, high: float, step: float) -> FloatArray:
    count = max(1, int((high - low) // step))
    return (low + high) / 2 + step * (np.arange(count, dtype=np.float64) - (count - 1) / 2)
