"""Radio maps on disk: `radio_maps/<scene>/` with scene.json, cells.yaml, buildings.geojson,
maps.zarr and the manifest of them all.

`maps.zarr` is Zarr v3: one float32 array `[cell, y, x]` per feature, NaN where there is no path.
Values are rounded to a power-of-two step (`STEPS`), which leaves the low bits of the float zero,
so that bit-shuffled Zstandard stores about as many bits as an integer would need while every
reader still sees plain floats. Each array is one file (a shard) of independently compressed and
checksummed chunks of one cell x 128 x 128 pixels: one cell, or one place, is read without the rest.
"""

from __future__ import annotations

import math
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.errors import ZarrUserWarning

from rayfix.errors import ArtefactError, ConfigError
from rayfix.files import MANIFEST, check_manifest, replace_entries, temporary_folder, write_manifest
from rayfix.radio_map.conventions import (
    GRID_MAPPING,
    array_attributes,
    group_attributes,
)
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap
from rayfix.scene.cell import Cell, load_cells, save_cells
from rayfix.scene.scene import Scene

STORE = "maps.zarr"
BUILDINGS = "buildings.geojson"
CHUNK_PIXELS = 128

STEPS: Mapping[str, float] = {
    "path_gain": 2**-4,
    "toa": 2**-3,
    "aoa": 2**-4,
    "snr": 2**-4,
    "sinr": 2**-4,
    "throughput": 2**-3,
    "bler": 2**-10,
    "building_height": 2**-4,
}
"""Rounding step of each stored array in its own unit; the error is at most half of it:
0.03 dB, 0.06 ns (2 cm), 0.03 deg."""

EXTRA_STEP = 2**-4
"""Rounding step of the extra arrays, each in its own unit."""


def round_to_step(values: npt.NDArray[np.float32], step: float) -> npt.NDArray[np.float32]:
    """Values rounded to multiples of a power-of-two step; NaN stays NaN."""
    return (np.round(values / np.float32(step)) * np.float32(step)).astype(np.float32)


def save_radio_map(folder: Path, radio_map: RadioMap, buildings: Path | None = None) -> Path:
    """Write scene.json, cells.yaml, maps.zarr and the manifest, whole or not at all.

    Args:
        folder: `radio_maps/<scene>`; other files in it are not touched.
        buildings: copied to buildings.geojson; without it, the one in the folder stays.
    """
    temporary = temporary_folder(folder)
    try:
        buildings = buildings or folder / BUILDINGS
        if buildings.exists():
            shutil.copy(buildings, temporary / BUILDINGS)
        radio_map.scene.save(temporary)
        save_cells(temporary / "cells.yaml", radio_map.cells)
        _write_zarr(temporary / STORE, radio_map)
        write_manifest(temporary, _files_below(temporary))
        replace_entries(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder / STORE


def load_radio_map(folder: Path) -> RadioMap:
    """Read a radio map after comparing every file with the manifest.

    Raises:
        ArtefactError: a file is missing, damaged, cut short or not part of what was written;
            the error's path is the failing file.
    """
    if not folder.is_dir():
        raise ArtefactError(folder, "there is no radio map here")
    listed = check_manifest(folder)
    for file in _files_below(folder / STORE):
        if file.relative_to(folder).as_posix() not in listed:
            raise ArtefactError(file, f"not part of the map that was written ({MANIFEST})")
    scene = Scene.load(folder)
    try:
        cells = load_cells(folder / "cells.yaml")
    except ConfigError as error:
        raise ArtefactError(error.path, error.reason) from None
    try:
        return _read_zarr(folder / STORE, scene, cells)
    except (KeyError, ValueError, TypeError, OSError, RuntimeError) as error:
        raise ArtefactError(
            folder / STORE, f"not a radio map that RayFix wrote ({error})"
        ) from None


def _files_below(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


def _write_zarr(path: Path, radio_map: RadioMap) -> None:
    group = zarr.create_group(path, zarr_format=3, attributes=group_attributes(radio_map))
    codecs = (BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle"), Crc32cCodec())

    def write(name: str, values: npt.NDArray[np.float32], step: float) -> None:
        inner = (1,) * (values.ndim - 2) + (CHUNK_PIXELS, CHUNK_PIXELS)
        outer = (*values.shape[:-2], *(_padded(size) for size in values.shape[-2:]))
        array = group.create_array(
            name,
            shape=values.shape,
            dtype="float32",
            chunks=inner,
            shards=outer,
            compressors=codecs,
            fill_value=math.nan,
            dimension_names=("cell", "y", "x")[-values.ndim :],
            attributes=array_attributes(name, radio_map, step),
        )
        array[...] = round_to_step(values, step)

    for name in FEATURE_NAMES:
        values = round_to_step(radio_map.features[name], STEPS[name])
        write(name, values % np.float32(360.0) if name == "aoa" else values, STEPS[name])
    for name, values in radio_map.extra.items():
        write(name, values, EXTRA_STEP)
    write("building_height", radio_map.building_height_m, STEPS["building_height"])

    identifiers = np.array([cell.cell_id for cell in radio_map.cells], np.dtypes.StringDType())
    coordinates = {"cell": identifiers, "y": radio_map.y_m, "x": radio_map.x_m}
    for name, data in coordinates.items():
        group.create_array(
            name,
            data=data,
            compressors=(Crc32cCodec(),),
            dimension_names=(name,),
            attributes=array_attributes(name, radio_map, None),
        )
    group.create_array(
        GRID_MAPPING,
        data=np.zeros((), np.int32),
        compressors=(Crc32cCodec(),),
        attributes=dict(radio_map.scene.georeference.crs.to_cf()),
    )
    with warnings.catch_warnings():  # consolidated metadata: read by zarr-python and xarray only
        warnings.simplefilter("ignore", ZarrUserWarning)
        zarr.consolidate_metadata(path)


def _padded(size: int) -> int:
    return math.ceil(size / CHUNK_PIXELS) * CHUNK_PIXELS


def _read_zarr(path: Path, scene: Scene, cells: tuple[Cell, ...]) -> RadioMap:
    group = zarr.open_group(path, mode="r")
    arrays = {name: array for name, array in group.arrays()}
    stored = [str(name) for name in np.asarray(arrays.pop("cell")[...])]
    if stored != [cell.cell_id for cell in cells]:
        raise ArtefactError(path.parent / "cells.yaml", f"other cells than those of {STORE}")
    x_m, y_m = (np.asarray(arrays.pop(name)[...], np.float64) for name in ("x", "y"))
    arrays.pop(GRID_MAPPING)
    values = {name: np.asarray(array[...], np.float32) for name, array in arrays.items()}
    height = values.pop("building_height")
    attributes = group.attrs["rayfix"]
    if not isinstance(attributes, Mapping):
        raise TypeError("attribute 'rayfix' is not an object")
    return RadioMap(
        scene=scene,
        cells=cells,
        x_m=x_m,
        y_m=y_m,
        features={name: values.pop(name) for name in FEATURE_NAMES},
        building_height_m=height,
        extra=values,
        attributes=dict(attributes),
    )
