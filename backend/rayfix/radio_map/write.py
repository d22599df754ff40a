"""Writes a radio map window by window, so that a map of many sites need not fit into memory.

`maps.zarr` is Zarr v3: one float32 array `[cell, y, x]` per feature, NaN where there is no path.
Values are rounded to a power-of-two step (`STEPS`), which leaves the low bits of the float zero,
so that bit-shuffled Zstandard stores about as many bits as an integer would need while every
reader still sees plain floats. Each window of 512 x 512 pixels of an array is one file (a shard)
of independently compressed and checksummed chunks of one cell x 128 x 128 pixels: one cell, or one
place, is read without the rest.
"""

from __future__ import annotations

import math
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.errors import ZarrUserWarning

from rayfix.files import naming_full_disk, replace_entries, temporary_folder, write_manifest
from rayfix.radio_map.conventions import (
    GRID_MAPPING,
    array_attributes,
    coordinate_attributes,
    group_attributes,
)
from rayfix.scene.cell import Cell, save_cells
from rayfix.scene.ground_grid import GROUND_FILE
from rayfix.scene.scene import Scene

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

STORE = "maps.zarr"
BUILDINGS, ROADS, WATER = "buildings.geojson", "roads.geojson", "water.geojson"
CHANNELS = (BUILDINGS, ROADS, WATER, GROUND_FILE)
"""What is on the ground and how high it lies, beside the map; roads and water come with an imported
scene, heights with hills."""
CHUNK_PIXELS = 128
WINDOW_PIXELS = 512

STEPS: Mapping[str, float] = {
    "path_gain": 2**-4,
    "toa": 2**-3,
    "aoa": 2**-4,
    "snr": 2**-4,
    "sinr": 2**-4,
    "throughput": 2**-3,
    "bler": 2**-10,
    "building_height": 2**-4,
    "path_gain_stderr": 2**-4,
    "toa_mean": 2**-3,
    "delay_spread": 2**-3,
    "aoa_spread": 2**-3,
    "los": 1.0,
    "detection": 2**-7,
}
"""Rounding step of each stored array in its own unit; the error is at most half of it:
0.03 dB, 0.06 ns (2 cm), 0.03 deg."""

OTHER_STEP = 2**-4
"""Rounding step of any other array, in its own unit."""


def round_to_step(values: Float32, step: float) -> Float32:
    """Values rounded to multiples of a power-of-two step; NaN stays NaN."""
    return (np.round(values / np.float32(step)) * np.float32(step)).astype(np.float32)


def rounded(name: str, values: Float32) -> Float32:
    """Values of an array as they are stored; angles stay in [0, 360)."""
    found = round_to_step(values, STEPS.get(name, OTHER_STEP))
    return found % np.float32(360.0) if name == "aoa" else found


class Window(NamedTuple):
    """A rectangle of pixels."""

    rows: slice
    columns: slice


def windows(rows: int, columns: int) -> list[Window]:
    """The windows of a grid, in the order in which they are written."""
    return [
        Window(
            slice(row, min(row + WINDOW_PIXELS, rows)),
            slice(column, min(column + WINDOW_PIXELS, columns)),
        )
        for row in range(0, rows, WINDOW_PIXELS)
        for column in range(0, columns, WINDOW_PIXELS)
    ]


class MapWriter:
    """The open `maps.zarr` of one map.

    Args:
        path: the store, a new folder.
        scene, cells: what the map is of; cells in the order of the first axis.
        x_m, y_m: pixel centres [m], ascending, shapes [W] and [H].
        attributes: how the map was made, JSON values only.
    """

    def __init__(
        self,
        path: Path,
        scene: Scene,
        cells: Sequence[Cell],
        x_m: Float64,
        y_m: Float64,
        attributes: Mapping[str, Any],
    ) -> None:
        self._path, self._scene, self._cells, self._x_m, self._y_m = path, scene, cells, x_m, y_m
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._group = zarr.create_group(
            path, zarr_format=3, attributes=group_attributes(scene, x_m, y_m, attributes)
        )

    def write(self, window: Window, values: Mapping[str, Float32]) -> None:
        """Round and write the values of one window.

        Args:
            values: by array name, [C, rows, columns] of the window, or [rows, columns] for
                `building_height`; float32, NaN = no path.
        """
        for name, part in values.items():
            if name not in self._arrays:
                self._arrays[name] = self._create(name, part.ndim)
            self._arrays[name][(..., window.rows, window.columns)] = rounded(name, part)

    def _create(self, name: str, dimensions: int) -> zarr.Array[Any]:
        shape = (len(self._cells), len(self._y_m), len(self._x_m))[-dimensions:]
        outer = (min(_padded(size), WINDOW_PIXELS) for size in shape[-2:])
        step = STEPS.get(name, OTHER_STEP)
        return self._group.create_array(
            name,
            shape=shape,
            dtype="float32",
            chunks=(1,) * (dimensions - 2) + (CHUNK_PIXELS, CHUNK_PIXELS),
            shards=(*shape[:-2], *outer),
            compressors=(
                BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle"),
                Crc32cCodec(),
            ),
            fill_value=math.nan,
            dimension_names=("cell", "y", "x")[-dimensions:],
            attributes=array_attributes(name, self._scene, self._x_m, self._y_m, step),
        )

    def finish(self) -> None:
        """Write the coordinates and the metadata of all arrays in one place."""
        identifiers = np.array([cell.cell_id for cell in self._cells], np.dtypes.StringDType())
        for name, data in {"cell": identifiers, "y": self._y_m, "x": self._x_m}.items():
            self._group.create_array(
                name,
                data=data,
                compressors=(Crc32cCodec(),),
                dimension_names=(name,),
                attributes=coordinate_attributes(name),
            )
        self._group.create_array(
            GRID_MAPPING,
            data=np.zeros((), np.int32),
            compressors=(Crc32cCodec(),),
            attributes=dict(self._scene.georeference.crs.to_cf()),
        )
        with warnings.catch_warnings():  # zarr-python and xarray read consolidated metadata
            warnings.simplefilter("ignore", ZarrUserWarning)
            zarr.consolidate_metadata(self._path)


@contextmanager
def map_writer(
    folder: Path,
    scene: Scene,
    cells: Sequence[Cell],
    x_m: Float64,
    y_m: Float64,
    attributes: Mapping[str, Any],
    channels: Path | None = None,
) -> Iterator[MapWriter]:
    """Write scene.json, cells.yaml, maps.zarr and the manifest, whole or not at all.

    Args:
        folder: `radio_maps/<scene>`; other files in it are not touched.
        x_m, y_m, attributes: see `MapWriter`.
        channels: folder whose `CHANNELS` are copied; by default those in the map's folder stay.
    Raises:
        DiskFullError: there is no room; what was in the folder stays as it was.
    """
    with naming_full_disk(folder):
        temporary = temporary_folder(folder)
        try:
            for name in CHANNELS:
                source = (channels or folder) / name
                if source.is_file():
                    shutil.copy(source, temporary / name)
            scene.save(temporary)
            save_cells(temporary / "cells.yaml", cells)
            writer = MapWriter(temporary / STORE, scene, cells, x_m, y_m, attributes)
            yield writer
            writer.finish()
            write_manifest(temporary, files_below(temporary))
            replace_entries(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def files_below(folder: Path) -> list[Path]:
    """Every visible file of a folder, sorted."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))


def _padded(size: int) -> int:
    return math.ceil(size / CHUNK_PIXELS) * CHUNK_PIXELS
