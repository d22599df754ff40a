"""Builds radio maps: traces every site, derives the link features, writes the map.

Finished sites lie in a hidden folder beside the map until it is whole, so that an interrupted
build resumes. The traced values depend on the scene, the site and the seed only, not on the order
or the number of processes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayfix import __version__
from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.files import write_bytes_whole, write_text_whole
from rayfix.radio_map.engines import run_tasks
from rayfix.radio_map.jobs import MapJob
from rayfix.radio_map.progress import BuildProgress
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import BUILDINGS, load_radio_map, save_radio_map
from rayfix.scene.buildings import write_buildings
from rayfix.scene.cell import Cell, sites_of
from rayfix.scene.mesh_files import geometry_file
from rayfix.scene.scene import Scene
from rayfix.simulation.link import link_features
from rayfix.simulation.map_solver import SolverConfig, solve_map

Arrays = dict[str, npt.NDArray[np.float32]]

PROPAGATION_FEATURES = {"path_gain_db": "path_gain", "toa_ns": "toa", "aoa_deg": "aoa"}
LINK_FEATURES = {
    "snr_db": "snr",
    "sinr_db": "sinr",
    "throughput_mbps": "throughput",
    "bler": "bler",
}


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

    @classmethod
    def with_rays(cls, rays_per_site: int | None, **options: Any) -> RadioMapConfig:
        """A configuration with this many rays per site; the solver's default for None."""
        if rays_per_site is not None:
            options["solver"] = SolverConfig(rays_per_site=rays_per_site)
        return cls(**options)

    def __post_init__(self) -> None:
        if not 0.1 <= self.resolution_m <= 100.0:
            raise InvalidInputError("resolution_m", "0.1 to 100 m is expected")


