"""Footprints and heights of buildings from a scene's meshes, as GeoJSON (RFC 7946)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from rayfix.files import write_bytes_whole, write_text_whole
from rayfix.scene.ground import Ground, ground_of
from rayfix.scene.mesh_files import geometry_file, shape_files
from rayfix.scene.scene import Scene

FloatArray = npt.NDArray[np.float64]

MARGIN_M = 150.0
"""Buildings are kept up to this distance outside the extent of the maps [m]."""

LEVEL_M = 4.0
"""Roof planes of one building whose mean heights differ by less form one part [m]."""

STANDS_M = 0.5
"""A part that begins less than this above the ground stands on it [m]."""

SMALLEST_HEIGHT_M = 1.0
SMALLEST_AREA_M2 = 2.0
SIMPLIFY_M = 0.15
DECIMALS = 7  # of a degree: 1 cm


_LOST_LETTERS = {
    "M_n": "ü", "br_u": "ä", "geb_ude": "ä", "stra_e": "ß", "gew_lb": "ö", "m_hle": "ü",
    "m_ller": "ü", "G_nth": "ü", "J_d": "ü", "F_nf": "ü", "H_fe": "ö", "pr_s": "ä", "St_dt": "ä",
    "sch_fl": "ö", "h_user": "ä",
}  # fmt: skip
"""Sionna's mesh names keep only ASCII; the letters that German word stems lost."""


class Part(NamedTuple):
    """A part of a building with one roof height.

    Attributes:
        footprint: polygon in local metres, with holes for courtyards.
        height_m: mean height of the roof above the ground.
        base_m: height of the lowest point above the ground; 0 where the part stands on it.
        name: the building's name, empty where it has none.
        ground_m: height of the ground there in the scene's frame: its lowest point at the outline.
        source_id: what it is in the file it was imported from, such as `way/123`.
    """

    footprint: shapely.Polygon
    height_m: float
    base_m: float
    name: str
    ground_m: float = 0.0
    source_id: str = ""


def building_parts(scene: Scene, folder: Path, margin_m: float = MARGIN_M) -> list[Part]:
    """Parts of all buildings that touch the extent of the maps plus a margin.

    A building is all meshes of one name (walls and roof have a material each). Its footprint is
    the projection of all faces that are not vertical; planes of similar height form one part.
    """
    around = scene.extent
    window = shapely.box(
        around.x_min_m - margin_m,
        around.y_min_m - margin_m,
        around.x_max_m + margin_m,
        around.y_max_m + margin_m,
    )
    parts: list[Part] = []
    xml = geometry_file(scene, folder)
    ground = ground_of(scene, folder)
    for name, triangles in _buildings(xml, scene.ground_mesh):
        low, high = triangles.min(axis=(0, 1)), triangles.max(axis=(0, 1))
        if high[2] - low[2] < SMALLEST_HEIGHT_M:
            continue  # the ground
        if shapely.box(low[0], low[1], high[0], high[1]).intersects(window):
            parts.extend(_parts_of(name, triangles, float(low[2]), ground))
    return parts


def write_buildings(scene: Scene, folder: Path, path: Path) -> Path:
    """Write the buildings of a scene as `write_parts` does; an imported scene brings its own.

    Args:
        folder: folder of the scene.
    """
    imported = folder / "buildings.geojson"
    if not scene.geometry.startswith("builtin:") and imported.is_file():
        write_bytes_whole(path, imported.read_bytes())
        return path
    return write_parts(building_parts(scene, folder), scene, path)


