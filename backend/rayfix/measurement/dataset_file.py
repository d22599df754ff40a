"""Datasets in Zarr v3: a folder, or one file.

Layout: `xy_m` [S, T, 2], `time_s` [T], `motion` [S], and per world a group with `path_gain_db`,
`toa_ns`, `aoa_deg`, `los` [S, T, C] and, where they were recorded, the arrays of
`propagation.PathDetail`; NaN = no path. Chunks lie together in shards of a thousand sequences, so
that a dataset of any size has few files.

Shape letters: S sequences, T places of a sequence, C cells.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from pydantic import ValidationError
from zarr.codecs import BloscCodec
from zarr.storage import LocalStore, ZipStore

from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.measurement.dataset import Dataset, DatasetWorld
from rayfix.measurement.propagation import PATH_DETAIL, Float64, PathDetail, Propagation
from rayfix.radio_map.store import round_to_step
from rayfix.scene.cell import Cell

FORMAT = "rayfix-dataset-1"
STEPS = {
    "xy_m": 2**-8, "path_gain_db": 2**-6, "toa_ns": 2**-5, "aoa_deg": 2**-5,
    "delay_spread_ns": 2**-5, "k_factor_db": 2**-5, "departure_azimuth_deg": 2**-5,
    "departure_zenith_deg": 2**-5, "arrival_azimuth_deg": 2**-5, "arrival_zenith_deg": 2**-5,
    "beam_gain_db": 2**-4, "layer_ratio_db": 2**-4, "pmi_rank1_gain_db": 2**-6,
}  # fmt: skip
"""Rounding step of each stored array: 4 mm, 0.02 dB, 0.03 ns and 0.03 deg, far finer than any
quantity is reported; powers of two, because they compress well (see `radio_map.store`)."""
CIRCULAR = ("aoa_deg", "departure_azimuth_deg", "arrival_azimuth_deg")
"""Bearings: rounded, they stay in [0, 360)."""
SEQUENCES_PER_SHARD = 1000
SEQUENCES_PER_CHUNK = 250


def save_dataset(dataset: Dataset, path: Path) -> Path:
    """Write a dataset, whole or not at all: a folder, or one file when `path` ends in `.zip`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    _remove(temporary)
    try:
        store = (
            ZipStore(temporary, mode="w", compression=zipfile.ZIP_STORED)
            if path.suffix == ".zip"
            else LocalStore(temporary)
        )
        _write(dataset, store)
        store.close()
        _remove(path)
        temporary.replace(path)
    finally:
        _remove(temporary)
    return path


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _arrays(dataset: Dataset) -> dict[str, tuple[npt.NDArray[Any], tuple[str, ...]]]:
    """Every stored array with the names of its dimensions, by its path in the file."""
    first = next(iter(dataset.worlds.values())).propagation
    arrays: dict[str, tuple[npt.NDArray[Any], tuple[str, ...]]] = {
        "xy_m": (first.xy_m_BT2.astype(np.float32), ("sequence", "report", "axis")),
        "time_s": (first.time_s_T.astype(np.float64), ("report",)),
        "motion": (dataset.motion_S.astype(np.uint8), ("sequence",)),
    }
    for name, world in dataset.worlds.items():
        p = world.propagation
        for quantity, values in (
            ("path_gain_db", p.path_gain_db_BTC),
            ("toa_ns", p.toa_ns_BTC),
            ("aoa_deg", p.aoa_deg_BTC),
            ("los", p.los_BTC),
            *(((detail, getattr(p.detail, detail)) for detail in PATH_DETAIL) if p.detail else ()),
        ):
            dimensions = ("sequence", "report", "cell", "beam")[: values.ndim]
            arrays[f"{name}/{quantity}"] = (values, dimensions)
    return {
        path: (_rounded(path.rpartition("/")[2], values), names)
        for path, (values, names) in arrays.items()
    }