def fingerprint(job: MapJob, config: RadioMapConfig) -> str:
    """SHA-256 of everything that a map depends on."""
    geometry = geometry_file(job.scene, job.scene_folder or Path())
    document = {
        "scene": job.scene.model_dump(exclude={"title", "attribution", "landmarks"}),
        "geometry": hashlib.sha256(geometry.read_bytes()).hexdigest(),
        "cells": [cell.model_dump() for cell in job.cells],
        "config": dataclasses.asdict(config),
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def is_complete(job: MapJob, config: RadioMapConfig) -> bool:
    """Whether an undamaged map of the same scene, cells and configuration is there."""
    try:
        stored = load_radio_map(job.folder)
    except ArtefactError:
        return False
    return stored.attributes.get("fingerprint") == fingerprint(job, config)


def build_radio_map(
    scene: Scene,
    cells: Sequence[Cell],
    config: RadioMapConfig,
    output_dir: Path,
    *,
    scene_folder: Path | None = None,
    overwrite: bool = False,
    show_progress: bool = True,
) -> Path:
    """Build one map; returns its folder. See `build_radio_maps`."""
    job = MapJob(scene, scene_folder, tuple(cells), output_dir)
    build_radio_maps([job], config, overwrite=overwrite, show_progress=show_progress)
    return job.folder


def build_radio_maps(
    jobs: Sequence[MapJob],
    config: RadioMapConfig,
    *,
    engine: str = "local",
    parallel: int = 1,
    overwrite: bool = False,
    show_progress: bool = True,
) -> list[Path]:
    """Build maps, site by site; returns the folders of the maps that were written.

    A map that is complete with the same settings is skipped, and so is a site that an interrupted
    build has finished.

    Args:
        engine: "local" or "ray" (see `engines`).
        parallel: sites traced at a time.
        overwrite: build complete maps again, from the first site.
    Raises:
        InvalidInputError: two jobs write to the same folder, or an option is not valid.
        RayTracingUnavailableError: no ray tracer on this machine.
        ArtefactError, UnknownSceneError: the geometry is missing or damaged.
    """
    folders = [job.folder for job in jobs]
    if len(set(folders)) < len(folders):
        raise InvalidInputError("scenes", "two scenes of one name write to the same folder")
    waiting = [job for job in jobs if overwrite or not is_complete(job, config)]
    for job in waiting:
        _prepare(job, config, overwrite)
    tasks = [
        (job, number, config)
        for job in waiting
        for number in range(job.sites)
        if not job.part(number).exists()
    ]
    missing = Counter(job.folder for job, _, _ in tasks)
    with BuildProgress(len(tasks), show_progress) as bar:
        for job in waiting:
            if not missing[job.folder]:
                _assemble(job, config)
        inline = engine == "local" and parallel == 1
        trace = partial(trace_site, on_progress=bar.site_share) if inline else trace_site
        for (job, number, _), part in run_tasks(trace, tasks, engine, parallel):
            write_bytes_whole(job.part(number), part)
            bar.site_done(job.scene.name)
            missing[job.folder] -= 1
            if not missing[job.folder]:
                _assemble(job, config)
    return [job.folder for job in waiting]


class RadioMapGenerator:
    """Builds and reads radio maps with one configuration."""

    def __init__(self, config: RadioMapConfig | None = None) -> None:
        self.config = config or RadioMapConfig()

    def generate(
        self, scene: Scene, cells: Sequence[Cell], output_dir: Path, **options: Any
    ) -> RadioMap:
        """Build the map of a scene, or take it from `output_dir` when it is complete there.

        Options and errors are those of `build_radio_map`.
        """
        return load_radio_map(build_radio_map(scene, cells, self.config, output_dir, **options))


def _prepare(job: MapJob, config: RadioMapConfig, overwrite: bool) -> None:
    """Keep the finished sites of an interrupted build only if they are of this very map."""
    key = job.parts / "fingerprint"
    wanted = fingerprint(job, config)
    if overwrite or not key.is_file() or key.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(job.parts, ignore_errors=True)
        write_text_whole(key, wanted)


def trace_site(
    job: MapJob,
    number: int,
    config: RadioMapConfig,
    on_progress: Callable[[float], None] | None = None,
) -> bytes:
    """Trace all cells of one site; the content of its part, an .npz file.

    Args:
        on_progress: receives the share done, 0 to 1.
    """
    x_m, y_m = job.scene.extent.pixel_centres(config.resolution_m)
    traced = solve_map(
        job.scene,
        job.site_cells(number),
        x_m,
        y_m,
        config=config.solver,
        seed=config.seed,
        folder=job.scene_folder,
        progress=on_progress,
    )
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **traced.arrays())  # type: ignore[arg-type]
    return buffer.getvalue()


def _assemble(job: MapJob, config: RadioMapConfig) -> None:
    """Put the sites of a map together, derive the link features and write it all."""
    x_m, y_m = job.scene.extent.pixel_centres(config.resolution_m)
    arrays: Arrays = {}
    for number, members in enumerate(sites_of(job.cells).values()):
        with np.load(job.part(number), allow_pickle=False) as part:
            height = part["building_height_m"]
            for name in part.files:
                if name == "building_height_m":
                    continue
                whole = arrays.setdefault(
                    name, np.full((len(job.cells), len(y_m), len(x_m)), np.nan, np.float32)
                )
                whole[members] = part[name]
    link = link_features(arrays["path_gain_db"], job.cells)
    features = {name: arrays.pop(key) for key, name in PROPAGATION_FEATURES.items()}
    features |= {name: link[key] for key, name in LINK_FEATURES.items()}
    radio_map = RadioMap(
        scene=job.written_scene,
        cells=job.cells,
        x_m=x_m,
        y_m=y_m,
        features=features,
        building_height_m=height,
        extra=arrays,
        attributes={
            "fingerprint": fingerprint(job, config),
            **dataclasses.asdict(config),
            "rayfix_version": __version__,
        },
    )
    buildings = write_buildings(job.scene, job.scene_folder or Path(), job.parts / BUILDINGS)
    save_radio_map(job.folder, radio_map, buildings)
    shutil.rmtree(job.parts)
