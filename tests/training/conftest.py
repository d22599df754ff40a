"""A training run on the analytic town: map, datasets and configuration on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.model.town import CELLS, SMALL, paths, town_map

from rayfix.measurement.dataset import Dataset, DatasetWorld
from rayfix.measurement.dataset_file import save_dataset
from rayfix.measurement.motion import MOTIONS
from rayfix.measurement.propagation import Propagation
from rayfix.radio_map.store import save_radio_map

ROOT = Path(__file__).resolve().parents[2]


def town_dataset(
    count: int, seed: int, worlds: tuple[str, ...] = ("nominal",), scene: str = "town"
) -> Dataset:
    """Sequences of four reports at exact places of the town, standing or slowly walking."""
    random = np.random.default_rng(seed)
    last = random.uniform(-60, 5, (count, 2))
    step = random.normal(0, 0.3, (count, 1, 2)) * (random.random((count, 1, 1)) < 0.3)
    xy = last[:, None] - step * np.arange(3, -1, -1)[None, :, None]
    gain, toa, aoa = (
        part.reshape(count, 4, len(CELLS)).astype(np.float32) for part in paths(xy.reshape(-1, 2))
    )
    way = Propagation(xy, 0.2 * np.arange(4.0), gain, toa, aoa, np.ones(gain.shape, bool))
    motion = np.zeros(count, np.int64) + MOTIONS.index("still")
    return Dataset(scene, motion, {name: DatasetWorld(CELLS, way) for name in worlds})


def write_scene(folder: Path, name: str, seed: int) -> None:
    """Radio map and datasets of the town under a name of its own."""
    radio_map = town_map()
    scene = radio_map.scene.model_copy(update={"name": name})
    save_radio_map(folder / "radio_maps" / name, replace(radio_map, scene=scene))
    for split, count in (("train", 96), ("validation", 24)):
        seed += 1
        save_dataset(town_dataset(count, seed, scene=name), folder / name / f"{split}.zarr")


def write_run(folder: Path, name: str = "model.yaml", **training: Any) -> Path:
    """A configuration of a tiny run in `folder`; keywords replace values of `training`."""
    if not (folder / "radio_maps").exists():
        write_scene(folder, "town", 0)
    document = {
        "name": "tiny",
        "scene": "town",
        "models_dir": str(folder / "models"),
        "checkpoint": str(folder / f"{name}.pt"),
        "network": SMALL.model_copy(update={"dropout": 0.1}).model_dump(),
        "data": {
            "train": str(folder / "{scene}" / "train.zarr"),
            "validation": str(folder / "{scene}" / "validation.zarr"),
            "conditions": str(ROOT / "configs" / "conditions.yaml"),
            "condition_weights": {"standard": 0.6, "hard": 0.4},
            "map_sequences": 64,
        },
        "training": {
            "steps": 6, "batch_size": 8, "warmup_steps": 2, "validate_every": 3, "threads": 1,
            **training,
        },
        "physics_loss": {"radio_maps_dir": str(folder / "radio_maps")},
    }  # fmt: skip
    path = folder / name
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture
def run_file(tmp_path: Path) -> Callable[..., Path]:
    """`write_run` in the test's own folder."""
    return partial(write_run, tmp_path)
