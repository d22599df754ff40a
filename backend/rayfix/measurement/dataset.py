"""Datasets: exact paths along sequences of places, per world, with the truth.

Reports are drawn from it by a condition and a seed (`impairments.draw_reports`), so that training
draws fresh errors in every epoch. `dataset_file` keeps it.

Shape letters: S sequences, T places of a sequence, C cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import Condition
from rayfix.measurement.impairments import draw_reports
from rayfix.measurement.propagation import Float64, Propagation
from rayfix.measurement.report import ReportBatch
from rayfix.scene.cell import Cell


@dataclass(frozen=True)
class DatasetWorld:
    """Propagation of one world, and the cells as they are there."""

    cells: tuple[Cell, ...]
    propagation: Propagation


@dataclass(frozen=True)
class Dataset:
    """Sequences of places with what reaches a phone there, in one or more worlds.

    Attributes:
        scene: name of the scene.
        motion_S: motion class of each sequence (index of `motion.MOTIONS`).
        worlds: by name; all at the same places.
        attributes: how it was recorded, JSON values only.
    """

    scene: str
    motion_S: npt.NDArray[np.int64]
    worlds: Mapping[str, DatasetWorld]
    attributes: Mapping[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.motion_S)

    @property
    def xy_m_ST2(self) -> Float64:
        """Truth: east and north of every place [m]."""
        return next(iter(self.worlds.values())).propagation.xy_m_BT2

    @property
    def truth_xy_m_S2(self) -> Float64:
        """The place that a fix of each sequence is compared with: its last [m]."""
        return self.xy_m_ST2[:, -1]

    def world(self, name: str) -> DatasetWorld:
        """One world.

        Raises:
            InvalidInputError: it was not recorded.
        """
        if name not in self.worlds:
            raise InvalidInputError(
                "world", f"'{name}' is not recorded (recorded: {', '.join(self.worlds)})"
            )
        return self.worlds[name]

    def draw(self, condition: Condition, seed: int, reports: int | None = None) -> ReportBatch:
        """Reports of every sequence under a condition: the last `reports` of each (default all).

        Raises:
            InvalidInputError: the condition's world, or that many reports, are not recorded.
        """
        world = self.world(condition.world)
        propagation = world.propagation
        if reports is not None:
            propagation = propagation.last(reports)
        return draw_reports(propagation, world.cells, condition, seed)

    def __getitem__(self, index: slice | npt.NDArray[Any]) -> Dataset:
        """Some sequences."""
        worlds = {
            name: DatasetWorld(world.cells, world.propagation[index])
            for name, world in self.worlds.items()
        }
        return replace(self, motion_S=self.motion_S[index], worlds=worlds)


def aligned_with(dataset: Dataset, cells: Sequence[Cell], map_name: str) -> Dataset:
    """The dataset with its cells in the order of a radio map; cells it lacks are never heard.

    Raises:
        InvalidInputError: the dataset has a cell that the map has not, or the nominal world's cell
            differs from the map's: a dataset of other sites would be matched with the wrong map.
    """
    by_id = {cell.cell_id: cell for cell in cells}
    for cell in dataset.world("nominal").cells if "nominal" in dataset.worlds else ():
        if cell.cell_id in by_id and cell != by_id[cell.cell_id]:
            ours, theirs = cell.model_dump(), by_id[cell.cell_id].model_dump()
            name = next(name for name in ours if ours[name] != theirs[name])
            raise InvalidInputError(
                f"cell {cell.cell_id}: {name}",
                f"{ours[name]} in the dataset, {theirs[name]} in the radio map '{map_name}'",
            )
    worlds = {}
    for name, world in dataset.worlds.items():
        recorded = {cell.cell_id: index for index, cell in enumerate(world.cells)}
        unknown = sorted(set(recorded) - set(by_id))
        if unknown:
            raise InvalidInputError(
                f"cell {unknown[0]}",
                f"in the dataset of scene '{dataset.scene}' but not in the radio map '{map_name}'",
            )
        order = np.array([recorded.get(cell_id, -1) for cell_id in by_id], np.int64)
        there = tuple(
            world.cells[index] if index >= 0 else cell
            for index, cell in zip(order, cells, strict=True)
        )
        worlds[name] = DatasetWorld(there, world.propagation.with_cells(order))
    return replace(dataset, worlds=worlds)
