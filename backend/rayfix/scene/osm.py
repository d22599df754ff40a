"""Imports a piece of OpenStreetMap, or GeoJSON footprints, as a scene for the ray tracer."""

from __future__ import annotations

import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from rayfix.errors import ArtefactError, InvalidInputError, SourceFileError
from rayfix.files import replace_entries, replace_folder, temporary_folder, write_text_whole
from rayfix.geo import GeoReference
from rayfix.scene.buildings import MARGIN_M, write_parts
from rayfix.scene.mesh import Mesh, ground, joined, prism
from rayfix.scene.mesh_files import write_geometry
from rayfix.scene.osm_buildings import BuildingCounts, Solid, solids_of, to_local
from rayfix.scene.osm_geojson import read_geojson
from rayfix.scene.osm_read import read_osm
from rayfix.scene.osm_source import REPEATED, Box, MapData
from rayfix.scene.scene import Extent, Scene

EXTENT_STEP_M = 16.0
"""Sides of the extent are multiples of this [m], so that grids of 1, 2, 4 and 8 m fit."""

LARGEST_SIDE_M = 20_000.0
"""One flat frame: over 10 km from the origin, the ground falls 8 m below the tangent plane."""

GROUND_MARGIN_M = 50.0
"""The ground reaches this far beyond the extent and the outermost building [m]."""


@dataclass(frozen=True)
class ImportSummary:
    """What an import read, kept and left out; written as `import.json`.

    Attributes:
        multipolygons: buildings and parts of the file that are relations.
        repaired: invalid rings of the file that were repaired.
        solids, triangles: what the ray tracer gets.
        roads, water: features of the map channels.
        counts: see `BuildingCounts`; its `dropped` includes what the file itself lacked.
    """

    source: str
    multipolygons: int
    repaired: int
    solids: int
    triangles: int
    roads: int
    water: int
    counts: BuildingCounts

    def document(self) -> dict[str, Any]:
        """Plain values, `counts` among the others."""
        fields = {**vars(self), **vars(self.counts)}
        del fields["counts"]
        return fields

    def describe(self) -> str:
        """A few lines for a person."""
        counts = self.counts
        lines = [
            f"{counts.buildings} buildings ({_listed(counts.heights['buildings'])})",
            f"{counts.parts} parts ({_listed(counts.heights['parts'])})",
            f"{self.multipolygons} multipolygons, {counts.courtyards} courtyards, "
            f"{self.repaired} invalid rings repaired",
            f"{self.solids} solids, {self.triangles} triangles; {_listed(counts.materials)}",
            f"{self.roads} roads, {self.water} water bodies and waterways",
        ]
        if counts.dropped:
            lines.append(f"left out: {_listed(counts.dropped)}")
        return "\n".join(lines)


def _listed(counter: dict[str, int]) -> str:
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered) or "none"


