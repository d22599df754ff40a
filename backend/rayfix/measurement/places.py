"""Where datasets are recorded: uniform outdoor places, apart between splits.

Shape letters: S sequences, T places of a sequence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.spatial import cKDTree

from rayfix.errors import InvalidInputError
from rayfix.measurement.motion import IsFree, MotionMix, draw_sequences
from rayfix.measurement.propagation import Float64

RESERVE = 1.5
"""Places drawn per place wanted: some hear no cell, and other splits keep away from all of them."""


class SplitConfig(BaseModel):
    """One split of a dataset; it becomes one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequences: int = Field(ge=1)
    worlds: tuple[str, ...] = Field(min_length=1, description="names in conditions.yaml")
    motion: MotionMix = MotionMix()
    single_file: bool = Field(default=False, description="a .zarr.zip instead of a folder")


class TracingConfig(BaseModel):
    """How exact paths are traced: options of `simulation.exact_paths`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_depth: int = Field(default=5, ge=0, le=20)
    diffraction: bool = True
    rays_per_site: int = Field(default=1_000_000, ge=1, le=100_000_000)
    seed: int = Field(default=1, ge=0)
    detail: bool = Field(
        default=False, description="record `propagation.PathDetail` too: files twice as large"
    )


class DatasetConfig(BaseModel):
    """The file `configs/dataset.yaml`.

    Attributes:
        seed: of all draws; every split has its own stream.
        reports: places of a sequence.
        interval_s: time between two places [s].
        separation_m: last places of two splits are at least this far apart [m].
        sequences_per_chunk: sequences traced together; an interrupted build loses at most these.
        paths: how paths are traced.
        splits: by name; an earlier one takes its places first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(ge=0)
    reports: int = Field(default=10, ge=1, le=100)
    interval_s: float = Field(default=0.2, gt=0, le=60)
    separation_m: float = Field(default=1.0, ge=0, le=100)
    sequences_per_chunk: int = Field(default=250, ge=1, le=10_000)
    paths: TracingConfig = TracingConfig()
    splits: dict[str, SplitConfig] = Field(min_length=1)


@dataclass(frozen=True)
class Places:
    """The outdoors: a test of points, and uniform places for a count and a seed."""

    is_free: IsFree
    draw: Callable[[int, int], Float64]


def candidates(
    config: DatasetConfig, split: str, places: Places
) -> tuple[Float64, npt.NDArray[np.int64]]:
    """Places [S, T, 2] of a split before anything is traced, and motion classes [S].

    `RESERVE` times as many as the split needs. Their last places are uniform outdoors except that
    they keep `separation_m` away from the last places of earlier splits.

    Raises:
        InvalidInputError: the configuration has no such split, or no room for its places.
    """
    taken = np.zeros((0, 2))
    for number, (name, wanted) in enumerate(config.splits.items()):
        stream = np.random.SeedSequence([config.seed, number])
        place_seed, motion_seed = (int(state) for state in stream.generate_state(2))
        count = int(np.ceil(wanted.sequences * RESERVE))
        last = places.draw(int(np.ceil(count * RESERVE)), place_seed)
        if len(taken):
            last = last[cKDTree(taken).query(last)[0] >= config.separation_m]
        if len(last) < count:
            raise InvalidInputError(
                f"splits.{name}.sequences", "no room for so many places; lower it or separation_m"
            )
        last = last[:count]
        if name == split:
            return draw_sequences(
                last, config.reports, config.interval_s, wanted.motion, places.is_free, motion_seed
            )
        taken = np.concatenate([taken, last])
    raise InvalidInputError("split", f"no '{split}' (known: {', '.join(config.splits)})")
