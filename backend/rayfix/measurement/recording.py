"""Records datasets: traces sequences of places in chunks, and keeps finished chunks.

Shape letters: S sequences, T places of a sequence, N receivers, C cells.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rich import progress as bar

from rayfix import __version__
from rayfix.errors import InvalidInputError
from rayfix.files import write_bytes_whole, write_text_whole
from rayfix.measurement.dataset import Dataset, DatasetWorld
from rayfix.measurement.dataset_file import load_dataset, propagation_of, save_dataset
from rayfix.measurement.propagation import Float64
from rayfix.measurement.quantities import detected, rsrp_dbm
from rayfix.scene.cell import Cell

Arrays = dict[str, npt.NDArray[Any]]
Progress = Callable[[float], None]
"""Receives the share done, 0 to 1."""
RunChunks = Callable[[Sequence[tuple[int, Float64]]], Iterator[tuple[int, bytes]]]
"""Traces chunks, given by number and places [S, T, 2]; yields number and `trace_chunk`'s bytes as
they come in, in any order."""


class Traced(NamedTuple):
    """What a tracer gives: arrays [N, C], NaN = no path (see `Propagation`); `detail` by the names
    of `PathDetail`, or empty."""

    path_gain_db: npt.NDArray[np.float32]
    toa_ns: npt.NDArray[np.float32]
    aoa_deg: npt.NDArray[np.float32]
    los: npt.NDArray[np.bool_]
    detail: Mapping[str, npt.NDArray[np.float32]] = MappingProxyType({})


QUANTITIES = ("path_gain_db", "toa_ns", "aoa_deg", "los")
"""Arrays that every world of a dataset has."""


@dataclass(frozen=True)
class TracedWorld:
    """One world that can be traced: its cells, and the function from places [N, 2] to paths."""

    cells: tuple[Cell, ...]
    trace: Callable[[Float64, Progress], Traced]


@dataclass(frozen=True)
class Recording:
    """What to record.

    Attributes:
        name: what the progress bar calls it.
        scene: name of the scene.
        xy_m_ST2: places [m]; more sequences than wanted, because some hear no cell.
        motion_S: motion class of each sequence.
        interval_s: time between two places [s].
        wanted: sequences to keep.
        settings: everything else that the result depends on, JSON values only.
        sequences_per_chunk: sequences traced together.
        may_be_silent: keep sequences that hear no cell at their last place too.
    """

    name: str
    scene: str
    xy_m_ST2: Float64
    motion_S: npt.NDArray[np.int64]
    interval_s: float
    wanted: int
    settings: Mapping[str, Any]
    sequences_per_chunk: int = 50
    may_be_silent: bool = False

    def fingerprint(self, worlds: Mapping[str, TracedWorld]) -> str:
        """SHA-256 of all that the result depends on; a resumed build must agree in it."""
        digest = hashlib.sha256(np.ascontiguousarray(self.xy_m_ST2).tobytes())
        cells = {name: [c.model_dump() for c in world.cells] for name, world in worlds.items()}
        rest = [self.scene, self.interval_s, self.wanted, self.sequences_per_chunk, cells]
        digest.update(json.dumps([rest, self.settings], sort_keys=True).encode())
        return digest.hexdigest()


def record(
    recording: Recording,
    worlds: Mapping[str, TracedWorld],
    path: Path,
    *,
    show_progress: bool = True,
    run: RunChunks | None = None,
) -> Path:
    """Trace sequences and write them as a dataset; finished chunks of a killed build are kept.

    Unless it may be silent, a sequence is kept when a cell is detectable at its last place in every
    world; there is no other selection. A file of the same settings is left as it is.

    Args:
        recording: what to record.
        worlds: the worlds to trace, by name.
        path: the file or folder to write. Chunks lie in a hidden folder beside it until it is
            whole.
        run: traces chunks elsewhere (other processes, a cluster); without it, here.
    Returns:
        `path`.
    Raises:
        InvalidInputError: too few places hear a cell.
    """
    key = recording.fingerprint(worlds)
    if path.exists() and load_dataset(path).attributes.get("fingerprint") == key:
        return path
    parts = path.with_name(f".{path.name}.parts")
    stamp = parts / "fingerprint"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != key:
        shutil.rmtree(parts, ignore_errors=True)
        write_text_whole(stamp, key)
    arrays, heard_S = _trace_until_enough(recording, worlds, parts, show_progress, run)
    index = np.flatnonzero(heard_S)[: recording.wanted]
    if len(index) < recording.wanted:
        raise InvalidInputError(
            f"{recording.name}: sequences",
            f"only {len(index)} of {len(heard_S)} places hear a cell in every world",
        )
    attributes = {
        "fingerprint": key,
        "settings": dict(recording.settings),
        "places_without_a_cell": int(index[-1] + 1 - len(index)),
        "rayfix_version": __version__,
    }
    times = np.arange(recording.xy_m_ST2.shape[1], dtype=np.float64) * recording.interval_s
    xy_m_ST2 = recording.xy_m_ST2[: len(heard_S)]
    kept = {
        name: DatasetWorld(world.cells, propagation_of(arrays, name, xy_m_ST2, times)[index])
        for name, world in worlds.items()
    }
    save_dataset(Dataset(recording.scene, recording.motion_S[index], kept, attributes), path)
    shutil.rmtree(parts)
    return path


def _trace_until_enough(
    recording: Recording,
    worlds: Mapping[str, TracedWorld],
    parts: Path,
    show_progress: bool,
    run: RunChunks | None,
) -> tuple[Arrays, npt.NDArray[np.bool_]]:
    """Arrays [S, T, C] by `world/quantity` of the first S sequences, and which are heard [S].

    Chunks are traced as many at a time as the missing sequences fill at least, so that no more are
    traced than one after the other, wherever they are traced.
    """
    size = recording.sequences_per_chunk
    starts = range(0, len(recording.xy_m_ST2), size)
    chunks: list[Arrays] = []
    heard: list[npt.NDArray[np.bool_]] = []
    found, earlier, began = 0, 0, time.monotonic()
    with _progress_bar(show_progress) as shown:
        task = shown.add_task(f"{recording.name}: paths", total=recording.wanted, rate="")

        def advance(sequences: float) -> None:
            per_minute = 60.0 * (earlier + sequences) / max(time.monotonic() - began, 1e-9)
            done = min(found + sequences, recording.wanted)
            shown.update(task, completed=done, rate=f"{per_minute:.1f} sequences/min")

        def run_here(waiting: Sequence[tuple[int, Float64]]) -> Iterator[tuple[int, bytes]]:
            for before, (start, xy_ST2) in enumerate(waiting):

                def share(done: float, before: int = before) -> None:
                    advance((before + done) * size)

                yield start, trace_chunk(xy_ST2, worlds, share)

        while found < recording.wanted and len(chunks) < len(starts):
            few = math.ceil((recording.wanted - found) / size)
            following = starts[len(chunks) : len(chunks) + few]
            waiting = [
                (start, recording.xy_m_ST2[start : start + size])
                for start in following
                if not _file(parts, start).exists()
            ]
            if waiting:
                for done, (start, content) in enumerate((run or run_here)(waiting)):
                    write_bytes_whole(_file(parts, start), content)
                    advance((done + 1) * size)
            earlier += len(waiting) * size
            for start in following:
                with np.load(_file(parts, start), allow_pickle=False) as stored:
                    chunks.append(dict(stored))
                kept = _heard_at_last(chunks[-1], worlds)
                heard.append(kept | recording.may_be_silent)
                found += int(heard[-1].sum())
            shown.update(task, completed=min(found, recording.wanted))
    together = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    return together, np.concatenate(heard)


def _file(parts: Path, start: int) -> Path:
    return parts / f"chunk-{start:06d}.npz"


def trace_chunk(xy_ST2: Float64, worlds: Mapping[str, TracedWorld], progress: Progress) -> bytes:
    """Arrays [S, T, C] by `world/quantity` of some sequences, as the bytes of an npz file."""
    places, of_report = _unique(xy_ST2)
    buffer = io.BytesIO()
    traced = _trace(places, of_report, worlds, progress)
    np.savez_compressed(buffer, **traced)  # type: ignore[arg-type]
    return buffer.getvalue()


def _unique(xy_ST2: Float64) -> tuple[Float64, npt.NDArray[np.int64]]:
    """Distinct places [N, 2], and the place of each report [S, T]: who stands is traced once."""
    places, inverse = np.unique(xy_ST2.reshape(-1, 2), axis=0, return_inverse=True)
    return places, inverse.reshape(xy_ST2.shape[:2])


def _trace(
    places_N2: Float64,
    of_report_ST: npt.NDArray[np.int64],
    worlds: Mapping[str, TracedWorld],
    progress: Progress,
) -> Arrays:
    """Arrays [S, T, C] by `world/quantity`."""
    arrays: Arrays = {}
    for number, (name, world) in enumerate(worlds.items()):

        def advance(share: float, number: int = number) -> None:
            progress((number + share) / len(worlds))

        traced = world.trace(places_N2, advance)
        found = {quantity: getattr(traced, quantity) for quantity in QUANTITIES} | {**traced.detail}
        for quantity, values in found.items():
            arrays[f"{name}/{quantity}"] = values[of_report_ST]
    return arrays


def _heard_at_last(chunk: Arrays, worlds: Mapping[str, TracedWorld]) -> npt.NDArray[np.bool_]:
    """Whether a cell is detectable at the last place in every world, shape [S]."""
    heard = [
        detected(rsrp_dbm(chunk[f"{name}/path_gain_db"][:, -1], world.cells), world.cells)
        for name, world in worlds.items()
    ]
    return np.asarray(np.all([one.any(axis=-1) for one in heard], axis=0))


def _progress_bar(show: bool) -> bar.Progress:
    return bar.Progress(
        bar.TextColumn("{task.description}"),
        bar.BarColumn(),
        bar.TextColumn("{task.completed:.0f}/{task.total} sequences"),
        bar.TextColumn("{task.fields[rate]}"),
        bar.TimeRemainingColumn(),
        disable=not show,
    )
