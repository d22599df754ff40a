"""Imports a piece of OpenStreetMap, or GeoJSON footprints, as a scene for the ray tracer."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import shapely

from rayfix.errors import ArtefactError, InvalidInputError, SourceFileError
from rayfix.files import (
    naming_full_disk,
    replace_entries,
    replace_folder,
    temporary_folder,
)
from rayfix.geo import GeoReference
from rayfix.scene.buildings import MARGIN_M
from rayfix.scene.import_summary import ImportSummary
from rayfix.scene.imported import (
    ImportedScene,
    features_touching,
    ground_bounds,
    write_scene,
)
from rayfix.scene.mesh_files import GROUND
from rayfix.scene.osm_buildings import Solid, solids_of
from rayfix.scene.osm_geojson import read_geojson
from rayfix.scene.osm_read import read_osm
from rayfix.scene.osm_source import REPEATED, Box, MapData
from rayfix.scene.scene import Extent, Scene
from rayfix.scene.terrain import Terrain, read_terrain
from rayfix.scene.tiles import Tiling, write_tiles

EXTENT_STEP_M = 16.0
"""Sides of the extent are multiples of this [m], so that grids of 1, 2, 4 and 8 m fit."""

LARGEST_SIDE_M = 20_000.0
"""One flat frame: over 10 km from the origin, the ground falls 8 m below the tangent plane."""


def import_scene(
    source: Path,
    name: str,
    output_dir: Path,
    *,
    box: Box | None = None,
    title: str = "",
    dem: Path | None = None,
    material_seed: int | None = None,
    tiling: Tiling | None = None,
    overwrite: bool = False,
) -> tuple[Path, ImportSummary]:
    """Write `<output_dir>/<name>/`: scene.json, geometry.xml, meshes/, GeoJSON, import.json.

    Args:
        source: `.osm`, `.osm.pbf` (also compressed by gzip or bzip2) or GeoJSON footprints.
        box: west, south, east, north [deg] of the maps; by default that of the file, or of its
            buildings. Buildings up to `MARGIN_M` outside a given box are kept, for their echoes.
        dem: GeoTIFF of heights [m]; without it the ground is flat.
        material_seed: draw materials around those of ITU-R P.2040 (see `draw_materials`).
        tiling: also cut the scene into overlapping tiles, each a scene of its own.
        overwrite: replace what an earlier import wrote; other files of the folder stay.
    Raises:
        SourceFileError: the file is missing, damaged, or has no building in the box.
        InvalidInputError: the name or the box breaks a rule, or the folder exists.
        ArtefactError: the folder cannot be written; an earlier import stays whole.
        DiskFullError: there is no room; the same.
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
        ground_mesh="" if dem is None else GROUND,
        origin_lat_deg=georeference.origin_lat_deg,
        origin_lon_deg=georeference.origin_lon_deg,
        extent=extent,
        attribution=data.attribution,
    )
    terrain = None
    if dem is not None:
        terrain = read_terrain(dem, georeference, extent, ground_bounds(extent, solids))
        solids = _on_ground(solids, terrain)
    imported = ImportedScene(
        scene=scene,
        solids=tuple(solids),
        roads=features_touching(data.roads, georeference, window),
        water=features_touching(data.water, georeference, window),
        terrain=terrain,
        material_seed=material_seed,
    )
    try:
        with naming_full_disk(folder), _replacing(folder) as temporary:
            triangles = write_scene(temporary, imported)
            tiles = 0 if tiling is None else write_tiles(temporary, imported, tiling)
            summary = ImportSummary(
                source=source.name,
                multipolygons=data.multipolygons,
                repaired=data.repaired,
                solids=len(solids),
                triangles=triangles,
                roads=len(imported.roads),
                water=len(imported.water),
                ground="flat ground" if terrain is None else terrain.describe(),
                tiles=tiles,
                material_seed=material_seed,
                counts=counts,
            )
            summary.save(temporary)
    except OSError as error:
        raise ArtefactError(folder, f"cannot be written ({error.strerror})") from None
    return folder, summary


def _on_ground(solids: list[Solid], terrain: Terrain) -> list[Solid]:
    ground = terrain.ground
    return [
        solid._replace(part=solid.part._replace(ground_m=ground.lowest_m(solid.part.footprint)))
        for solid in solids
    ]


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
