"""Radio maps on disk: `radio_maps/<scene>/` with scene.json, cells.yaml, buildings.geojson,
maps.zarr and the manifest of them all. How the arrays are stored: `write`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import zarr

from rayfix.errors import ArtefactError, ConfigError
from rayfix.files import MANIFEST, check_manifest
from rayfix.radio_map.conventions import GRID_MAPPING
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap
from rayfix.radio_map.write import (
    BUILDINGS,
    ROADS,
    STEPS,
    STORE,
    WATER,
    files_below,
    map_writer,
    round_to_step,
    windows,
)
from rayfix.scene.cell import Cell, load_cells
from rayfix.scene.scene import Scene

__all__ = [
    "BUILDINGS",
    "ROADS",
    "STEPS",
    "STORE",
    "WATER",
    "load_radio_map",
    "round_to_step",
    "save_radio_map",
]


def save_radio_map(folder: Path, radio_map: RadioMap, channels: Path | None = None) -> Path:
    """Write a map that is in memory, whole or not at all; returns its maps.zarr.

    Args:
        folder: `radio_maps/<scene>`; other files in it are not touched.
        channels: see `write.map_writer`.
    Raises:
        DiskFullError: there is no room; an earlier map in the folder stays as it was.
    """
    one = radio_map
    layers = {**one.features, **one.extra, "building_height": one.building_height_m}
    with map_writer(
        folder, one.scene, one.cells, one.x_m, one.y_m, one.attributes, channels
    ) as writer:
        for window in windows(len(one.y_m), len(one.x_m)):
            writer.write(
                window,
                {name: a[..., window.rows, window.columns] for name, a in layers.items()},
            )
    return folder / STORE


def load_radio_map(folder: Path, extra: Collection[str] | None = None) -> RadioMap:
    """Read a radio map after comparing every file with the manifest.

    Args:
        extra: arrays beside the features to read, as far as the map has them; None = all.
    Raises:
        ArtefactError: a file is missing, damaged, cut short or not part of what was written;
            the error's path is the failing file.
    """
    if not folder.is_dir():
        raise ArtefactError(folder, "there is no radio map here")
    listed = check_manifest(folder)
    for file in files_below(folder / STORE):
        if file.relative_to(folder).as_posix() not in listed:
            raise ArtefactError(file, f"not part of the map that was written ({MANIFEST})")
    scene = Scene.load(folder)
    try:
        cells = load_cells(folder / "cells.yaml")
    except ConfigError as error:
        raise ArtefactError(error.path, error.reason) from None
    try:
        return _read_zarr(folder / STORE, scene, cells, extra)
    except (KeyError, ValueError, TypeError, OSError, RuntimeError) as error:
        raise ArtefactError(
            folder / STORE, f"not a radio map that RayFix wrote ({error})"
        ) from None


def _read_zarr(
    path: Path, scene: Scene, cells: tuple[Cell, ...], extra: Collection[str] | None
) -> RadioMap:
    group = zarr.open_group(path, mode="r")
    arrays = {name: array for name, array in group.arrays()}
    stored = [str(name) for name in np.asarray(arrays.pop("cell")[...])]
    if stored != [cell.cell_id for cell in cells]:
        raise ArtefactError(path.parent / "cells.yaml", f"other cells than those of {STORE}")
    x_m, y_m = (np.asarray(arrays.pop(name)[...], np.float64) for name in ("x", "y"))
    arrays.pop(GRID_MAPPING)
    height = np.asarray(arrays.pop("building_height")[...], np.float32)
    if "path_gain" not in arrays:
        raise KeyError("path_gain")
    features = [name for name in FEATURE_NAMES if name in arrays]
    others = [
        name
        for name in sorted(arrays)
        if name not in FEATURE_NAMES and (extra is None or name in extra)
    ]
    attributes = group.attrs["rayfix"]
    if not isinstance(attributes, Mapping):
        raise TypeError("attribute 'rayfix' is not an object")
    return RadioMap(
        scene=scene,
        cells=cells,
        x_m=x_m,
        y_m=y_m,
        features={name: np.asarray(arrays[name][...], np.float32) for name in features},
        building_height_m=height,
        extra={name: np.asarray(arrays[name][...], np.float32) for name in others},
        attributes=dict(attributes),
    )
