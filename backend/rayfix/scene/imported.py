"""An imported scene on its way to disk."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from rayfix.files import write_text_whole
from rayfix.geo import GeoReference
from rayfix.scene.buildings import write_parts
from rayfix.scene.ground_grid import GROUND_FILE, ground_grid
from rayfix.scene.materials import draw_materials, variant_of
from rayfix.scene.mesh import Mesh, ground, joined, prism
from rayfix.scene.mesh_files import write_geometry
from rayfix.scene.osm_buildings import Solid, to_local
from rayfix.scene.scene import Extent, Scene
from rayfix.scene.terrain import Bounds, Terrain

GROUND_MARGIN_M = 50.0
"""The ground reaches this far beyond the extent and the outermost building [m]."""

Features = tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class ImportedScene:
    """What `write_scene` writes.

    Attributes:
        scene: name, place and extent.
        solids: buildings.
        roads, water: GeoJSON features, WGS 84.
        terrain: the ground; None: flat at zero.
        material_seed: of the drawn materials; None: those of ITU-R P.2040.
    """

    scene: Scene
    solids: tuple[Solid, ...]
    roads: Features
    water: Features
    terrain: Terrain | None
    material_seed: int | None


def write_scene(folder: Path, imported: ImportedScene) -> int:
    """Write scene.json, geometry.xml, meshes/, GeoJSON and heights; returns how many triangles."""
    scene, solids, seed = imported.scene, imported.solids, imported.material_seed
    by_material: dict[str, list[Mesh]] = defaultdict(list)
    for part, material in solids:
        name = material if seed is None else variant_of(material, part.source_id, seed)
        low, high = part.ground_m + part.base_m, part.ground_m + part.height_m
        by_material[name].append(prism(part.footprint, low, high))
    meshes = {name: joined(prisms) for name, prisms in by_material.items()}
    drawn = None
    if seed is not None:
        drawn = draw_materials((solid.material for solid in solids), seed)
    write_geometry(folder, meshes, _ground(imported), drawn)
    scene.save(folder)
    write_parts([part for part, _ in solids], scene, folder / "buildings.geojson")
    _write_features(folder / "roads.geojson", imported.roads)
    _write_features(folder / "water.geojson", imported.water)
    if imported.terrain is not None:
        heights = ground_grid(imported.terrain.ground, scene.extent)
        if heights is not None:
            heights.save(folder / GROUND_FILE)
    return sum(len(mesh.faces) for mesh in meshes.values())


def features_touching(
    features: Sequence[dict[str, Any]], georeference: GeoReference, window: BaseGeometry | None
) -> Features:
    """The features that touch a window in local metres; None = all."""
    if window is None:
        return tuple(features)
    shapes = to_local([shapely.geometry.shape(one["geometry"]) for one in features], georeference)
    return tuple(
        one for one, shape in zip(features, shapes, strict=True) if shape.intersects(window)
    )


def ground_bounds(extent: Extent, solids: Sequence[Solid]) -> Bounds:
    """West, south, east and north of the ground [m]."""
    edge = [extent.x_min_m, extent.y_min_m, extent.x_max_m, extent.y_max_m]
    built = shapely.total_bounds([part.footprint for part, _ in solids]) if solids else edge
    low, high = np.minimum(built, edge)[:2], np.maximum(built, edge)[2:]
    west, south = (low - GROUND_MARGIN_M).tolist()
    east, north = (high + GROUND_MARGIN_M).tolist()
    return west, south, east, north


def _ground(imported: ImportedScene) -> Mesh:
    bounds = ground_bounds(imported.scene.extent, imported.solids)
    return ground(*bounds) if imported.terrain is None else imported.terrain.cut(bounds)


def _write_features(path: Path, features: Features) -> None:
    document = {"type": "FeatureCollection", "features": features}
    write_text_whole(path, json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
