"""The radio map of one scene: per cell, seven features on a grid.

Shape letters: C cells, H rows (y, south to north), W columns (x, west to east).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rayfix.errors import InvalidInputError
from rayfix.scene.cell import Cell
from rayfix.scene.scene import Scene

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


class Feature(NamedTuple):
    """Name, unit and label of a map feature."""

    name: str
    unit: str
    label: str


FEATURES: tuple[Feature, ...] = (
    Feature("path_gain", "dB", "Path gain"),
    Feature("toa", "ns", "Time of arrival"),
    Feature("aoa", "deg", "Uplink angle of arrival"),
    Feature("snr", "dB", "SNR"),
    Feature("sinr", "dB", "SINR"),
    Feature("throughput", "Mbit/s", "Throughput"),
    Feature("bler", "1", "Block error rate"),
)
"""The seven features in their fixed order; `aoa` is a bearing and wraps at 360 deg."""

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)

UNCERTAINTY_LAYERS: tuple[Feature, ...] = (
    Feature("path_gain_stderr", "dB", "Uncertainty of path gain"),
    Feature("detection", "1", "Probability of being heard"),
)
"""Extra arrays that are shown as layers where a map has them."""


@dataclass(frozen=True)
class RadioMap:
    """Seven features of every cell of a scene on one grid of square pixels.

    Attributes:
        scene: the scene the map was traced in.
        cells: the cells, in the order of the first axis.
        x_m, y_m: pixel centres [m], ascending, shapes [W] and [H].
        features: arrays [C, H, W] float32 by names of `FEATURE_NAMES`; NaN = no path. Path gain is
            always there; a map from measurements has nothing else.
        building_height_m: height of buildings above ground [m], 0 outdoors, shape [H, W].
        extra: further arrays [C, H, W] that the solver gives (line of sight, spreads, errors).
        attributes: how the map was made (rays, depth, seed, versions), JSON values only.
    """

    scene: Scene
    cells: tuple[Cell, ...]
    x_m: Float64
    y_m: Float64
    features: Mapping[str, Float32]
    building_height_m: Float32
    extra: Mapping[str, Float32] = field(default_factory=dict)
    attributes: Mapping[str, object] = field(default_factory=dict)

    @property
    def resolution_m(self) -> float:
        """Side of a pixel [m]."""
        return float(self.x_m[1] - self.x_m[0])

    @cached_property
    def cell_index(self) -> dict[str, int]:
        """Position of each cell id on the first axis."""
        return {cell.cell_id: index for index, cell in enumerate(self.cells)}

    @cached_property
    def outdoor(self) -> npt.NDArray[np.bool_]:
        """Pixels without a building, shape [H, W]."""
        return self.building_height_m <= 0.0

    @cached_property
    def rsrp_dbm(self) -> Float32:
        """RSRP [dBm] of every cell, shape [C, H, W] (TS 38.215, 5.1.1); NaN = no path."""
        epre = np.array([c.energy_per_resource_element_dbm for c in self.cells], np.float32)
        return self.features["path_gain"] + epre[:, None, None]

    @cached_property
    def layers(self) -> tuple[Feature, ...]:
        """What there is to show: the features that the map has, and its uncertainty."""
        there = (*self.features, *self.extra)
        return tuple(f for f in (*FEATURES, *UNCERTAINTY_LAYERS) if f.name in there)

    def layer_values(self, name: str) -> Float32:
        """One of `layers`, [C, H, W].

        Raises:
            InvalidInputError: the map has no such layer.
        """
        if name not in (layer.name for layer in self.layers):
            known = ", ".join(layer.name for layer in self.layers)
            raise InvalidInputError("feature", f"one of {known} is expected")
        return self.features[name] if name in self.features else self.extra[name]
