"""What `rayfix dataset build` and `rayfix dataset routes` do: load a city, trace, write files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rayfix.errors import ConfigError, InvalidInputError, UnknownSceneError
from rayfix.measurement.conditions import NOMINAL, WorldChange, load_conditions, load_config
from rayfix.measurement.places import DatasetConfig, Places, TracingConfig, candidates
from rayfix.measurement.propagation import Float64
from rayfix.measurement.recording import (
    Progress,
    Recording,
    RunChunks,
    Traced,
    TracedWorld,
    record,
    trace_chunk,
)
from rayfix.measurement.routes import RoutesConfig, draw_routes
from rayfix.radio_map.engines import ENGINES, run_tasks
from rayfix.scene.builtin import builtin_scene
from rayfix.scene.cell import load_cells
from rayfix.scene.scene import Scene

if TYPE_CHECKING:
    from rayfix.simulation.world import World


def build_datasets(
    scenes: Sequence[str],
    config_path: Path,
    output: Path | None = None,
    *,
    radio_maps_dir: Path = Path("radio_maps"),
    conditions_path: Path = Path("configs/conditions.yaml"),
    splits: Sequence[str] = (),
    engine: str = "local",
    parallel: int = 1,
) -> list[Path]:
    """`build_dataset` for several scenes: every scene is looked up before the first is traced.

    Args:
        output: folder of the files; with several scenes each has a folder of its name there.
            Default: `data/<scene>`.
        engine, parallel: where chunks are traced (`radio_map.engines`).
    Raises:
        InvalidInputError: a scene is named twice or does not exist, or no such engine.
        As for `build_dataset`.
    """
    for scene in scenes:
        if scenes.count(scene) > 1:
            raise InvalidInputError("scene", f"'{scene}' is given twice")
        _scene(scene, radio_maps_dir / scene)
        load_cells(radio_maps_dir / scene / "cells.yaml")
    if engine not in ENGINES:
        raise InvalidInputError("engine", f"one of {', '.join(ENGINES)} is expected")
    files = []
    for scene in scenes:
        folder = output or Path("data") / scene
        if output is not None and len(scenes) > 1:
            folder = output / scene
        files += build_dataset(
            scene, config_path, folder, radio_maps_dir=radio_maps_dir,
            conditions_path=conditions_path, splits=splits, engine=engine, parallel=parallel,
        )  # fmt: skip
    return files


def build_dataset(
    scene: str,
    config_path: Path,
    output: Path,
    *,
    radio_maps_dir: Path = Path("radio_maps"),
    conditions_path: Path = Path("configs/conditions.yaml"),
    splits: Sequence[str] = (),
    engine: str = "local",
    parallel: int = 1,
) -> list[Path]:
    """Record the splits of a dataset (all, or those named) and return the files.

    The sites are those of the scene's radio map (`radio_maps/<scene>/cells.yaml`), so that a
    dataset never names a cell that the map has not. The result does not depend on the engine.

    Raises:
        ConfigError: a configuration is missing, malformed or names an unknown world.
        InvalidInputError: no such split, or no room for its places.
        RayTracingUnavailableError: no ray tracer on this machine.
    """
    config = load_config(config_path, DatasetConfig)
    changes = load_conditions(conditions_path).worlds
    city = City(scene, radio_maps_dir, config.paths)
    files = []
    for split in splits or config.splits:
        xy_m_ST2, motion_S = candidates(config, split, city.places)
        wanted = config.splits[split]
        for name in wanted.worlds:
            if name not in changes:
                raise ConfigError(
                    config_path, f"splits.{split}.worlds: no world '{name}' in {conditions_path}"
                )
        run = None
        if engine != "local" or parallel > 1:
            chosen = {name: changes[name] for name in wanted.worlds}
            run = _on_engine(scene, radio_maps_dir, config.paths, chosen, engine, parallel)
        earlier = list(config.splits)[: list(config.splits).index(split) + 1]
        settings = _settings(config, exclude={"splits"}) | {
            "split": split,
            "splits": {name: config.splits[name].model_dump(mode="json") for name in earlier},
            "worlds": {name: changes[name].model_dump() for name in wanted.worlds},
        }
        recording = Recording(
            name=f"{scene} {split}",
            scene=scene,
            xy_m_ST2=xy_m_ST2,
            motion_S=motion_S,
            interval_s=config.interval_s,
            wanted=wanted.sequences,
            settings=settings,
            sequences_per_chunk=config.sequences_per_chunk,
        )
        file = output / f"{split}.zarr{'.zip' if wanted.single_file else ''}"
        files.append(record(recording, city.worlds(changes, wanted.worlds), file, run=run))
    return files


def _on_engine(
    scene: str,
    radio_maps_dir: Path,
    paths: TracingConfig,
    changes: Mapping[str, WorldChange],
    engine: str,
    parallel: int,
) -> RunChunks:
    """What traces chunks in other processes or on a cluster (see `radio_map.engines`)."""

    def run(chunks: Sequence[tuple[int, Float64]]) -> Iterator[tuple[int, bytes]]:
        tasks = [
            (number, scene, radio_maps_dir.resolve(), paths, dict(changes), xy_m_ST2)
            for number, xy_m_ST2 in chunks
        ]
        for task, content in run_tasks(_trace_task, tasks, engine, parallel):
            yield task[0], content

    return run


def _trace_task(
    number: int,
    scene: str,
    radio_maps_dir: Path,
    paths: TracingConfig,
    changes: dict[str, WorldChange],
    xy_m_ST2: Float64,
) -> bytes:
    """One chunk, traced in whatever process this runs in; its city stays loaded there."""
    worlds = _city(scene, radio_maps_dir, paths).worlds(changes, changes)
    return trace_chunk(xy_m_ST2, worlds, lambda share: None)


@lru_cache(maxsize=1)
def _city(scene: str, radio_maps_dir: Path, paths: TracingConfig) -> City:
    return City(scene, radio_maps_dir, paths)


def build_routes(
    scene: str,
    config_path: Path,
    output: Path,
    *,
    radio_maps_dir: Path = Path("radio_maps"),
) -> Path:
    """Record closed loops along streets for `rayfix feed` and return the file.

    Raises:
        As for `build_dataset`.
    """
    config = load_config(config_path, RoutesConfig)
    city = City(scene, radio_maps_dir, config.paths)
    xy_m_ST2, motion_S = draw_routes(config, city.scene.extent, city.places.is_free)
    recording = Recording(
        name="routes",
        scene=scene,
        xy_m_ST2=xy_m_ST2,
        motion_S=motion_S,
        interval_s=config.interval_s,
        wanted=len(xy_m_ST2),
        settings=_settings(config),
        sequences_per_chunk=5,
        may_be_silent=True,
    )
    return record(recording, city.worlds({NOMINAL: WorldChange()}, (NOMINAL,)), output)


class City:
    """A scene with its sites, in the ray tracer."""

    def __init__(self, name: str, radio_maps_dir: Path, paths: TracingConfig) -> None:
        from rayfix.simulation.world import World

        self.folder = radio_maps_dir / name
        self.scene = _scene(name, self.folder)
        self.cells = load_cells(self.folder / "cells.yaml")
        self.paths = paths
        self._redrawn_worlds: dict[int, World] = {}
        self.nominal = World(self.scene, self.folder, carrier_hz=self.cells[0].carrier_hz)

        def is_free(xy_m_N2: Float64) -> npt.NDArray[np.bool_]:
            x_N, y_N = xy_m_N2[..., 0], xy_m_N2[..., 1]
            return np.asarray(self.scene.extent.contains(x_N, y_N) & self.nominal.outdoor(x_N, y_N))

        self.places = Places(is_free, self.nominal.outdoor_positions)

    def worlds(
        self, changes: Mapping[str, WorldChange], names: Iterable[str]
    ) -> dict[str, TracedWorld]:
        """Worlds that can be traced, by name."""
        return {name: self._world(changes[name]) for name in names}

    def _world(self, change: WorldChange) -> TracedWorld:
        from rayfix.simulation.exact_paths import PathsConfig, exact_paths

        cells = change.apply(self.cells)
        world = self._redrawn(change.seed) if change.redraw_materials else self.nominal

        options = PathsConfig(
            max_depth=self.paths.max_depth,
            diffraction=self.paths.diffraction,
            rays_per_site=self.paths.rays_per_site,
            detail=self.paths.detail,
        )

        def trace(xy_m_N2: Float64, progress: Progress) -> Traced:
            found = exact_paths(
                world, cells, xy_m_N2, seed=self.paths.seed, config=options, progress=progress
            )
            detail: dict[str, npt.NDArray[np.float32]] = {}
            if self.paths.detail:
                spread = {
                    "delay_spread_ns": found.rms_delay_spread_ns,
                    "k_factor_db": found.k_factor_db,
                }
                detail = spread | dict(found.detail)
            return Traced(found.path_gain_db, found.toa_ns, found.aoa_deg, found.los, detail)

        return TracedWorld(cells, trace)

    def _redrawn(self, seed: int) -> World:
        """The world with other materials; loaded once."""
        from rayfix.simulation.world import MaterialRedraw, World

        if seed not in self._redrawn_worlds:
            self._redrawn_worlds[seed] = World(
                self.scene,
                self.folder,
                carrier_hz=self.cells[0].carrier_hz,
                redraw=MaterialRedraw(seed),
            )
        return self._redrawn_worlds[seed]


def _settings(config: DatasetConfig | RoutesConfig, **without: Any) -> dict[str, Any]:
    """A configuration as part of a recording's fingerprint. A detail that is not recorded is left
    out, so that what was recorded before there was any is still known."""
    settings = config.model_dump(mode="json", **without)
    if not config.paths.detail:
        del settings["paths"]["detail"]
    return settings


def _scene(name: str, folder: Path) -> Scene:
    """The scene of a radio map's folder, or the built-in one where no map was traced yet."""
    if (folder / "scene.json").is_file():
        return Scene.load(folder)
    try:
        return builtin_scene(name)
    except UnknownSceneError:
        raise InvalidInputError("scene", f"no built-in scene '{name}', and no {folder}") from None
