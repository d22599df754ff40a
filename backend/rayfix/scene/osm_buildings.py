"""From tagged areas to solids: one prism per polygon, with base, height and material.

A `building:part` replaces the piece of the outline that it fills (wiki: "Simple 3D Buildings");
what no part fills keeps the outline's own height. A part that begins at or above the outline's
top stands on it and replaces nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from rayfix.geo import GeoReference
from rayfix.scene.buildings import Part
from rayfix.scene.osm_source import MapArea, polygons_of
from rayfix.scene.osm_tags import (
    DEFAULT_MATERIAL,
    LEVEL_HEIGHT_M,
    MATERIAL_TAGS,
    Height,
    base_height,
    default_height,
    is_area_of,
    is_underground,
    tagged_height,
    wall_material,
)

SMALLEST_AREA_M2 = 2.0
GRID_M = 0.01
"""Corners are rounded to this grid, so that slivers vanish and walls meet."""
PART_SHARE = 0.5
"""A part belongs to the outlines that hold at least this share of its area."""

TOO_SMALL = f"smaller than {SMALLEST_AREA_M2:g} m2"


class Solid(NamedTuple):
    """A prism with vertical walls and a flat roof.

    Attributes:
        part: footprint in local metres, base and height [m], name.
        material: ITU-R P.2040 name.
    """

    part: Part
    material: str


@dataclass
class BuildingCounts:
    """What became of the areas.

    Attributes:
        buildings: areas with `building` (an area may also be a part).
        parts: areas with `building:part`.
        courtyards: holes of all areas.
        heights: buildings and parts, each by the rule that gave the height.
        bases: solids by the rule that gave the base.
        materials: solids by material; "concrete (default)" where no tag tells.
        unknown_materials: values of material tags that the table lacks.
        dropped: areas that made no solid, by reason.
    """

    buildings: int = 0
    parts: int = 0
    courtyards: int = 0
    heights: dict[str, Counter[str]] = field(
        default_factory=lambda: {"buildings": Counter(), "parts": Counter()}
    )
    bases: Counter[str] = field(default_factory=Counter)
    materials: Counter[str] = field(default_factory=Counter)
    unknown_materials: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)


def to_local(shapes: Sequence[BaseGeometry], georeference: GeoReference) -> list[BaseGeometry]:
    """Shapes in longitude and latitude [deg] -> local metres."""

    def convert(lon_lat: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        x_m, y_m = georeference.to_local(lon_lat[:, 1], lon_lat[:, 0])
        return np.column_stack([x_m, y_m])

    return list(shapely.transform(np.asarray(shapes, object), convert)) if shapes else []


def solids_of(
    areas: Sequence[MapArea], georeference: GeoReference, window: BaseGeometry | None = None
) -> tuple[list[Solid], BuildingCounts]:
    """Solids of all buildings and parts.

    Args:
        window: local metres; areas that do not touch it are left out.
    """
    counts = BuildingCounts()
    kept: list[tuple[MapArea, BaseGeometry]] = []
    shapes = to_local([area.shape for area in areas], georeference)
    for area, shape in zip(areas, shapes, strict=True):
        if window is not None and not shape.intersects(window):
            counts.dropped["outside the box"] += 1
            continue
        counts.buildings += is_area_of(area.tags, "building")
        counts.parts += is_area_of(area.tags, "building:part")
        counts.courtyards += sum(len(polygon.interiors) for polygon in shapely.get_parts(shape))
        if is_underground(area.tags):
            counts.dropped["underground"] += 1
        elif shape.area < SMALLEST_AREA_M2:
            counts.dropped[TOO_SMALL] += 1
        else:
            kept.append((area, shape))
    parts_of, outlines_of = _pairs(kept)
    solids: list[Solid] = []
    for number, (area, shape) in enumerate(kept):
        outline = kept[outlines_of[number][0]][0].tags if outlines_of[number] else {}
        height = _height(area, outline)
        kind = "buildings" if is_area_of(area.tags, "building") else "parts"
        counts.heights[kind][height.rule] += 1
        base = base_height(area.tags, height.metres)
        if height.rule in ("default", "outline") and base.metres >= height.metres:
            height = Height(base.metres + LEVEL_HEIGHT_M, height.rule)
        if base.metres >= height.metres:
            counts.dropped["its base is not below its top"] += 1
            continue
        cutters = [
            kept[index][1]
            for index in parts_of[number]
            if _base(kept[index][0], area.tags) < height.metres
        ]
        free = shape.difference(shapely.union_all(cutters)) if cutters else shape
        name = area.tags.get("name") or outline.get("name", "")
        found = [
            Solid(
                Part(polygon, height.metres, base.metres, name, source_id=area.osm_id),
                _material(area, outline, counts),
            )
            for polygon in shapely.get_parts(polygons_of(shapely.set_precision(free, GRID_M)))
            if polygon.area >= SMALLEST_AREA_M2 and (not cutters or _is_wide(polygon))
        ]
        if found:
            counts.bases[base.rule] += len(found)
        else:
            counts.dropped["filled by its parts" if cutters else TOO_SMALL] += 1
        solids.extend(found)
    return solids, counts


def _pairs(
    kept: Sequence[tuple[MapArea, BaseGeometry]],
) -> tuple[list[list[int]], list[list[int]]]:
    """For every area the parts in it (of a building), and the outlines it lies in (of a part)."""
    parts_of: list[list[int]] = [[] for _ in kept]
    outlines_of: list[list[int]] = [[] for _ in kept]
    buildings = [i for i, (area, _) in enumerate(kept) if is_area_of(area.tags, "building")]
    tree = shapely.STRtree([kept[index][1] for index in buildings])
    for number, (area, shape) in enumerate(kept):
        if not is_area_of(area.tags, "building:part"):
            continue
        for found in sorted(tree.query(shape, predicate="intersects")):
            outline = buildings[found]
            if outline == number:
                continue
            if shape.intersection(kept[outline][1]).area >= PART_SHARE * shape.area:
                parts_of[outline].append(number)
                outlines_of[number].append(outline)
    return parts_of, outlines_of


def _height(area: MapArea, outline: dict[str, str]) -> Height:
    tagged = tagged_height(area.tags)
    if tagged is not None:
        return tagged
    if outline:
        of_outline = tagged_height(outline) or default_height(outline)
        return Height(of_outline.metres, "outline")
    return default_height(area.tags)


def _base(area: MapArea, outline: dict[str, str]) -> float:
    return base_height(area.tags, _height(area, outline).metres).metres


def _material(area: MapArea, outline: dict[str, str], counts: BuildingCounts) -> str:
    material = wall_material(area.tags) or wall_material(outline)
    if material is None:
        counts.unknown_materials.update(area.tags[key] for key in MATERIAL_TAGS if key in area.tags)
        counts.materials[f"{DEFAULT_MATERIAL} (default)"] += 1
        return DEFAULT_MATERIAL
    counts.materials[material] += 1
    return material


def _is_wide(polygon: shapely.Polygon) -> bool:
    """Whether a remainder is more than the gap between an outline and parts drawn less exactly."""
    return not polygon.buffer(-0.5).is_empty
