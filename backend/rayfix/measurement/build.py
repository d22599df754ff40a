"""What `rayfix dataset build` and `rayfix dataset routes` do: load a city, trace, write files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rayfix.errors import ConfigError, InvalidInputError, UnknownSceneError
from rayfix.measurement.conditions import WorldChange, load_conditions, load_config
from rayfix.measurement.places import DatasetConfig, Places, TracingConfig, candidates
from rayfix.measurement.propagation import Float64
from rayfix.measurement.recording import Progress, Recording, Traced, TracedWorld, record
from rayfix.measurement.routes import RoutesConfig, draw_routes
from rayfix.scene.builtin import builtin_scene
from rayfix.scene.cell import load_cells
from rayfix.scene.scene import Scene

NOMINAL = "nominal"


def build_dataset(
    scene: str,
    config_path: Path,
    output: Path,
    *,
    radio_maps_dir: Path = Path("radio_maps"),
    conditions_path: Path = Path("configs/conditions.yaml"),
    splits: Sequence[str] = (),
) -> list[Path]:
    """Record the splits of a dataset (all, or those named) and return the files.

    The sites are those of the scene's radio map (`radio_maps/<scene>/cells.yaml`), so that a
    dataset never names a cell that the map has not.

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
        earlier = list(config.splits)[: list(config.splits).index(split) + 1]
        settings = config.model_dump(mode="json", exclude={"splits"}) | {
            "split": split,
            "splits": {name: config.splits[name].model_dump(mode="json") for name in earlier},
            "worlds": {name: changes[name].model_dump() for name in wanted.worlds},
        }
        recording = Recording(
            name=split,
            scene=scene,
            xy_m_ST2=xy_m_ST2,
            motion_S=motion_S,
            interval_s=config.interval_s,
            wanted=wanted.sequences,
            settings=settings,
            sequences_per_chunk=config.sequences_per_chunk,
        )
        file = output / f"{split}.zarr{'.zip' if wanted.single_file else ''}"
        files.append(record(recording, city.worlds(changes, wanted.worlds), file))
    return files


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
        settings=config.model_dump(mode="json"),
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
        self.nominal = World(self.scene, self.folder, carrier_hz=self.cells[0].carrier_hz)

        def is_free(xy_m_N2: Float64) -> npt.NDArray[np.bool_]:
            x_N, y_N = xy_m_N2[..., 0], xy_m_N2[..., 1]
            return np.asarray(self.scene.extent.contains(x_N, y_N) & self.nominal.outdoor(x_N, y_N))

        self.places = Places(is_free, self.nominal.outdoor_positions)

    def worlds(
        self, changes: dict[str, WorldChange], names: Iterable[str]
    ) -> dict[str, TracedWorld]:
        """Worlds that can be traced, by name."""
        return {name: self._world(changes[name]) for name in names}

    def _world(self, change: WorldChange) -> TracedWorld:
        from rayfix.simulation.exact_paths import PathsConfig, exact_paths
        from rayfix.simulation.world import MaterialRedraw, World

        cells = change.apply(self.cells)
        world = self.nominal
        if change.redraw_materials:
            world = World(
                self.scene,
                self.folder,
                carrier_hz=self.cells[0].carrier_hz,
                redraw=MaterialRedraw(change.seed),
            )

        options = PathsConfig(
            max_depth=self.paths.max_depth,
            diffraction=self.paths.diffraction,
            rays_per_site=self.paths.rays_per_site,
        )

        def trace(xy_m_N2: Float64, progress: Progress) -> Traced:
            found = exact_paths(
                world, cells, xy_m_N2, seed=self.paths.seed, config=options, progress=progress
            )
            return Traced(found.path_gain_db, found.toa_ns, found.aoa_deg, found.los)

        return TracedWorld(cells, trace)


def _scene(name: str, folder: Path) -> Scene:
    """The scene of a radio map's folder, or the built-in one where no map was traced yet."""
    if (folder / "scene.json").is_file():
        return Scene.load(folder)
    try:
        return builtin_scene(name)
    except UnknownSceneError:
        raise InvalidInputError("scene", f"no built-in scene '{name}', and no {folder}") from None
