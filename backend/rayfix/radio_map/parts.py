"""What one site adds to a map: traced on its own, kept in a file until the map is whole."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rayfix.errors import InvalidInputError
from rayfix.files import sha256_of
from rayfix.radio_map.jobs import MapJob
from rayfix.radio_map.write import Float32, rounded, windows
from rayfix.scene.mesh_files import geometry_file
from rayfix.scene.scene import Scene
from rayfix.simulation.map_solver import SolverConfig, solve_map
from rayfix.simulation.world import World

STORED_NAMES = {
    "path_gain_db": "path_gain",
    "toa_ns": "toa",
    "aoa_deg": "aoa",
    "path_gain_stderr_db": "path_gain_stderr",
    "toa_mean_ns": "toa_mean",
    "delay_spread_ns": "delay_spread",
    "aoa_spread_deg": "aoa_spread",
    "los": "los",
    "building_height_m": "building_height",
}
"""What each array of the solver is called in the map, where its unit is an attribute."""

RAYS = "rays"
"""Member of a part that tells how many rays were shot from its site."""


@dataclass(frozen=True)
class RadioMapConfig:
    """How a radio map is made.

    Attributes:
        resolution_m: side of a pixel [m].
        seed: of the ray directions.
        solver: rays, interactions and thresholds.
    """

    resolution_m: float = 1.0
    seed: int = 0
    solver: SolverConfig = field(default_factory=SolverConfig)

    def __post_init__(self) -> None:
        if not 0.1 <= self.resolution_m <= 100.0:
            raise InvalidInputError("resolution_m", "0.1 to 100 m is expected")


ADDED_LATER: dict[str, dict[str, Any]] = {
    "scene": {"ground_mesh": ""},
    "solver": {"refraction": False, "scattering_coefficient": 0.0, "target_db": None},
}
"""Options that older maps do not know, with the value that they were made with."""


def fingerprint(job: MapJob, config: RadioMapConfig) -> str:
    """SHA-256 of everything that a map depends on."""
    scene = job.scene.model_dump(exclude={"title", "attribution", "landmarks"})
    made = dataclasses.asdict(config)
    document = {
        "scene": _without_added(scene, "scene"),
        "geometry": _geometry_digest(job),
        "cells": [cell.model_dump() for cell in job.cells],
        "config": {**made, "solver": _without_added(made["solver"], "solver")},
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _without_added(values: dict[str, Any], kind: str) -> dict[str, Any]:
    added = ADDED_LATER[kind]
    return {k: v for k, v in values.items() if k not in added or v != added[k]}


def trace_site(
    job: MapJob,
    number: int,
    config: RadioMapConfig,
    on_progress: Callable[[float], None] | None = None,
) -> bytes:
    """Trace all cells of one site; the content of its part, an .npz file.

    The part holds each array window by window, rounded as it will be stored.

    Args:
        on_progress: receives the share done, 0 to 1.
    """
    x_m, y_m = job.scene.extent.pixel_centres(config.resolution_m)
    cells = job.site_cells(number)
    traced = solve_map(
        job.scene,
        cells,
        x_m,
        y_m,
        config=config.solver,
        seed=config.seed,
        folder=job.scene_folder,
        world=_world(job.scene, job.scene_folder, cells[0].carrier_hz, _geometry_digest(job)),
        progress=on_progress,
    )
    values = {STORED_NAMES[key]: array for key, array in traced.arrays().items()}
    parts = {
        f"{name}/{index}": rounded(name, array[..., window.rows, window.columns])
        for name, array in values.items()
        for index, window in enumerate(windows(len(y_m), len(x_m)))
    }
    parts[RAYS] = np.array(sum(traced.rays_per_site))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **parts)  # type: ignore[arg-type]
    return buffer.getvalue()


@lru_cache(maxsize=1)
def _world(scene: Scene, folder: Path | None, carrier_hz: float, digest: str) -> World:
    """The scene in the ray tracer; kept for the next site. `digest` tells geometries apart."""
    return World(scene, folder, carrier_hz=carrier_hz)


def _geometry_digest(job: MapJob) -> str:
    return sha256_of(geometry_file(job.scene, job.scene_folder or Path()))


def is_whole(part: Path) -> bool:
    """Whether the part of a site is there and undamaged (each member has a checksum)."""
    try:
        with zipfile.ZipFile(part) as archive:
            return f"{RAYS}.npy" in archive.namelist() and archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def window_of_parts(
    parts: Sequence[tuple[list[int], Any]], index: int, cells: int
) -> dict[str, Float32]:
    """Arrays [C, rows, columns] of one window by name; `building_height` is [rows, columns]."""
    values: dict[str, Float32] = {}
    for members, part in parts:
        for key in part.files:
            name, _, window = key.rpartition("/")
            if window != str(index):
                continue
            found = part[key]
            if found.ndim == 2:
                values[name] = found
                continue
            whole = values.setdefault(name, np.full((cells, *found.shape[1:]), np.nan, np.float32))
            whole[members] = found
    return values
