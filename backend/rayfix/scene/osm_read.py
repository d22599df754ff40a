"""Reads `.osm` and `.osm.pbf` extracts: areas, roads and water with their tags.

Rings are assembled here rather than by libosmium, which leaves out every ring that crosses itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import shapely
from shapely.geometry.base import BaseGeometry

from rayfix.errors import SourceFileError
from rayfix.scene.osm_source import (
    OSM_ATTRIBUTION,
    REPEATED,
    ROAD_TAGS,
    WATER_TAGS,
    MapArea,
    MapData,
    channel_feature,
    is_water,
)
from rayfix.scene.osm_tags import is_area_of

Points = list[tuple[float, float]]


class _Relation(NamedTuple):
    identifier: str
    tags: dict[str, str]
    outer: list[int]
    inner: list[int]


class _Way(NamedTuple):
    tags: dict[str, str]
    points: Points
    complete: bool

    @property
    def closed(self) -> bool:
        return len(self.points) >= 4 and self.points[0] == self.points[-1]


def read_osm(path: Path) -> MapData:
    """Buildings, parts, roads and water of an OpenStreetMap file.

    Raises:
        SourceFileError: not an OpenStreetMap file, or it is cut short.
    """
    data = MapData(attribution=OSM_ATTRIBUTION)
    try:
        import osmium
    except ImportError:
        raise SourceFileError(path, "reading it takes pip install 'rayfix[maps]'") from None
    try:
        with osmium.io.Reader(str(path)) as reader:
            box = reader.header().box()
        if box.valid():
            low, high = box.bottom_left, box.top_right
            data.box = (low.lon, low.lat, high.lon, high.lat)
        relations = _read_relations(path, data)
        ways = _read_ways(path, relations, data)
    except RuntimeError as error:
        raise SourceFileError(path, f"not a whole OpenStreetMap file ({error})") from None
    outlines: set[int] = set()
    for relation in relations:
        _add_relation(relation, ways, outlines, data)
    for number, way in ways.items():
        _add_way(number, way, outlines, data)
    return data


def _wanted(tags: dict[str, str]) -> bool:
    return is_area_of(tags, "building") or is_area_of(tags, "building:part") or is_water(tags)


def _read_relations(path: Path, data: MapData) -> list[_Relation]:
    import osmium

    relations = []
    for item in osmium.FileProcessor(str(path), osmium.osm.RELATION):
        tags = {tag.k: tag.v for tag in item.tags}
        if tags.get("type") != "multipolygon":
            if is_area_of(tags, "building") or is_area_of(tags, "building:part"):
                data.dropped["a relation that is not a multipolygon"] += 1
            continue
        plain = set(tags) <= {"type", "source", "created_by"}
        if not (_wanted(tags) or "highway" in tags or plain):
            continue
        members = [(member.ref, member.role) for member in item.members if member.type == "w"]
        outer = [ref for ref, role in members if role != "inner"]
        inner = [ref for ref, role in members if role == "inner"]
        relations.append(_Relation(f"relation/{item.id}", tags, outer, inner))
    return relations


def _read_ways(path: Path, relations: list[_Relation], data: MapData) -> dict[int, _Way]:
    import osmium

    members = {ref for one in relations for ref in (*one.outer, *one.inner)}
    ways: dict[int, _Way] = {}
    source: Any = osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY)
    tagged_nodes = osmium.filter.EmptyTagFilter().enable_for(osmium.osm.NODE)
    for item in source.with_locations().with_filter(tagged_nodes):
        tags = {tag.k: tag.v for tag in item.tags}
        if item.is_node():
            if is_area_of(tags, "building") and tags["building"] != "entrance":
                data.dropped["a point without an outline"] += 1
        elif item.id in members or _wanted(tags) or "highway" in tags:
            points = [(n.lon, n.lat) for n in item.nodes if n.location.valid()]
            ways[item.id] = _Way(tags, points, len(points) == len(item.nodes))
    return ways


def _add_relation(
    relation: _Relation, ways: dict[int, _Way], outlines: set[int], data: MapData
) -> None:
    tags = relation.tags
    if not _wanted(tags) and "highway" not in tags:  # the older style: the outer way has the tags
        outer_tags = [ways[ref].tags for ref in relation.outer if ref in ways]
        tags = next((found for found in outer_tags if _wanted(found)), {})
        if not tags or not relation.inner:
            return
    lines = {ref: ways[ref] for ref in (*relation.outer, *relation.inner) if ref in ways}
    keys = [key for key in ("building", "building:part") if is_area_of(tags, key)]
    if any(ref not in lines or not lines[ref].complete for ref in relation.outer):
        data.dropped["nodes or members missing" if keys else "roads, water: members missing"] += 1
        return
    outer = _rings([lines[ref] for ref in relation.outer], data)
    inner = _rings([lines[ref] for ref in relation.inner if ref in lines], data)
    shape = _nested(outer, inner)
    for key in keys:
        outlines.update(ref for ref in relation.outer if is_area_of(ways[ref].tags, key))
    if keys and shape.is_empty:
        data.dropped["a ring that is not closed"] += 1
    elif keys:
        data.multipolygons += 1
        data.areas.append(MapArea(relation.identifier, tags, shape))
    elif "highway" in tags and not shape.is_empty:
        data.roads.append(channel_feature(relation.identifier, tags, ROAD_TAGS, shape))
    elif not shape.is_empty:
        data.water.append(channel_feature(relation.identifier, tags, WATER_TAGS, shape))


def _rings(lines: list[_Way], data: MapData) -> list[BaseGeometry]:
    """The areas inside closed ways, and inside rings of open ways joined at their ends."""
    areas = [data.valid_area(shapely.Polygon(way.points)) for way in lines if way.closed]
    open_lines = [way.points for way in lines if not way.closed and len(way.points) >= 2]
    if open_lines:
        merged = shapely.line_merge(shapely.MultiLineString(open_lines))
        for line in shapely.get_parts(merged):
            if line.is_closed and len(line.coords) >= 4:
                areas.append(data.valid_area(shapely.Polygon(line.coords)))
    return areas


def _nested(outer: list[BaseGeometry], inner: list[BaseGeometry]) -> BaseGeometry:
    """What rings enclose, from the largest to the smallest: one inside the area so far cuts a
    hole, whatever its role (roles are often wrong), and an outer ring elsewhere adds to it."""
    shape: BaseGeometry = shapely.Polygon()
    rings = [(ring, True) for ring in outer] + [(ring, False) for ring in inner]
    for ring, adds in sorted(rings, key=lambda one: -one[0].area):
        inside = shape.intersection(ring).area >= 0.99 * ring.area
        cuts = inside or not adds
        shape = shape.difference(ring) if cuts else shape.union(ring)
    return shape


def _add_way(number: int, way: _Way, outlines: set[int], data: MapData) -> None:
    identifier = f"way/{number}"
    if is_area_of(way.tags, "building") or is_area_of(way.tags, "building:part"):
        if number in outlines:
            data.dropped[REPEATED] += 1
        elif not way.complete:
            data.dropped["nodes or members missing"] += 1
        elif not way.closed:
            data.dropped["a ring that is not closed"] += 1
        else:
            shape = data.valid_area(shapely.Polygon(way.points))
            data.areas.append(MapArea(identifier, way.tags, shape))
    if len(way.points) < 2:
        return
    is_area = way.closed and way.tags.get("area") == "yes"
    if "highway" in way.tags:
        shape = shapely.Polygon(way.points) if is_area else shapely.LineString(way.points)
        data.roads.append(channel_feature(identifier, way.tags, ROAD_TAGS, shape))
    if is_water(way.tags):
        is_area = way.closed and ("waterway" not in way.tags or way.tags["waterway"] == "riverbank")
        shape = shapely.Polygon(way.points) if is_area else shapely.LineString(way.points)
        data.water.append(channel_feature(identifier, way.tags, WATER_TAGS, shape))