def _rounded(quantity: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if quantity not in STEPS:
        return values
    rounded = round_to_step(values, STEPS[quantity])
    return np.mod(rounded, np.float32(360)) if quantity in CIRCULAR else rounded


def _sha256(values: npt.NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def _write(dataset: Dataset, store: ZipStore | LocalStore) -> None:
    arrays = _arrays(dataset)
    group = zarr.create_group(
        store,
        attributes={
            **dataset.attributes,
            "format": FORMAT,
            "scene": dataset.scene,
            "worlds": {
                name: [cell.model_dump(exclude_none=True) for cell in world.cells]
                for name, world in dataset.worlds.items()
            },
            "sha256": {path: _sha256(values) for path, (values, _) in arrays.items()},
        },
    )
    for path, (values, names) in arrays.items():
        length, rest = max(1, len(values)), tuple(max(1, size) for size in values.shape[1:])
        chunk = min(length, SEQUENCES_PER_CHUNK)
        shard = min(math.ceil(length / chunk), SEQUENCES_PER_SHARD // SEQUENCES_PER_CHUNK) * chunk
        array = group.create_array(
            path,
            shape=values.shape,
            dtype=values.dtype,
            chunks=(chunk, *rest),
            shards=(shard, *rest),
            compressors=BloscCodec(cname="zstd", clevel=9, shuffle="bitshuffle"),
            fill_value=np.nan if values.dtype.kind == "f" else 0,
            dimension_names=names,
        )
        array[...] = values


def load_dataset(path: Path) -> Dataset:
    """Read a dataset.

    Raises:
        ArtefactError: it is missing, not a dataset of this format, or an array is damaged; the
            message names the array.
    """
    if not path.exists():
        raise ArtefactError(path, "the dataset is missing")
    try:
        store = ZipStore(path, mode="r") if path.suffix == ".zip" else LocalStore(path)
        group = zarr.open_group(store, mode="r")
    except (zipfile.BadZipFile, FileNotFoundError, ValueError, OSError) as error:
        raise ArtefactError(path, f"not a Zarr group ({error})") from None
    attributes = dict(group.attrs)
    if attributes.pop("format", None) != FORMAT:
        raise ArtefactError(path, f"not a dataset of format {FORMAT}")
    try:
        sums = json.loads(json.dumps(attributes.pop("sha256")))
        listed = json.loads(json.dumps(attributes.pop("worlds")))
        scene = str(attributes.pop("scene"))
        cells = {
            name: tuple(Cell.model_validate(entry) for entry in entries)
            for name, entries in listed.items()
        }
    except (KeyError, ValidationError) as error:
        raise ArtefactError(path, f"attributes are incomplete ({error})") from None
    arrays = {name: _read(path, group, name, sums[name]) for name in sums}
    store.close()
    try:
        xy_m_ST2 = arrays["xy_m"].astype(np.float64)
        worlds = {
            name: DatasetWorld(there, propagation_of(arrays, name, xy_m_ST2, arrays["time_s"]))
            for name, there in cells.items()
        }
        return Dataset(scene, arrays["motion"].astype(np.int64), worlds, attributes)
    except (KeyError, InvalidInputError) as error:
        raise ArtefactError(path, f"arrays do not fit together ({error})") from None


def propagation_of(
    arrays: Mapping[str, npt.NDArray[Any]], world: str, xy_m_ST2: Float64, time_s_T: Float64
) -> Propagation:
    """Propagation of a world from arrays by `world/quantity`, with its detail if they have it.

    Raises:
        KeyError: an array is missing, or some of the detail.
        InvalidInputError: the shapes do not fit.
    """
    recorded = any(f"{world}/{quantity}" in arrays for quantity in PATH_DETAIL)
    return Propagation(
        xy_m_ST2,
        time_s_T,
        arrays[f"{world}/path_gain_db"],
        arrays[f"{world}/toa_ns"],
        arrays[f"{world}/aoa_deg"],
        arrays[f"{world}/los"],
        PathDetail(*(arrays[f"{world}/{name}"] for name in PATH_DETAIL)) if recorded else None,
    )


def _read(path: Path, group: zarr.Group, name: str, sha256: str) -> npt.NDArray[Any]:
    """One array, checked against its sum: a chunk that is missing or damaged never passes."""
    try:
        values = np.asarray(group[name][...])  # type: ignore[index]
    except (KeyError, ValueError, RuntimeError, OSError, zipfile.BadZipFile) as error:
        raise ArtefactError(path, f"array {name} cannot be read ({error})") from None
    if _sha256(values) != sha256:
        raise ArtefactError(path, f"array {name} is damaged (its SHA-256 does not match)")
    return values
