"""Records datasets: draws places, traces exact paths in chunks, keeps finished chunks.

Shape letters: S sequences, T places of a sequence, N receivers, C cells.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from scipy.spatial import cKDTree

from rayfix import __version__
from rayfix.errors import InvalidInputError
from rayfix.files import write_bytes_whole, write_text_whole
from rayfix.measurement.dataset import Dataset, DatasetWorld, load_dataset, save_dataset
from rayfix.measurement.motion import IsFree, MotionMix, draw_sequences
from rayfix.measurement.propagation import Float64, Propagation
from rayfix.measurement.quantities import detected, rsrp_dbm
from rayfix.scene.cell import Cell

RESERVE = 1.5
"""Places drawn per place wanted: some hear no cell, and other splits keep away from all of them."""


class SplitConfig(BaseModel):
    """One split of a dataset; it becomes one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequences: int = Field(ge=1)
    worlds: tuple[str, ...] = Field(min_length=1, description="names in conditions.yaml")
    motion: MotionMix = MotionMix()
    single_file: bool = Field(default=False, description="a .zarr.zip instead of a folder")


class DatasetConfig(BaseModel):
    """The file `configs/dataset.yaml`.

    Attributes:
        seed: of all draws; every split has its own stream.
        reports: places of a sequence.
        interval_s: time between two places [s].
        separation_m: last places of two splits are at least this far apart [m].
        sequences_per_chunk: sequences traced together; an interrupted build loses at most these.
        paths: options of `simulation.exact_paths`.
        splits: by name; an earlier one takes its places first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(ge=0)
    reports: int = Field(default=10, ge=1, le=100)
    interval_s: float = Field(default=0.2, gt=0, le=60)
    separation_m: float = Field(default=1.0, ge=0, le=100)
    sequences_per_chunk: int = Field(default=50, ge=1, le=10_000)
    paths: dict[str, Any] = Field(default_factory=dict)
    splits: dict[str, SplitConfig] = Field(min_length=1)


class Traced(NamedTuple):
    """What a tracer gives: arrays [N, C], NaN = no path (see `Propagation`)."""

    path_gain_db: npt.NDArray[np.float32]
    toa_ns: npt.NDArray[np.float32]
    aoa_deg: npt.NDArray[np.float32]
    los: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TracedWorld:
    """One world that can be traced: its cells, and the function from places [N, 2] to paths."""

    cells: tuple[Cell, ...]
    trace: Callable[[Float64], Traced]


@dataclass(frozen=True)
class Places:
    """Where sequences are drawn: the outdoor test, and uniform outdoor places for a seed."""

    is_free: IsFree
    draw: Callable[[int, int], Float64]


def candidates(
    config: DatasetConfig, split: str, places: Places
) -> tuple[Float64, npt.NDArray[np.int64]]:
    """Places [S, T, 2] of a split before anything is traced, and motion classes [S].

    `RESERVE` times as many as the split needs. Their last places are uniform outdoors except that
    they keep `separation_m` away from the last places of earlier splits.
    """
    taken = np.zeros((0, 2))
    for number, (name, wanted) in enumerate(config.splits.items()):
        stream = np.random.SeedSequence([config.seed, number])
        place_seed, motion_seed = (int(s) for s in stream.generate_state(2))
        count = int(np.ceil(wanted.sequences * RESERVE))
        last = places.draw(int(np.ceil(count * RESERVE)), place_seed)
        if len(taken):
            last = last[cKDTree(taken).query(last)[0] >= config.separation_m]
        if len(last) < count:
            raise InvalidInputError(
                f"splits.{name}.sequences", "no room for so many places; lower it or separation_m"
            )
        last = last[:count]
        if name == split:
            return draw_sequences(
                last, config.reports, config.interval_s, wanted.motion, places.is_free, motion_seed
            )
        taken = np.concatenate([taken, last])
    raise InvalidInputError("split", f"'{split}' is not in the configuration")


def fingerprint(
    config: DatasetConfig, split: str, scene: str, worlds: Mapping[str, TracedWorld]
) -> str:
    """SHA-256 of everything that a recording depends on; a resumed build must agree in it."""
    earlier = list(config.splits)[: list(config.splits).index(split) + 1]
    document = {
        "config": config.model_dump(exclude={"splits"}),
        "splits": {name: config.splits[name].model_dump() for name in earlier},
        "scene": scene,
        "cells": {name: [c.model_dump() for c in world.cells] for name, world in worlds.items()},
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def record(
    config: DatasetConfig,
    split: str,
    scene: str,
    places: Places,
    worlds: Mapping[str, TracedWorld],
    path: Path,
    *,
    show_progress: bool = True,
) -> Path:
    """Trace one split and write it; finished chunks of an interrupted build are kept.

    A sequence is kept when a cell is detectable at its last place in every world of the split;
    there is no other selection.

    Args:
        worlds: the worlds of the split, by name.
        path: the file or folder to write. Chunks lie in a hidden folder beside it until it is
            whole. A file that was recorded with the same settings is left as it is.
    Returns:
        `path`.
    Raises:
        InvalidInputError: too few places hear a cell.
    """
    key = fingerprint(config, split, scene, worlds)
    if path.exists() and load_dataset(path).attributes.get("fingerprint") == key:
        return path
    wanted = config.splits[split].sequences
    xy_ST2, motion_S = candidates(config, split, places)
    parts = path.with_name(f".{path.name}.parts")
    if _read_text(parts / "fingerprint") != key:
        shutil.rmtree(parts, ignore_errors=True)
        write_text_whole(parts / "fingerprint", key)

    size = config.sequences_per_chunk
    chunks: list[dict[str, npt.NDArray[Any]]] = []
    kept: list[npt.NDArray[np.int64]] = []
    found = 0
    with _progress(show_progress) as progress:
        task = progress.add_task(f"{split}: exact paths", total=wanted, rate="")
        receivers, started = 0, progress.get_time()
        for number, start in enumerate(range(0, len(xy_ST2), size)):
            file = parts / f"chunk-{number:05d}.npz"
            chunk = xy_ST2[start : start + size]
            if not file.exists():
                traced = _trace_chunk(chunk, worlds)
                buffer = io.BytesIO()
                np.savez_compressed(buffer, **traced)  # type: ignore[arg-type]
                write_bytes_whole(file, buffer.getvalue())
                receivers += len(_unique(chunk)[0]) * len(worlds)
            with np.load(file, allow_pickle=False) as stored:
                chunks.append(dict(stored))
            usable = np.flatnonzero(_heard_at_last(chunks[-1], worlds))
            kept.append(start + usable)
            found += len(usable)
            rate = receivers / max(progress.get_time() - started, 1e-9)
            progress.update(
                task, completed=min(found, wanted), rate=f"{rate:.1f} receivers/s" if rate else ""
            )
            if found >= wanted:
                break
    if found < wanted:
        raise InvalidInputError(
            f"splits.{split}.sequences",
            f"only {found} of {len(xy_ST2)} places hear a cell in every world",
        )
    index = np.concatenate(kept)[:wanted]
    together = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    dataset = Dataset(
        scene,
        motion_S[index],
        {
            name: DatasetWorld(
                world.cells,
                Propagation(
                    xy_ST2[index],
                    np.arange(config.reports, dtype=np.float64) * config.interval_s,
                    together[f"{name}/path_gain_db"][index],
                    together[f"{name}/toa_ns"][index],
                    together[f"{name}/aoa_deg"][index],
                    together[f"{name}/los"][index],
                ),
            )
            for name, world in worlds.items()
        },
        {
            "fingerprint": key,
            "split": split,
            "config": config.model_dump(mode="json"),
            "places_without_a_cell": int(index[-1] + 1 - wanted),
            "rayfix_version": __version__,
        },
    )
    save_dataset(dataset, path)
    shutil.rmtree(parts)
    return path


def _read_text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _unique(xy_ST2: Float64) -> tuple[Float64, npt.NDArray[np.int64]]:
    """Distinct places [N, 2], and the place of each report [S, T]: who stands is traced once."""
    places, inverse = np.unique(xy_ST2.reshape(-1, 2), axis=0, return_inverse=True)
    return places, inverse.reshape(xy_ST2.shape[:2])


def _trace_chunk(xy_ST2: Float64, worlds: Mapping[str, TracedWorld]) -> dict[str, npt.NDArray[Any]]:
    """Arrays [S, T, C] by `world/quantity`."""
    places, of_report = _unique(xy_ST2)
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, world in worlds.items():
        for quantity, values in world.trace(places)._asdict().items():
            arrays[f"{name}/{quantity}"] = values[of_report]
    return arrays


def _heard_at_last(
    chunk: Mapping[str, npt.NDArray[Any]], worlds: Mapping[str, TracedWorld]
) -> npt.NDArray[np.bool_]:
    """Whether a cell is detectable at the last place in every world, shape [S]."""
    heard = [
        detected(rsrp_dbm(chunk[f"{name}/path_gain_db"][:, -1], world.cells), world.cells)
        for name, world in worlds.items()
    ]
    return np.asarray(np.all([one.any(axis=-1) for one in heard], axis=0))


def _progress(show: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("sequences"),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        disable=not show,
    )