def import_scene(
    source: Path,
    name: str,
    output_dir: Path,
    *,
    box: Box | None = None,
    title: str = "",
    overwrite: bool = False,
) -> tuple[Path, ImportSummary]:
    """Write `<output_dir>/<name>/`: scene.json, geometry.xml, meshes/, GeoJSON, import.json.

    Args:
        source: `.osm`, `.osm.pbf` (also compressed by gzip or bzip2) or GeoJSON footprints.
        box: west, south, east, north [deg] of the maps; by default that of the file, or of its
            buildings. Buildings up to `MARGIN_M` outside a given box are kept, for their echoes.
        overwrite: replace what an earlier import wrote; other files of the folder stay.
    Raises:
        SourceFileError: the file is missing, damaged, or has no building in the box.
        InvalidInputError: the name or the box breaks a rule, or the folder exists.
        ArtefactError: the folder cannot be written; an earlier import stays whole.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name):
        raise InvalidInputError("name", "lower-case letters, digits, - and _ are expected")
    folder = output_dir / name
    if folder.exists() and not overwrite:
        raise InvalidInputError("name", f"{folder} exists; --overwrite replaces it")
    if box is not None:
        check_box(box)
    data = _read(source)
    whole = box or data.box or _bounds(source, data)
    georeference, extent = frame_of(whole)
    window = None
    if box is not None:
        window = shapely.box(extent.x_min_m, extent.y_min_m, extent.x_max_m, extent.y_max_m)
        window = window.buffer(MARGIN_M, join_style="mitre")
    solids, counts = solids_of(data.areas, georeference, window)
    if not solids:
        raise SourceFileError(source, f"no building in {_box_text(whole)}")
    counts.dropped.update(data.dropped)
    if window is None:
        counts.buildings += data.dropped[REPEATED]  # has the tag, though its multipolygon is kept
    scene = Scene(
        name=name,
        title=title or name.replace("-", " ").replace("_", " ").title(),
        geometry="geometry.xml",
        origin_lat_deg=georeference.origin_lat_deg,
        origin_lon_deg=georeference.origin_lon_deg,
        extent=extent,
        attribution=data.attribution,
    )
    try:
        with _replacing(folder) as temporary:
            summary = _write(temporary, scene, solids, counts, data, window, source)
    except OSError as error:
        raise ArtefactError(folder, f"cannot be written ({error.strerror})") from None
    return folder, summary


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A temporary folder whose entries move to `folder` if all goes well, and that goes anyway."""
    temporary = temporary_folder(folder)
    try:
        yield temporary
        if folder.exists():
            replace_entries(temporary, folder)
        else:
            replace_folder(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_box(box: Box) -> None:
    """Check west, south, east, north.

    Raises:
        InvalidInputError: outside the Earth, or the order is wrong.
    """
    west, south, east, north = box
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InvalidInputError(
            "bbox", f"west < east and south < north in degrees are expected, not {_box_text(box)}"
        )


def frame_of(box: Box) -> tuple[GeoReference, Extent]:
    """Local frame at the centre of a box, and the largest rectangle of whole steps inside it.

    Raises:
        InvalidInputError: the box is too small or too large for one scene.
    """
    west, south, east, north = box
    georeference = GeoReference(round((south + north) / 2, 7), round((west + east) / 2, 7))
    x, y = georeference.to_local(
        [south, south, north, north], [west, east, west, east]
    )  # the narrower of two parallels, so that the rectangle lies inside
    half = np.array([np.abs(x).min(), np.abs(y).min()])
    step = EXTENT_STEP_M / 2
    half_x, half_y = (np.floor((half + 1e-6) / step) * step).tolist()
    if min(half_x, half_y) <= 0 or 2 * max(half_x, half_y) > LARGEST_SIDE_M:
        width, height = (2 * half).round()
        raise InvalidInputError(
            "bbox",
            f"sides of {EXTENT_STEP_M:g} m to {LARGEST_SIDE_M / 1000:g} km are expected, "
            f"not {width:g} m x {height:g} m",
        )
    extent = Extent(x_min_m=-half_x, x_max_m=half_x, y_min_m=-half_y, y_max_m=half_y)
    return georeference, extent


def _read(source: Path) -> MapData:
    if not source.is_file():
        raise SourceFileError(source, "the file is missing")
    name = source.name.lower()
    if name.endswith((".geojson", ".json")):
        return read_geojson(source)
    if name.endswith((".osm", ".pbf", ".osm.gz", ".osm.bz2", ".osm.xml")):
        return read_osm(source)
    raise SourceFileError(source, "a file name ending in .osm, .osm.pbf or .geojson is expected")


def _bounds(source: Path, data: MapData) -> Box:
    if not data.areas:
        raise SourceFileError(source, "no building in the file")
    west, south, east, north = shapely.total_bounds([area.shape for area in data.areas]).tolist()
    return west, south, east, north


def _box_text(box: Box) -> str:
    return ",".join(f"{value:g}" for value in box)


def _write(
    folder: Path,
    scene: Scene,
    solids: Sequence[Solid],
    counts: BuildingCounts,
    data: MapData,
    window: BaseGeometry | None,
    source: Path,
) -> ImportSummary:
    by_material: dict[str, list[Mesh]] = defaultdict(list)
    for part, material in solids:
        by_material[material].append(prism(part.footprint, part.base_m, part.height_m))
    meshes = {material: joined(prisms) for material, prisms in by_material.items()}
    write_geometry(folder, meshes, _ground(scene.extent, solids))
    scene.save(folder)
    write_parts([part for part, _ in solids], scene, folder / "buildings.geojson")
    roads = _inside(data.roads, scene.georeference, window)
    water = _inside(data.water, scene.georeference, window)
    _write_features(folder / "roads.geojson", roads)
    _write_features(folder / "water.geojson", water)
    summary = ImportSummary(
        source=source.name,
        multipolygons=data.multipolygons,
        repaired=data.repaired,
        solids=len(solids),
        triangles=sum(len(mesh.faces) for mesh in meshes.values()),
        roads=len(roads),
        water=len(water),
        counts=counts,
    )
    text = json.dumps(summary.document(), indent=1, ensure_ascii=False) + "\n"
    write_text_whole(folder / "import.json", text)
    return summary


def _ground(extent: Extent, solids: Sequence[Solid]) -> Mesh:
    built = shapely.total_bounds([part.footprint for part, _ in solids])
    edge = [extent.x_min_m, extent.y_min_m, extent.x_max_m, extent.y_max_m]
    low, high = np.minimum(built, edge)[:2], np.maximum(built, edge)[2:]
    west, south = (low - GROUND_MARGIN_M).tolist()
    east, north = (high + GROUND_MARGIN_M).tolist()
    return ground(west, south, east, north)


def _inside(
    features: list[dict[str, Any]], georeference: GeoReference, window: BaseGeometry | None
) -> list[dict[str, Any]]:
    """Features that touch the window."""
    if window is None:
        return features
    shapes = to_local([shapely.geometry.shape(one["geometry"]) for one in features], georeference)
    return [one for one, shape in zip(features, shapes, strict=True) if shape.intersects(window)]


def _write_features(path: Path, features: list[dict[str, Any]]) -> None:
    document = {"type": "FeatureCollection", "features": features}
    write_text_whole(path, json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