def write_parts(parts: Iterable[Part], scene: Scene, path: Path) -> Path:
    """Write `buildings.geojson`: WGS 84 polygons with `height_m`, `base_m`, `ground_m`, `name`."""
    features = [_feature(part, scene) for part in parts]
    document = {"type": "FeatureCollection", "features": features}
    write_text_whole(path, json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
    return path


def _buildings(xml: Path, ground_mesh: str) -> Iterator[tuple[str, FloatArray]]:
    """Name and triangles [N, 3 corners, 3] of every building of a Mitsuba scene."""
    import trimesh

    files: dict[str, list[Path]] = defaultdict(list)
    for shape, path in shape_files(xml):
        if shape != ground_mesh:
            files[re.sub(r"-(itu_[a-z0-9_-]+|roof|wall|[0-9a-f]{6})$", "", shape)].append(path)
    for name, paths in files.items():
        meshes = [trimesh.load_mesh(path, process=False) for path in paths]
        yield name, np.concatenate([np.asarray(mesh.triangles, np.float64) for mesh in meshes])


def _parts_of(name: str, triangles: FloatArray, base_m: float, ground: Ground) -> Iterator[Part]:
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    doubled_area = np.linalg.norm(normals, axis=1)
    centre_z = triangles[:, :, 2].mean(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        normals = normals / doubled_area[:, None]
    normals[normals[:, 2] < 0] *= -1
    roof = (normals[:, 2] > 0.1) & (centre_z > base_m + 0.5)
    triangles, normals, centre_z = triangles[roof], normals[roof], centre_z[roof]
    if not len(triangles):
        return
    area = doubled_area[roof] * normals[:, 2]
    plane = _planes(normals, triangles[:, 0] - triangles.mean(axis=(0, 1)))
    plane_z = np.bincount(plane, area * centre_z) / np.bincount(plane, area)
    covered: BaseGeometry = shapely.Polygon()
    level = _levels(plane_z)[plane]
    for number in range(level.max(), -1, -1):  # from the top: higher parts cover lower ones
        chosen = level == number
        whole = shapely.union_all(shapely.polygons(triangles[chosen][:, :, :2]), grid_size=0.01)
        visible = _tidied(whole.difference(covered))
        covered = covered.union(whole)
        height = float(np.average(centre_z[chosen], weights=area[chosen]))
        for polygon in visible:
            ground_m = ground.lowest_m(polygon)
            base = base_m - ground_m if base_m > ground_m + STANDS_M else 0.0
            yield Part(polygon, height - ground_m, base, _display_name(name), ground_m)


def _planes(normals: FloatArray, points: FloatArray) -> npt.NDArray[np.int64]:
    """Number of the plane that each face lies in, from unit normals and a point of each face."""
    offset = np.einsum("ij,ij->i", normals, points)
    close = cKDTree(np.column_stack([10 * normals, offset])).query_pairs(0.3, output_type="ndarray")
    graph = coo_array((np.ones(len(close)), close.T), shape=(len(points), len(points)))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _levels(heights_m: FloatArray) -> npt.NDArray[np.int64]:
    """Number of the level of each height: sorted, a level ends `LEVEL_M` above where it began."""
    levels = np.zeros(len(heights_m), np.int64)
    number, start = 0, -np.inf
    for index in np.argsort(heights_m):
        if heights_m[index] - start > LEVEL_M:
            number += np.isfinite(start)
            start = heights_m[index]
        levels[index] = number
    return levels


def _tidied(area: BaseGeometry) -> list[shapely.Polygon]:
    """Polygons of an area without slivers and needless corners."""
    opened = area.buffer(-0.05, join_style="mitre").buffer(0.05, join_style="mitre")
    simple = shapely.simplify(opened, SIMPLIFY_M)
    parts = shapely.get_parts(simple)
    return [p for p in parts if p.geom_type == "Polygon" and p.area >= SMALLEST_AREA_M2]


def _display_name(mesh_name: str) -> str:
    """`St__Peter` -> `St. Peter`; numbered meshes have no name."""
    if mesh_name.startswith("element_"):
        return ""
    name = mesh_name
    for stem, letter in _LOST_LETTERS.items():
        name = name.replace(stem, stem.replace("_", letter))
    name = (
        re.sub(r"(?<![A-Za-z])(St|Ehem)__", r"\1. ", name).replace("___", " / ").replace("__", ", ")
    )
    return name.replace("_", " ").strip(" ,")


def _feature(part: Part, scene: Scene) -> dict[str, Any]:
    polygon = shapely.orient_polygons(part.footprint)  # RFC 7946, 3.1.6: outer ring ccw

    def to_degrees(xy: FloatArray) -> FloatArray:
        lat, lon = scene.georeference.to_lat_lon(xy[:, 0], xy[:, 1])
        return np.column_stack([lon, lat]).round(DECIMALS)

    properties: dict[str, Any] = {"height_m": round(part.height_m, 1)}
    if part.base_m > STANDS_M:
        properties["base_m"] = round(part.base_m, 1)
    if part.ground_m:
        properties["ground_m"] = round(part.ground_m, 1)
    if part.name:
        properties["name"] = part.name
    if part.source_id:
        properties["osm_id"] = part.source_id
    geometry = shapely.geometry.mapping(shapely.transform(polygon, to_degrees))
    return {"type": "Feature", "properties": properties, "geometry": geometry}
