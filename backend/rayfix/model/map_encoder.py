"""Map encoder: one token per coarse cell, from aggregates over radio cells and from the city.

The radio channels do not depend on how many cells there are or how they are ordered, so a map
of any city fits.

Shape letters: C cells, H rows, W columns, M map channels, P coarse cells, D width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rayfix.model.attention import Layer, sine_positions
from rayfix.model.config import NetworkConfig
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.radio_map import FEATURE_NAMES

MAP_CHANNELS = 10
CONV_SUBDIVISION = 4
"""Pixels of the encoder's input along the side of a coarse cell."""


def map_channels(maps: MapTensors) -> Tensor:
    """Scaled channels of the map, shape [M, H, W].

    Radio: strongest and second strongest path gain, their difference, mean over the heard cells,
    number of heard cells, delay and excess delay-free SINR of the strongest cell, whether any is
    heard. City: building height, outdoor.
    """
    gain, toa, sinr = (
        maps.features_CFHW[:, FEATURE_NAMES.index(name)] for name in ("path_gain", "toa", "sinr")
    )
    valid = maps.valid_CHW
    floor = gain.masked_fill(~valid, -150.0)
    two = floor.topk(min(2, len(floor)), dim=0)
    best, second = two.values[0], two.values[-1]
    strongest = two.indices[:1]
    heard = valid.sum(0)
    mean = (gain * valid).sum(0) / heard.clamp_min(1)
    any_heard = heard > 0
    return torch.stack(
        [
            (best + 95.0) / 25.0,
            (second + 95.0) / 25.0,
            (best - second) / 20.0,
            torch.where(any_heard, (mean + 105.0) / 20.0, -2.0),
            heard / 6.0,
            toa.gather(0, strongest)[0] / 500.0 * any_heard,
            sinr.gather(0, strongest)[0] / 20.0 * any_heard,
            any_heard.float(),
            maps.building_height_m_HW / 20.0,
            maps.outdoor_HW.float(),
        ]
    )


class MapEncoder(nn.Module):
    """Convolutional patches of the map, then a transformer over them."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.rows, self.columns = config.rows, config.columns
        half = config.width // 2
        self.patches = nn.Sequential(
            nn.Conv2d(MAP_CHANNELS, half, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(half, config.width, 3, stride=2, padding=1),
        )
        self.layers = nn.ModuleList(
            Layer(config.width, config.heads, config.feed_forward, config.dropout)
            for _ in range(config.map_layers)
        )
        self.norm = nn.LayerNorm(config.width)
        self.register_buffer(
            "position_PD", sine_positions(self.rows, self.columns, config.width), persistent=False
        )
        self.position_PD: Tensor

    def forward(self, channels_MHW: Tensor) -> Tensor:
        """Tokens [P, D] of the coarse cells, row-major from the south-west corner."""
        size = (self.rows * CONV_SUBDIVISION, self.columns * CONV_SUBDIVISION)
        x = self.patches(F.adaptive_avg_pool2d(channels_MHW[None], size))
        x = x.flatten(2).transpose(1, 2) + self.position_PD
        for layer in self.layers:
            x, _ = layer(x)
        tokens: Tensor = self.norm(x)[0]
        return tokens
