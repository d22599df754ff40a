"""A drive test: measurements at known places, and the file that keeps it.

Shape letters: M moments (one place at one time), R readings (one cell at one moment), C cells,
Q measured quantities (order of `QUANTITIES`).
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec
from zarr.storage import ZipStore

from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.measurement.report import QUANTITIES, ReportBatch

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

Unlisted = Literal["silent", "unknown"]
"""What a cell without a reading at a moment means: `silent`, it was listened for and not heard (a
phone lists what it hears); `unknown`, nobody listened (a receiver that was off)."""

FORMAT = "rayfix-drive-test-1"
ARRAYS = {
    "time_s": "moment", "lat_deg": "moment", "lon_deg": "moment", "track": "moment",
    "moment": "reading", "cell": "reading", "heard": "reading", "values": "reading",
}  # fmt: skip
"""Stored arrays, with the name of their first dimension; the second of `values` is `quantity`."""


@dataclass(frozen=True)
class DriveTest:
    """What was measured at known places.

    Attributes:
        time_s_M: seconds since 1970 in UTC, NaN = not known.
        lat_deg_M, lon_deg_M: WGS 84 [deg].
        track_M: index into `tracks` of the trajectory that a moment belongs to.
        tracks: names of the trajectories.
        cell_ids: cells in the order that `cell_R` counts in.
        moment_R, cell_R: index of each reading's moment and cell; moments ascend.
        heard_R: whether the cell was heard; where not, a value is the receiver's noise floor.
        values_RQ: measured values in the order of `QUANTITIES`, NaN = missing.
        unlisted: what a cell without a reading at a moment means.
        attributes: where it comes from, JSON values only.
    """

    time_s_M: Float64
    lat_deg_M: Float64
    lon_deg_M: Float64
    track_M: Int64
    tracks: tuple[str, ...]
    cell_ids: tuple[str, ...]
    moment_R: Int64
    cell_R: Int64
    heard_R: Bool
    values_RQ: Float32
    unlisted: Unlisted = "silent"
    attributes: Mapping[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.time_s_M)

    def matrix(self, quantity: str) -> Float32:
        """One quantity of every moment and cell, [M, C]; NaN where missing.

        Raises:
            InvalidInputError: no such quantity.
        """
        if quantity not in QUANTITIES:
            raise InvalidInputError("quantity", f"one of {', '.join(QUANTITIES)} is expected")
        values = np.full((len(self), len(self.cell_ids)), np.nan, np.float32)
        values[self.moment_R, self.cell_R] = self.values_RQ[:, QUANTITIES.index(quantity)]
        return values

    @property
    def heard_MC(self) -> Bool:
        """Whether each cell was heard, [M, C]."""
        heard = np.zeros((len(self), len(self.cell_ids)), bool)
        heard[self.moment_R, self.cell_R] = self.heard_R
        return heard

    @property
    def listened_MC(self) -> Bool:
        """Whether each cell was listened for, [M, C]: not heard is evidence only there."""
        listened = np.full((len(self), len(self.cell_ids)), self.unlisted == "silent")
        listened[self.moment_R, self.cell_R] = True
        return listened

    def __getitem__(self, moments: slice | npt.NDArray[Any]) -> DriveTest:
        """Some moments, in the order given (indices or a mask)."""
        picked = np.arange(len(self))[moments]
        order = np.argsort(self.moment_R, kind="stable")
        start = np.searchsorted(self.moment_R[order], picked, "left")
        count = np.searchsorted(self.moment_R[order], picked, "right") - start
        first = np.cumsum(count) - count
        rows = order[np.arange(count.sum()) + np.repeat(start - first, count)]
        return DriveTest(
            time_s_M=self.time_s_M[picked],
            lat_deg_M=self.lat_deg_M[picked],
            lon_deg_M=self.lon_deg_M[picked],
            track_M=self.track_M[picked],
            tracks=self.tracks,
            cell_ids=self.cell_ids,
            moment_R=np.repeat(np.arange(len(picked)), count),
            cell_R=self.cell_R[rows],
            heard_R=self.heard_R[rows],
            values_RQ=self.values_RQ[rows],
            unlisted=self.unlisted,
            attributes=self.attributes,
        )

    def with_cells(self, cell_ids: Sequence[str]) -> DriveTest:
        """The same readings with cells counted in another order; those of other cells are left out.

        The cells of a radio map, say: `drive_test.with_cells([c.cell_id for c in map.cells])`.
        """
        index = {cell_id: position for position, cell_id in enumerate(cell_ids)}
        renumber = np.array([index.get(cell_id, -1) for cell_id in self.cell_ids], np.int64)
        cell = renumber[self.cell_R] if len(renumber) else self.cell_R
        keep = cell >= 0
        return DriveTest(
            self.time_s_M, self.lat_deg_M, self.lon_deg_M, self.track_M, self.tracks,
            tuple(cell_ids), self.moment_R[keep], cell[keep], self.heard_R[keep],
            self.values_RQ[keep], self.unlisted, self.attributes,
        )  # fmt: skip

    def to_batch(self) -> ReportBatch:
        """Every moment as a sequence of one report; cells are counted as in `cell_ids`."""
        rows = np.flatnonzero(self.heard_R)
        rows = rows[np.argsort(self.moment_R[rows], kind="stable")]
        moment = self.moment_R[rows]
        count = np.bincount(moment, minlength=len(self))
        slot = np.arange(len(rows)) - (np.cumsum(count) - count)[moment]
        shape = (len(self), 1, int(count.max(initial=0)))
        cell = np.full(shape, -1, np.int64)
        values = np.full((*shape, len(QUANTITIES)), np.nan, np.float32)
        cell[moment, 0, slot] = self.cell_R[rows]
        values[moment, 0, slot] = self.values_RQ[rows]
        return ReportBatch(cell, values, np.zeros(shape[:2], np.float32))


def save_drive_test(drive_test: DriveTest, path: Path) -> Path:
    """Write a drive test as one zipped Zarr file, whole or not at all.

    Raises:
        InvalidInputError: the name does not end in `.zarr.zip`.
    """
    if not path.name.endswith(".zarr.zip"):
        raise InvalidInputError("output", f"a name that ends in .zarr.zip, not {path.name}")
    arrays = _arrays(drive_test)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with ZipStore(temporary, mode="w", compression=zipfile.ZIP_STORED) as store:
            group = zarr.create_group(
                store,
                attributes={
                    **drive_test.attributes,
                    "format": FORMAT,
                    "quantities": list(QUANTITIES),
                    "cells": list(drive_test.cell_ids),
                    "tracks": list(drive_test.tracks),
                    "unlisted": drive_test.unlisted,
                    "sha256": {name: _sha256(values) for name, values in arrays.items()},
                },
            )
            for name, values in arrays.items():
                array = group.create_array(
                    name,
                    shape=values.shape,
                    dtype=values.dtype,
                    chunks=tuple(max(1, length) for length in values.shape),
                    compressors=BloscCodec(cname="zstd", clevel=9, shuffle="shuffle"),
                    fill_value=np.nan if values.dtype.kind == "f" else 0,
                    dimension_names=(ARRAYS[name], "quantity")[: values.ndim],
                )
                array[...] = values
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def load_drive_test(path: Path) -> DriveTest:
    """Read a drive test that `save_drive_test` wrote.

    Raises:
        ArtefactError: it is missing, not a drive test of this format, or damaged; the message
            names the array.
    """
    if not path.exists():
        raise ArtefactError(path, "the drive test is missing")
    try:
        with ZipStore(path, mode="r") as store:
            group = zarr.open_group(store, mode="r")
            attributes: dict[str, Any] = json.loads(json.dumps(dict(group.attrs)))
            arrays = {
                name: np.asarray(array[...]) for name, array in group.arrays() if name in ARRAYS
            }
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError) as error:
        raise ArtefactError(path, f"not a drive test ({error})") from None
    if attributes.pop("format", None) != FORMAT:
        raise ArtefactError(path, f"not a drive test of format {FORMAT}")
    try:
        sums, quantities = attributes.pop("sha256"), attributes.pop("quantities")
        for name in ARRAYS:
            if _sha256(arrays[name]) != sums[name]:
                raise ArtefactError(path, f"array {name} is damaged (its SHA-256 does not match)")
        values = np.full((len(arrays["values"]), len(QUANTITIES)), np.nan, np.float32)
        for column, quantity in enumerate(quantities):
            values[:, QUANTITIES.index(quantity)] = arrays["values"][:, column]
        unlisted = attributes.pop("unlisted")
        if unlisted not in get_args(Unlisted):
            raise ArtefactError(path, f"unlisted: one of {', '.join(get_args(Unlisted))} expected")
        return DriveTest(
            arrays["time_s"], arrays["lat_deg"], arrays["lon_deg"], arrays["track"],
            tuple(attributes.pop("tracks")), tuple(attributes.pop("cells")), arrays["moment"],
            arrays["cell"], arrays["heard"], values, unlisted, attributes,
        )  # fmt: skip
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise ArtefactError(path, f"the drive test is incomplete ({error})") from None


def _arrays(drive_test: DriveTest) -> dict[str, npt.NDArray[Any]]:
    d = drive_test
    return {
        "time_s": d.time_s_M, "lat_deg": d.lat_deg_M, "lon_deg": d.lon_deg_M, "track": d.track_M,
        "moment": d.moment_R, "cell": d.cell_R, "heard": d.heard_R, "values": d.values_RQ,
    }  # fmt: skip


def _sha256(values: npt.NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
