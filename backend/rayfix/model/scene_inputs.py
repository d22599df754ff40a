"""A scene as the network reads it: before any weight touches it, and as its weights see it.

Shape letters: C cells, M channels, H W rows and columns, P coarse cells, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from rayfix.model.coarse_grid import CoarseGrid
from rayfix.model.map_evidence import BlockEvidence, MapSurroundings, PixelEvidence
from rayfix.physics.maps import MapTensors


@dataclass(frozen=True)
class SceneInputs:
    """What the network reads of a map before any weight touches it; never changes for a map.

    Attributes:
        maps: the radio map.
        grid: the coarse cells over it.
        channels_MHW: inputs of the map encoder.
        around: what evidence reads of the map.
        centre_P2: centres of the coarse cells [m].
    """

    maps: MapTensors
    grid: CoarseGrid
    channels_MHW: Tensor
    around: MapSurroundings
    centre_P2: Tensor


class MapTokens(NamedTuple):
    """A map as the network's weights see it; compute once per map (`encode_map`).

    Attributes:
        token_PD: tokens of the coarse cells.
        pixels, blocks: what is expected at every pixel and at every block of pixels.
    """

    token_PD: Tensor
    pixels: PixelEvidence
    blocks: BlockEvidence
