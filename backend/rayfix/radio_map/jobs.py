"""What a build is asked for: scenes, their site lists, and where the maps go."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rayfix.errors import InvalidInputError
from rayfix.scene.catalogue import FoundScene, find_scene, list_scenes
from rayfix.scene.cell import Cell, load_cells, sites_of
from rayfix.scene.default_sites import default_cells
from rayfix.scene.scene import Scene


@dataclass(frozen=True)
class MapJob:
    """One radio map to build.

    Attributes:
        scene: the scene.
        scene_folder: folder that the scene's geometry is relative to; None for a built-in scene.
        cells: the cells.
        output_dir: the map is written to `output_dir/<scene name>`.
    """

    scene: Scene
    scene_folder: Path | None
    cells: tuple[Cell, ...]
    output_dir: Path

    @property
    def folder(self) -> Path:
        """Where the map is written."""
        return self.output_dir / self.scene.name

    @property
    def parts(self) -> Path:
        """Where finished sites wait for the others."""
        return self.output_dir / f".{self.scene.name}.parts"

    def site_cells(self, number: int) -> tuple[Cell, ...]:
        """The cells of one site."""
        return tuple(self.cells[index] for index in list(sites_of(self.cells).values())[number])

    @property
    def sites(self) -> int:
        """Number of sites."""
        return len(sites_of(self.cells))

    def part(self, number: int) -> Path:
        """File of one finished site."""
        return self.parts / f"site-{number:04d}.npz"

    @property
    def written_scene(self) -> Scene:
        """The scene as it is written beside the map: a geometry file is named from there."""
        return moved_scene(self.scene, self.scene_folder or Path(), self.folder)


def moved_scene(scene: Scene, folder: Path, to: Path) -> Scene:
    """The scene of `folder` as it is written in another one: its geometry file named from there."""
    if scene.geometry.startswith("builtin:"):
        return scene
    path = os.path.relpath(folder / scene.geometry, to)
    return scene.model_copy(update={"geometry": Path(path).as_posix()})


def find_jobs(
    scene: str, cells: Path | None, scenes_dir: Path | None, output_dir: Path
) -> list[MapJob]:
    """The maps that a command line asks for: one scene, or all of a folder.

    Args:
        scene: a built-in scene's name, or a folder with scene.json; empty with `scenes_dir`.
        cells: the site list; by default cells.yaml in the scene's folder, then beside its map,
            then, of a built-in scene, its default sites.
        scenes_dir: folder whose subfolders hold scene.json and cells.yaml.
    Raises:
        InvalidInputError: neither or both of scene and scenes_dir, or no scene in that folder.
        UnknownSceneError, ArtefactError, ConfigError: a scene or a site list cannot be read.
    """
    if bool(scene) == (scenes_dir is not None):
        raise InvalidInputError("scene", "give either a scene or a folder of scenes")
    if scenes_dir is not None:
        if cells is not None:
            raise InvalidInputError("cells", "each folder of scenes_dir has its own cells.yaml")
        found = [one for one in list_scenes(scenes_dir) if one.folder is not None]
        if not found:
            raise InvalidInputError("scenes_dir", f"no folder in {scenes_dir} has a scene.json")
    else:
        found = [find_scene(scene, output_dir)]
    return [
        MapJob(one.scene, one.folder, _cells(one, cells, output_dir), output_dir) for one in found
    ]


def _cells(found: FoundScene, cells: Path | None, output_dir: Path) -> tuple[Cell, ...]:
    beside = (found.folder or output_dir / found.scene.name) / "cells.yaml"
    if cells is None and found.folder is None and not beside.is_file():
        return default_cells(found)
    return load_cells(cells or beside)
