from __future__ import annotations

from pathlib import Path

import pytest

from rayfix.errors import ArtefactError, UnknownSceneError
from rayfix.scene.builtin import builtin_scene
from rayfix.scene.catalogue import find_scene, list_scenes


def test_folders_come_before_built_in_scenes(tmp_path: Path) -> None:
    built_in = [("etoile", None), ("florence", None), ("munich", None), ("san_francisco", None)]
    assert [(f.scene.name, f.folder) for f in list_scenes(tmp_path)] == built_in
    own = builtin_scene("munich").model_copy(update={"name": "village", "title": "Village"})
    own.save(tmp_path / "village")
    own.save(tmp_path / ".village.1.tmp")
    builtin_scene("munich").save(tmp_path / "munich")
    assert [(f.scene.name, f.folder) for f in list_scenes(tmp_path)] == [
        ("munich", tmp_path / "munich"),
        ("village", tmp_path / "village"),
        ("etoile", None),
        ("florence", None),
        ("san_francisco", None),
    ]
    assert find_scene("village", tmp_path) == find_scene(str(tmp_path / "village"), Path("x"))
    assert find_scene("munich", Path("x")).folder is None


def test_unknown_and_damaged_scenes(tmp_path: Path) -> None:
    with pytest.raises(UnknownSceneError, match=r"atlantis.*munich"):
        find_scene("atlantis", tmp_path)
    (tmp_path / "wreck").mkdir()
    (tmp_path / "wreck" / "scene.json").write_text("{")
    with pytest.raises(ArtefactError, match="wreck"):
        find_scene("wreck", tmp_path)
