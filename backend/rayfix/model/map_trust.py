"""How far the radio map can be trusted, place by place, learned from exact paths.

A ray-traced map is exact in line of sight and rough behind corners, and its own shape says where:
excess delay, departure from the straight bearing, roughness around a pixel. A small perceptron
shared by all cells turns that into a bias and a standard deviation per quantity, so that evidence
weighs each place by what the map is worth there.

Shape letters: C cells, H rows, W columns, E evidence quantities (path gain, ToA, AoA),
P coarse cells, n pixels or k blocks of a coarse cell, G trust inputs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rayfix.model.coarse_grid import CoarseGrid
from rayfix.model.config import NetworkConfig
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.radio_map import FEATURE_NAMES
from rayfix.units import SPEED_OF_LIGHT_M_S

TRUST_INPUTS = 10
TYPICAL_SIGMA = (2.0, 6.0, 2.0)
"""Where the learned standard deviations start: path gain [dB], ToA [ns], AoA [deg]."""
INDOOR_PRIOR = 2e-3
"""Prior density of a pixel with no outdoor neighbour, relative to an outdoor one. Not zero: the
edge of a building falls inside a pixel."""


@dataclass(frozen=True)
class PixelEvidence:
    """What is expected of each cell at each pixel, grouped by coarse cell.

    Attributes:
        mean_CEPn: expected path gain [dB], ToA [ns], bearing [deg], bias included.
        variance_CEPn: variance of the map there, in squared units.
        valid_CPn: whether a path arrives.
        log_prior_Pn: log density of the place before any measurement: outdoors or not.
    """

    mean_CEPn: Tensor
    variance_CEPn: Tensor
    valid_CPn: Tensor
    log_prior_Pn: Tensor


@dataclass(frozen=True)
class BlockEvidence:
    """The same for blocks of pixels, G of them: those with an outdoor pixel in or beside them.

    Attributes:
        mean_CEG, variance_CEG, valid_CG: as in `PixelEvidence`, the spread within a block being
            part of its variance.
        index_G: place of each block among all, which are grouped by coarse cell [P * k].
        log_prior_Pk: log of the mean prior density of every block.
    """

    mean_CEG: Tensor
    variance_CEG: Tensor
    valid_CG: Tensor
    index_G: Tensor
    log_prior_Pk: Tensor


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


class MapTrust(nn.Module):
    """Bias and standard deviation of the map per evidence quantity, from `trust_inputs`."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        hidden = config.trust_hidden
        quantities = len(TYPICAL_SIGMA)
        last = nn.Linear(hidden, 2 * quantities)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.net = nn.Sequential(
            nn.Linear(TRUST_INPUTS, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), last
        )
        self.register_buffer("typical_E", torch.tensor(TYPICAL_SIGMA), persistent=False)
        self.typical_E: Tensor

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Bias [..., E] and variance [..., E] at the places of `inputs` [..., G]."""
        bias, log_sigma = self.net(inputs).chunk(2, -1)
        sigma = self.typical_E * torch.exp(log_sigma.clamp(-3.0, 4.0))
        return self.typical_E * bias, sigma.square()


@torch.no_grad()
def evidence_maps(
    maps: MapTensors, inputs_CHWG: Tensor, trust: MapTrust, grid: CoarseGrid, block_m: float
) -> tuple[PixelEvidence, BlockEvidence]:
    """The evidence of every pixel, and of every block of pixels.

    A block's mean and variance are those of its pixels (their spread included), so that a peak
    narrower than a block is not missed between samples.
    """
    bias, variance = trust(inputs_CHWG)
    names = [FEATURE_NAMES.index(name) for name in ("path_gain", "toa", "aoa")]
    mean_CEHW = maps.features_CFHW[:, names] + bias.permute(0, 3, 1, 2)
    # A pixel's own extent: a uniform place within it moves the delay by up to c * resolution.
    variance_CEHW = variance.permute(0, 3, 1, 2) + _pixel_variance(maps)
    if maps.stderr_db_CHW is not None:  # the error that a calibrated or measured map states
        variance_CEHW[:, 0] += maps.stderr_db_CHW.square()
    mean_CEHW, variance_CEHW = grid.pad(mean_CEHW), grid.pad(variance_CEHW)
    valid_CHW = grid.pad(maps.valid_CHW.float())
    near_outdoor = F.avg_pool2d(
        maps.outdoor_HW.float()[None, None], 3, stride=1, padding=1, count_include_pad=False
    )[0, 0]
    prior_HW = grid.pad(torch.where(maps.outdoor_HW, 1.0, 0.2 * near_outdoor) + INDOOR_PRIOR)
    pixels = PixelEvidence(
        grid.by_cell(mean_CEHW),
        grid.by_cell(variance_CEHW),
        grid.by_cell(valid_CHW > 0),
        grid.by_cell(prior_HW).clamp_min(1e-9).log(),
    )
    side = grid.block_side(block_m)

    def pool(plane: Tensor) -> Tensor:
        flat = plane.reshape(-1, 1, *plane.shape[-2:])
        pooled = F.avg_pool2d(flat, side)
        return pooled.view(*plane.shape[:-2], *pooled.shape[-2:])

    share = pool(valid_CHW)
    weight = valid_CHW[:, None]
    total = share[:, None].clamp_min(1e-6)
    # Angles are averaged around the angle of a unit vector, the rest around the plain mean.
    angle = torch.deg2rad(mean_CEHW[:, 2:])
    centre = torch.cat(
        [
            pool(mean_CEHW[:, :2] * weight) / total,
            torch.rad2deg(torch.atan2(pool(angle.sin() * weight), pool(angle.cos() * weight))),
        ],
        1,
    )
    spread = mean_CEHW - centre.repeat_interleave(side, -2).repeat_interleave(side, -1)
    spread = torch.cat([spread[:, :2], wrap_deg(spread[:, 2:])], 1)
    block_variance = pool((spread.square() + variance_CEHW) * weight) / total
    prior_Pk = grid.by_cell(pool(prior_HW), side)
    index_G = (prior_Pk.flatten() > 1.5 * INDOOR_PRIOR).nonzero()[:, 0]

    def outdoors(plane: Tensor) -> Tensor:
        return grid.by_cell(plane, side).flatten(-2)[..., index_G].contiguous()

    blocks = BlockEvidence(
        outdoors(centre),
        outdoors(block_variance.clamp_min(1e-3)),
        outdoors(share > 0),
        index_G,
        prior_Pk.clamp_min(1e-9).log(),
    )
    return pixels, blocks


def _pixel_variance(maps: MapTensors) -> Tensor:
    """Variance of ToA over a uniform place in a pixel, h^2 / (12 c^2); other quantities move
    little within a pixel against their errors. Shape [E, 1, 1]."""
    step_ns = maps.resolution_m * 1e9 / SPEED_OF_LIGHT_M_S
    return maps.features_CFHW.new_tensor([0.0, step_ns**2 / 12.0, 0.0])[:, None, None]


def log_boxed_student_t(
    residual: Tensor, variance: Tensor, freedom: Tensor, width: Tensor
) -> Tensor:
    """Log density of Student's t around an interval: flat inside it, tails of Student's t beyond.

    The tails are heavy enough that one wrong path cannot break it. With f the unnormalised
    Student-t of unit scale and Z its integral, the density is
    f(max(|r| - width / 2, 0) / s) / (width + s Z), which integrates to 1.

    Args:
        residual: observed minus expected.
        variance: squared scale s^2.
        freedom: degrees of freedom, broadcastable.
        width: width of the interval whose middle is observed; 0 = a plain Student-t.
    """
    log_integral = (
        0.5 * torch.log(freedom * math.pi)
        + torch.lgamma(freedom / 2.0)
        - torch.lgamma((freedom + 1.0) / 2.0)
    )
    half = -0.5 * (freedom + 1.0)
    if not bool((width > 0).any()):  # the common case, at half the cost
        tails = torch.log1p(residual.square() / (freedom * variance))
        return torch.addcmul(-log_integral - 0.5 * variance.log(), half, tails)
    outside = (residual.abs() - 0.5 * width).clamp_min(0.0)
    tails = torch.log1p(outside.square() / (freedom * variance))
    return half * tails - torch.log(width + variance.sqrt() * log_integral.exp())
