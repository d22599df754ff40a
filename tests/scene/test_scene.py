from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from rayfix.errors import ArtefactError, UnknownSceneError
from rayfix.scene.builtin import builtin_scene
from rayfix.scene.scene import Extent, Scene


def test_munich_is_where_its_landmarks_are(tmp_path: Path) -> None:
    scene = builtin_scene("munich")
    residuals = scene.landmark_residuals_m()
    assert len(residuals) == 4
    assert residuals.max() < 10.0  # published coordinates are known to about 5 m
    x, y = scene.georeference.to_local(
        [m.lat_deg for m in scene.landmarks], [m.lon_deg for m in scene.landmarks]
    )
    shift = np.array([x - [m.x_m for m in scene.landmarks], y - [m.y_m for m in scene.landmarks]])
    np.testing.assert_allclose(shift.mean(axis=1), 0.0, atol=0.05)
    document = json.loads(scene.save(tmp_path).read_text())
    assert document["landmark_rms_residual_m"] == pytest.approx(
        np.sqrt(np.mean(residuals**2)), abs=0.01
    )
    assert "+proj=tmerc" in document["projection"]


def test_round_trip(tmp_path: Path) -> None:
    scene = builtin_scene("munich")
    scene.save(tmp_path)
    assert Scene.load(tmp_path) == scene


def test_unknown_scene_lists_the_known_ones() -> None:
    with pytest.raises(UnknownSceneError, match=r"atlantis.*munich"):
        builtin_scene("atlantis")


def test_pixel_centres_fill_the_extent() -> None:
    x, y = Extent(x_min_m=-256, x_max_m=256, y_min_m=-100, y_max_m=100).pixel_centres(2.0)
    assert (len(x), len(y)) == (256, 100)
    assert (x[0], x[-1], y[0], y[-1]) == (-255.0, 255.0, -99.0, 99.0)


def test_corners_are_in_image_order() -> None:
    top_left, top_right, bottom_right, bottom_left = builtin_scene("munich").corners_lon_lat()
    assert top_left[0] < top_right[0]
    assert top_left[1] > bottom_left[1]
    assert bottom_left[0] < bottom_right[0]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": "UPPER"}'])
def test_damaged_scene_files_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "scene.json").write_text(text)
    with pytest.raises(ArtefactError) as caught:
        Scene.load(tmp_path)
    assert caught.value.path == tmp_path / "scene.json"


def test_an_empty_extent_is_refused() -> None:
    with pytest.raises(ValidationError, match="x_min_m < x_max_m"):
        Extent(x_min_m=1, x_max_m=1, y_min_m=0, y_max_m=1)
