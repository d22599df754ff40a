"""The radio map as the grid posterior reads it: outdoor places only, at full or reduced resolution.

Shape letters: C cells, E evidence features, H W rows and columns of the reduced grid, P outdoor
places, s pixels of a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rayfix.errors import InvalidInputError
from rayfix.physics.likelihood import EVIDENCE_FEATURES
from rayfix.physics.maps import AOA, MapTensors, wrap_360

WITHIN_PIXEL = 1.0 / 8.0
"""Variance of a sloping feature within a pixel, over that within its 3 x 3 neighbourhood: a slope g
gives 1/12 g^2 against 2/3 g^2 per axis."""


@dataclass(frozen=True)
class ReachedPlaces:
    """Places with a path, sorted by cell: N of them, a quarter of all pairs in a city.

    Attributes:
        place_N: position on the P axis.
        start_C, count_C: where each cell's places begin on the N axis, and how many there are.
        mean_EN, variance_EN: features of the cell there.
    """

    place_N: Tensor
    start_C: Tensor
    count_C: Tensor
    mean_EN: Tensor
    variance_EN: Tensor


@dataclass(frozen=True)
class LikelihoodGrid:
    """What each outdoor place looks like, and how sharply the map knows it.

    Attributes:
        mean_CEP: mean of each evidence feature over the place's valid outdoor pixels, angles in
            [0, 360); 0 where there is none.
        variance_CEP: variance of the features around that mean within the place, pixels included.
        path_CP: whether the cell has a path at the place.
        xy_m_P2: centre of the places' outdoor pixels [m].
        index_P: position in the flattened [H, W] grid.
        outdoor_P: outdoor pixels of the place: the prior.
        x_m_W, y_m_H: centres of the grid [m].
    """

    mean_CEP: Tensor
    variance_CEP: Tensor
    path_CP: Tensor
    xy_m_P2: Tensor
    index_P: Tensor
    outdoor_P: Tensor
    x_m_W: Tensor
    y_m_H: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.y_m_H), len(self.x_m_W)

    @cached_property
    def reached(self) -> ReachedPlaces:
        """The places that each cell reaches, cell after cell."""
        cell_N, place_N = self.path_CP.nonzero().unbind(-1)
        count_C = self.path_CP.sum(-1)
        return ReachedPlaces(
            place_N=place_N,
            start_C=count_C.cumsum(0) - count_C,
            count_C=count_C,
            mean_EN=self.mean_CEP[cell_N, :, place_N].T.contiguous(),
            variance_EN=self.variance_CEP[cell_N, :, place_N].T.contiguous(),
        )


def likelihood_grid(maps: MapTensors, stride: int = 1) -> LikelihoodGrid:
    """Group pixels into blocks of stride x stride.

    Args:
        maps: the radio map.
        stride: pixels along a side of a block; must divide rows and columns.
    Raises:
        InvalidInputError: the stride does not divide the map.
    """
    _, rows, columns = maps.shape
    if stride < 1 or rows % stride or columns % stride:
        raise InvalidInputError("stride", f"{stride} does not divide {rows} x {columns} pixels")
    outdoor_SP = _blocks(maps.outdoor_HW[None].float(), stride)[0]
    place_P = outdoor_SP.sum(0) > 0
    outdoor_SP = outdoor_SP[:, place_P]
    weight_CSP = _blocks(maps.valid_CHW.float(), stride)[:, :, place_P] * outdoor_SP
    count_CP = weight_CSP.sum(1)
    means, variances = [], []
    for feature in EVIDENCE_FEATURES:
        value_CSP = _blocks(maps.features_CFHW[:, feature], stride)[:, :, place_P]
        mean, variance = _moments(value_CSP, weight_CSP, feature == AOA)
        means.append(mean)
        variances.append(variance + _pixel_variance(maps, feature, stride)[:, place_P])
    x_SP = _blocks(maps.x_m_W.expand(1, rows, columns), stride)[0][:, place_P]
    y_SP = _blocks(maps.y_m_H[:, None].expand(1, rows, columns), stride)[0][:, place_P]
    outdoor_P = outdoor_SP.sum(0)
    xy_P2 = torch.stack(
        [(x_SP * outdoor_SP).sum(0) / outdoor_P, (y_SP * outdoor_SP).sum(0) / outdoor_P], dim=-1
    )
    return LikelihoodGrid(
        mean_CEP=torch.stack(means, dim=1),
        variance_CEP=torch.stack(variances, dim=1),
        path_CP=count_CP > 0,
        xy_m_P2=xy_P2,
        index_P=place_P.nonzero()[:, 0],
        outdoor_P=outdoor_P,
        x_m_W=maps.x_m_W.view(-1, stride).mean(1),
        y_m_H=maps.y_m_H.view(-1, stride).mean(1),
    )


def _moments(value_CSP: Tensor, weight_CSP: Tensor, is_angle: bool) -> tuple[Tensor, Tensor]:
    """Weighted mean and variance over S, [C, P]; 0 where no weight; angles on the circle [deg]."""
    total_CP = weight_CSP.sum(1)
    divisor_CP = total_CP.clamp(min=1.0)
    if not is_angle:
        mean_CP = (value_CSP * weight_CSP).sum(1) / divisor_CP
        deviation_CSP = (value_CSP - mean_CP[:, None]).square()
        return mean_CP, (deviation_CSP * weight_CSP).sum(1) / divisor_CP
    angle_CSP = torch.deg2rad(value_CSP)
    cosine_CP = (torch.cos(angle_CSP) * weight_CSP).sum(1) / divisor_CP
    sine_CP = (torch.sin(angle_CSP) * weight_CSP).sum(1) / divisor_CP
    # Circular variance -2 ln R (Mardia and Jupp, 2.3.4), in squared degrees.
    length_CP = torch.where(total_CP > 0, torch.hypot(cosine_CP, sine_CP), 1.0).clamp(1e-3, 1.0)
    mean_CP = wrap_360(torch.rad2deg(torch.atan2(sine_CP, cosine_CP)))
    return mean_CP, -2.0 * length_CP.log() * (180.0 / torch.pi) ** 2


def _pixel_variance(maps: MapTensors, feature: int, stride: int) -> Tensor:
    """Variance of a feature within one pixel, mean over each block, [C, H W].

    From the valid neighbours (`WITHIN_PIXEL`): large where the map is steep or jumps.
    """
    cells, rows, columns = maps.shape
    planes = F.pad(maps.features_CFHW[:, feature], (1, 1, 1, 1))
    valid = F.pad((maps.valid_CHW & maps.outdoor_HW).float(), (1, 1, 1, 1))
    value_CSN, weight_CSN = (F.unfold(p[:, None], 3) for p in (planes, valid))
    variance_CN = _moments(value_CSN, weight_CSN, feature == AOA)[1] * WITHIN_PIXEL
    weight_CN = (maps.valid_CHW & maps.outdoor_HW).float().view(cells, -1)
    total_CSP = _blocks((variance_CN * weight_CN).view(cells, rows, columns), stride)
    count_CSP = _blocks(weight_CN.view(cells, rows, columns), stride)
    return total_CSP.sum(1) / count_CSP.sum(1).clamp(min=1.0)


def _blocks(planes_CHW: Tensor, stride: int) -> Tensor:
    """[C, H, W] -> [C, stride * stride, number of blocks], blocks row-major."""
    return F.unfold(planes_CHW[:, None], stride, stride=stride)
