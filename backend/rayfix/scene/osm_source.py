"""What an extract holds before it becomes a scene, in degrees, whatever file it came from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import shapely
from shapely.geometry.base import BaseGeometry

Box = tuple[float, float, float, float]
"""West, south, east, north [deg]."""

OSM_ATTRIBUTION = "© OpenStreetMap contributors (ODbL)"

REPEATED = "repeats the outline of its multipolygon"
"""Why a way was dropped that has the tags of a relation it is the outer ring of."""

ROAD_TAGS = ("highway", "name", "lanes", "width", "maxspeed", "surface", "bridge", "tunnel")
WATER_TAGS = ("natural", "water", "waterway", "landuse", "name")


class MapArea(NamedTuple):
    """A building or a part of one.

    Attributes:
        osm_id: `way/1`, `relation/2`, or `feature 3` of a GeoJSON file.
        tags: as in the source.
        shape: valid polygon or multipolygon, longitude and latitude [deg]; holes are courtyards.
    """

    osm_id: str
    tags: dict[str, str]
    shape: BaseGeometry


@dataclass
class MapData:
    """Content of one extract.

    Attributes:
        areas: buildings and parts.
        roads: GeoJSON features with `highway`.
        water: GeoJSON features of water bodies and waterways.
        box: extent that the file states, if it does.
        multipolygons: how many of the areas are relations.
        repaired: how many rings crossed themselves or were otherwise invalid.
        dropped: how many objects could not be used, by reason.
    """

    areas: list[MapArea] = field(default_factory=list)
    roads: list[dict[str, Any]] = field(default_factory=list)
    water: list[dict[str, Any]] = field(default_factory=list)
    box: Box | None = None
    attribution: str = ""
    multipolygons: int = 0
    repaired: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def valid_area(self, shape: BaseGeometry) -> BaseGeometry:
        """The polygons of a shape; a self-crossing ring is repaired and counted."""
        if shape.is_valid:
            return shape
        self.repaired += 1
        return polygons_of(shapely.make_valid(shape))


def polygons_of(shape: BaseGeometry) -> BaseGeometry:
    """The polygons among the parts of a geometry, as one geometry."""
    parts = [one for one in shapely.get_parts(shape) if one.geom_type == "Polygon"]
    nested = [one for one in shapely.get_parts(shape) if one.geom_type == "MultiPolygon"]
    parts += [polygon for one in nested for polygon in shapely.get_parts(one)]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def is_water(tags: dict[str, str]) -> bool:
    """Whether an object is a water body or a waterway."""
    return (
        tags.get("natural") == "water"
        or "waterway" in tags
        or tags.get("landuse") in ("basin", "reservoir")
    )


def channel_feature(osm_id: str, tags: dict[str, str], keys: tuple[str, ...], shape: BaseGeometry
) -> dict[str, Any]:  # fmt: skip
    """A road or a water body as a GeoJSON feature with these tags."""
    properties = {"osm_id": osm_id} | {key: tags[key] for key in keys if key in tags}
    geometry = shapely.geometry.mapping(shape)
    return {"type": "Feature", "properties": properties, "geometry": geometry}
