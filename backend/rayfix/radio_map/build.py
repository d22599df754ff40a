"""Builds radio maps: traces every site, derives the link features, writes the map.

Finished sites lie in a hidden folder beside the map until it is whole, so that an interrupted
build resumes. The traced values depend on the scene, the site and the seed only, not on the order
or the number of processes.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rayfix import __version__
from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.files import naming_full_disk, write_bytes_whole, write_text_whole
from rayfix.radio_map.engines import run_tasks
from rayfix.radio_map.jobs import MapJob
from rayfix.radio_map.parts import (
    RAYS,
    RadioMapConfig,
    fingerprint,
    is_whole,
    trace_site,
    window_of_parts,
)
from rayfix.radio_map.progress import BuildProgress
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.relink import link_layers
from rayfix.radio_map.store import load_radio_map
from rayfix.radio_map.write import BUILDINGS, CHANNELS, map_writer, windows
from rayfix.scene.buildings import write_buildings
from rayfix.scene.cell import Cell, sites_of
from rayfix.scene.ground import ground_of
from rayfix.scene.ground_grid import GROUND_FILE, ground_grid
from rayfix.scene.scene import Scene
from rayfix.units import UE_NOISE_FIGURE_DB

__all__ = [
    "RadioMapConfig",
    "RadioMapGenerator",
    "build_radio_map",
    "build_radio_maps",
    "is_complete",
]


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
        DiskFullError: there is no room; earlier maps stay, and finished sites wait for the next
            attempt.
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
        if not is_whole(job.part(number))
    ]
    missing = Counter(job.folder for job, _, _ in tasks)
    with BuildProgress(len(tasks), show_progress) as bar:
        for job in waiting:
            if not missing[job.folder]:
                _assemble(job, config)
        inline = engine == "local" and parallel == 1
        trace = partial(trace_site, on_progress=bar.site_share) if inline else trace_site
        for (job, number, _), part in run_tasks(trace, tasks, engine, parallel):
            with naming_full_disk(job.part(number)):
                write_bytes_whole(job.part(number), part)
            bar.site_done(job.scene.name)
            missing[job.folder] -= 1
            if not missing[job.folder]:
                bar.writing(job.scene.name)
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


def _rays(part: Path) -> int:
    with np.load(part, allow_pickle=False) as members:
        return int(members[RAYS])


def _assemble(job: MapJob, config: RadioMapConfig) -> None:
    """Put the sites of a map together, derive the link features and write it all.

    Window by window, so that memory is bounded by the number of cells, not by the area. The link
    features follow from path gain as it is stored, so that `relink` repeats them exactly.
    """
    x_m, y_m = job.scene.extent.pixel_centres(config.resolution_m)
    write_buildings(job.scene, job.scene_folder or Path(), job.parts / BUILDINGS)
    for name in CHANNELS:
        source = (job.scene_folder or Path()) / name
        if job.scene_folder and name != BUILDINGS and source.is_file():
            shutil.copy(source, job.parts / name)
    if not (job.parts / GROUND_FILE).exists():
        ground = ground_grid(ground_of(job.scene, job.scene_folder or Path()), job.scene.extent)
        if ground is not None:
            ground.save(job.parts / GROUND_FILE)
    made = {
        "fingerprint": fingerprint(job, config),
        **dataclasses.asdict(config),
        "rays_by_site": [_rays(job.part(number)) for number in range(job.sites)],
        "ue_noise_figure_db": UE_NOISE_FIGURE_DB,
        "rayfix_version": __version__,
    }
    with ExitStack() as stack:
        parts = [
            (members, stack.enter_context(np.load(job.part(number), allow_pickle=False)))
            for number, members in enumerate(sites_of(job.cells).values())
        ]
        writer = stack.enter_context(
            map_writer(job.folder, job.written_scene, job.cells, x_m, y_m, made, job.parts)
        )
        for index, window in enumerate(windows(len(y_m), len(x_m))):
            values = window_of_parts(parts, index, len(job.cells))
            writer.write(window, values)
            writer.write(window, link_layers(values["path_gain"], job.cells))
    shutil.rmtree(job.parts)
