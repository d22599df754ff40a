"""How far the radio map can be trusted, place by place, learned from exact paths.

A ray-traced map is exact in line of sight and rough behind corners, and its own shape says where:
excess delay, departure from the straight bearing, roughness around a pixel. A small perceptron
shared by all cells turns that into a bias and two standard deviations per quantity: that of the map
in the world it was traced in, and what a network adds whose antennas, powers and materials are not
those of its planning data.

Shape letters: C cells, H rows, W columns, E evidence quantities (path gain, ToA, AoA),
G trust inputs.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rayfix.model.config import NetworkConfig
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.radio_map import FEATURE_NAMES
from rayfix.units import SPEED_OF_LIGHT_M_S

TRUST_INPUTS = 10
TYPICAL_SIGMA = (1.0, 2.0, 1.0)
WORLD_SIGMA = (4.0, 10.0, 3.0)
"""Where the learned standard deviations start, of the map and of a changed world on top: path gain
[dB], ToA [ns], AoA [deg]."""


def wrap_deg(angle_deg: Tensor) -> Tensor:
    """The same angle in [-180, 180)."""
    return torch.remainder(angle_deg + 180.0, 360.0) - 180.0


def trust_inputs(maps: MapTensors) -> Tensor:
    """Shape of the map around each pixel, scaled, [C, H, W, G]; 0 where no path arrives."""
    gain, toa, aoa = (
        maps.features_CFHW[:, FEATURE_NAMES.index(name)] for name in ("path_gain", "toa", "aoa")
    )
    valid = maps.valid_CHW.float()
    dx = maps.x_m_W[None, None, :] - maps.cell_xyz_m_C3[:, 0, None, None]
    dy = maps.y_m_H[None, :, None] - maps.cell_xyz_m_C3[:, 1, None, None]
    height = maps.cell_xyz_m_C3[:, 2, None, None]
    distance_m = torch.sqrt(dx**2 + dy**2 + height**2)
    excess_ns = (toa - distance_m * (1e9 / SPEED_OF_LIGHT_M_S)).clamp_min(0.0)
    off_bearing = wrap_deg(aoa - torch.rad2deg(torch.atan2(dx, dy))).abs()
    angle = torch.deg2rad(aoa)
    share, near = _local_mean(
        torch.stack([gain, toa, gain**2, toa**2, angle.cos(), angle.sin()]), valid
    )
    gain_spread = (near[2] - near[0] ** 2).clamp_min(0.0).sqrt()
    toa_spread = (near[3] - near[1] ** 2).clamp_min(0.0).sqrt()
    angle_spread = 1.0 - torch.sqrt(near[4] ** 2 + near[5] ** 2).clamp(0.0, 1.0)
    stacked = torch.stack(
        [
            (gain + 95.0) / 20.0,
            toa / 500.0,
            torch.log1p(excess_ns) / 3.0,
            off_bearing / 30.0,
            gain_spread / 5.0,
            torch.log1p(toa_spread) / 3.0,
            torch.log1p(100.0 * angle_spread),
            share,
            torch.log(distance_m / 100.0),
            (gain - near[0]) / 5.0,
        ],
        -1,
    )
    return stacked * valid[..., None]


def _local_mean(planes: Tensor, valid_CHW: Tensor) -> tuple[Tensor, Tensor]:
    """Share of valid pixels in 3 x 3 around each [C, H, W], and means of planes over them."""

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)

    share = mean(valid_CHW[:, None])[:, 0]
    return share, mean((planes * valid_CHW).flatten(0, 1)[:, None])[:, 0].view_as(
        planes
    ) / share.clamp_min(1e-6)


class TrustedErrors(NamedTuple):
    """Errors of the map per evidence quantity, each [..., E].

    Attributes:
        bias: to be added to the map.
        variance: of the map in its own world, in squared units.
        world_variance: what a world that is not the map's adds.
    """

    bias: Tensor
    variance: Tensor
    world_variance: Tensor


class MapTrust(nn.Module):
    """Errors of the map at each place, from `trust_inputs`."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        hidden = config.trust_hidden
        last = nn.Linear(hidden, 3 * len(TYPICAL_SIGMA))
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.net = nn.Sequential(
            nn.Linear(TRUST_INPUTS, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), last
        )
        self.register_buffer("typical_E", torch.tensor(TYPICAL_SIGMA), persistent=False)
        self.register_buffer("world_E", torch.tensor(WORLD_SIGMA), persistent=False)
        self.typical_E: Tensor
        self.world_E: Tensor

    def forward(self, inputs: Tensor) -> TrustedErrors:
        """Errors at the places of `inputs` [..., G]."""
        bias, log_sigma, log_world = self.net(inputs).chunk(3, -1)
        sigma = self.typical_E * torch.exp(log_sigma.clamp(-3.0, 4.0))
        world = self.world_E * torch.exp(log_world.clamp(-4.0, 3.0))
        return TrustedErrors(self.typical_E * bias, sigma.square(), world.square())
