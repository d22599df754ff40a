"""Scenes by name: those that ship with Sionna RT, and folders that hold a scene.json."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rayfix.errors import UnknownSceneError
from rayfix.scene.builtin import BUILTIN_SCENES, builtin_scene
from rayfix.scene.scene import Scene

SCENE_FILE = "scene.json"


class FoundScene(NamedTuple):
    """A scene and where it was found.

    Attributes:
        scene: the scene.
        folder: folder that its geometry is relative to; None for a built-in scene.
    """

    scene: Scene
    folder: Path | None


def find_scene(name_or_folder: str, scenes_dir: Path) -> FoundScene:
    """A folder with scene.json, a folder of that name in `scenes_dir`, or a built-in scene.

    Raises:
        UnknownSceneError: neither exists; the message lists the known scenes.
        ArtefactError: scene.json is damaged.
    """
    for folder in (Path(name_or_folder), scenes_dir / name_or_folder):
        if (folder / SCENE_FILE).is_file():
            return FoundScene(Scene.load(folder), folder)
    if name_or_folder in BUILTIN_SCENES:
        return FoundScene(builtin_scene(name_or_folder), None)
    known = ", ".join(found.scene.name for found in list_scenes(scenes_dir))
    raise UnknownSceneError(
        f"no scene '{name_or_folder}': neither a folder with {SCENE_FILE} nor one of: {known}"
    )


def list_scenes(scenes_dir: Path) -> list[FoundScene]:
    """Scenes with a folder in `scenes_dir`, then built-in scenes that have none, by name."""
    found = [
        FoundScene(Scene.load(path.parent), path.parent)
        for path in sorted(scenes_dir.glob(f"*/{SCENE_FILE}"))
        if not path.parent.name.startswith(".")
    ]
    names = {one.scene.name for one in found}
    builtin = [FoundScene(builtin_scene(name), None) for name in sorted(BUILTIN_SCENES)]
    return found + [one for one in builtin if one.scene.name not in names]


def describe_scenes(scenes_dir: Path) -> str:
    """One line per scene: name, title, extent, origin, residual of its landmarks, geometry."""
    lines = []
    for scene, folder in list_scenes(scenes_dir):
        extent = scene.extent
        width, height = extent.x_max_m - extent.x_min_m, extent.y_max_m - extent.y_min_m
        residuals = scene.landmark_residuals_m()
        placed = f", landmarks within {residuals.max():.1f} m" if len(residuals) else ""
        lines.append(
            f"{scene.name:16} {scene.title}: {width:.0f} m x {height:.0f} m around "
            f"{scene.origin_lat_deg:.5f} N, {scene.origin_lon_deg:.5f} E{placed}; "
            f"{scene.geometry}; {folder or 'no map yet'}"
        )
    return "\n".join(lines)
