"""Writes small OpenStreetMap files whose corners are given in metres around one place."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from rayfix.geo import GeoReference

ORIGIN = GeoReference(60.17, 24.94)
HALF_DEG = 0.002  # 222 m to the north, 111 m to the east
BOX = (24.94 - HALF_DEG, 60.17 - HALF_DEG, 24.94 + HALF_DEG, 60.17 + HALF_DEG)

Ring = Sequence[tuple[float, float]]


def rectangle(x: float, y: float, width: float, depth: float) -> Ring:
    """Ring whose south-west corner lies at (x, y) [m]."""
    return [(x, y), (x + width, y), (x + width, y + depth), (x, y + depth), (x, y)]


class OsmFile:
    """An .osm file under construction."""

    def __init__(self) -> None:
        self.root = ElementTree.Element("osm", version="0.6")
        west, south, east, north = (str(value) for value in BOX)
        ElementTree.SubElement(
            self.root, "bounds", minlon=west, minlat=south, maxlon=east, maxlat=north
        )
        self.count = 0
        self.nodes: dict[tuple[float, float], int] = {}
        self.others: list[ElementTree.Element] = []

    def _number(self) -> str:
        self.count += 1
        return str(self.count)

    def node(self, x_m: float, y_m: float, **tags: str) -> int:
        key = x_m, y_m
        if key not in self.nodes:
            lat, lon = ORIGIN.to_lat_lon(x_m, y_m)
            place = {"lat": f"{float(lat):.9f}", "lon": f"{float(lon):.9f}"}
            element = ElementTree.SubElement(
                self.root, "node", id=self._number(), version="1", **place
            )
            _tag(element, tags)
            self.nodes[key] = self.count
        return self.nodes[key]

    def way(self, ring: Ring, **tags: str) -> int:
        """A way along these points; in tag names `__` stands for a colon."""
        references = [self.node(x, y) for x, y in ring]
        way = ElementTree.Element("way", id=self._number(), version="1")
        for reference in references:
            ElementTree.SubElement(way, "nd", ref=str(reference))
        _tag(way, tags)
        self.others.append(way)
        return self.count

    def multipolygon(self, outer: Sequence[int], inner: Sequence[int], **tags: str) -> int:
        relation = ElementTree.Element("relation", id=self._number(), version="1")
        for role, members in (("outer", outer), ("inner", inner)):
            for member in members:
                ElementTree.SubElement(relation, "member", type="way", ref=str(member), role=role)
        _tag(relation, {"type": "multipolygon", **tags})
        self.others.append(relation)
        return self.count

    def write(self, path: Path) -> Path:
        ways = [one for one in self.others if one.tag == "way"]
        relations = [one for one in self.others if one.tag == "relation"]
        self.root.extend([*ways, *relations])
        path.write_text(ElementTree.tostring(self.root, encoding="unicode"))
        return path


def _tag(element: ElementTree.Element, tags: dict[str, str]) -> None:
    for key, value in tags.items():
        ElementTree.SubElement(element, "tag", k=key.replace("__", ":"), v=value)
