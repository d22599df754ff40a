"""One scene of a training run: its map, what steps draw from it, and what it is validated on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import Conditions
from rayfix.measurement.dataset import Dataset, aligned_with
from rayfix.measurement.dataset_file import load_dataset
from rayfix.model.network import LocatorNetwork
from rayfix.model.scene_inputs import MapTokens, SceneInputs
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.store import load_radio_map
from rayfix.scene.cell import Cell
from rayfix.training.config import TrainingConfig
from rayfix.training.samples import Sampler, map_sequences
from rayfix.training.validation import Case, validation_cases


@dataclass
class RunScene:
    """A scene of a run.

    Attributes:
        name: of the scene.
        maps: its radio map.
        sampler: draws the batches of steps.
        held_out: validation sequences.
        cases: fixed reports of them.
        inputs: what the network reads of the map.
        evidence: what is expected at every pixel, as the weights of a few steps ago saw it.
    """

    name: str
    maps: MapTensors
    sampler: Sampler
    held_out: Dataset
    cases: list[Case]
    inputs: SceneInputs
    evidence: MapTokens | None = None

    @classmethod
    def load(
        cls,
        name: str,
        config: TrainingConfig,
        conditions: Conditions,
        network: LocatorNetwork,
        device: torch.device | str = "cpu",
    ) -> RunScene:
        """Read map and datasets of a scene.

        Raises:
            ArtefactError: map or dataset are missing or damaged.
            InvalidInputError: the dataset's scene or cells are not the map's.
        """
        radio_map = load_radio_map(config.physics_loss.radio_maps_dir / name)
        maps = MapTensors.from_radio_map(radio_map, device)
        train, validation = config.data.files(name)
        exact = _dataset(train, name, radio_map.cells)
        held_out = _dataset(validation, name, radio_map.cells)
        times = exact.world("nominal").propagation.time_s_T
        from_map = map_sequences(
            maps,
            radio_map.cells,
            config.data.map_sequences,
            len(times),
            float(times[1] - times[0]) if len(times) > 1 else 1.0,
            config.seed,
        )
        sampler = Sampler(
            exact, from_map, conditions, config.data, config.training.batch_size, config.seed
        )
        cases = validation_cases(held_out, conditions, config.data.drawn_conditions)
        return cls(name, maps, sampler, held_out, cases, network.scene_inputs(maps))


def _dataset(path: Path, scene: str, cells: tuple[Cell, ...]) -> Dataset:
    dataset = load_dataset(path)
    if dataset.scene != scene:
        raise InvalidInputError(
            str(path), f"a dataset of scene '{dataset.scene}', the map is of '{scene}'"
        )
    return aligned_with(dataset, cells, scene)
