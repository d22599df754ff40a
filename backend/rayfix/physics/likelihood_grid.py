"""The radio map as the grid posterior reads it: outdoor places only, at full or reduced resolution.

A map knows a place as well as its surroundings are alike. Measured on exact paths at random places
of a 2 m map: where all pixels around a place have a path, the cell is heard there with 99 %, where
half of them do, with 50 %, and with a quarter of that where the pixel itself has none; and a ToA
is either within 3 ns of the pixel or somewhere among the values of the pixels around it. Hence two
components per place: its own value, and that of its window, one pixel wider on every side.

Shape letters: C cells, E evidence features, H W rows and columns of the reduced grid, P outdoor
places, N pairs of cell and reached place, S pixels of a place or window.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rayfix.errors import InvalidInputError
from rayfix.physics.likelihood import EVIDENCE_FEATURES
from rayfix.physics.maps import AOA, MapTensors, wrap_360
from rayfix.physics.report_features import PATH_GAIN
from rayfix.units import SPEED_OF_LIGHT_M_S

WITHIN_PIXEL = 1.0 / 8.0
"""Variance of a sloping feature within a pixel, over that within its 3 x 3 neighbourhood: a slope g
gives 1/12 g^2 against 2/3 g^2 per axis."""

STEEPEST = {PATH_GAIN: 4.0, AOA: 10.0}
"""Standard deviation in a 3 x 3 neighbourhood [dB, deg] up to which it counts as a slope; beyond,
it is a jump, which the window's component is for. That of ToA follows from the speed of light."""


@dataclass(frozen=True)
class ReachedPlaces:
    """Places whose window a cell reaches, sorted by cell: N of them.

    Attributes:
        place_N: position on the P axis.
        start_C, count_C: where each cell's places begin on the N axis, and how many there are.
        own_N: whether the cell has a path at the place itself.
        mean_EN, variance_EN: features at the place itself, their variance within it; where there
            is no path, those of the window.
        window_mean_EN, window_variance_EN: features in the window.
    """

    place_N: Tensor
    start_C: Tensor
    count_C: Tensor
    own_N: Tensor
    mean_EN: Tensor
    variance_EN: Tensor
    window_mean_EN: Tensor
    window_variance_EN: Tensor


@dataclass(frozen=True)
class LikelihoodGrid:
    """What each outdoor place looks like, and how sharply the map knows it.

    Attributes:
        mean_CEP, variance_CEP: mean and variance of each evidence feature over the place's valid
            outdoor pixels, angles in [0, 360); 0 where there is none.
        window_mean_CEP, window_variance_CEP: the same over the place's window.
        path_CP: whether the cell has a path at the place.
        heard_share_CP: how likely the cell is heard there, 0 to 1: what the map says of detection,
            else as far as paths go.
        xy_m_P2: centre of the places' outdoor pixels [m].
        index_P: position in the flattened [H, W] grid.
        outdoor_P: outdoor pixels of the place: the prior.
        x_m_W, y_m_H: centres of the grid [m].
    """

    mean_CEP: Tensor
    variance_CEP: Tensor
    window_mean_CEP: Tensor
    window_variance_CEP: Tensor
    path_CP: Tensor
    heard_share_CP: Tensor
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
    def gain_db_CP(self) -> Tensor:
        """Path gain at the place, or in its window where the place has no path [dB]."""
        e = EVIDENCE_FEATURES.index(PATH_GAIN)
        return torch.where(self.path_CP, self.mean_CEP[:, e], self.window_mean_CEP[:, e])

    @cached_property
    def reached(self) -> ReachedPlaces:
        """The places that each cell reaches, cell after cell."""
        reached_CP = (self.heard_share_CP > 0) | self.path_CP
        cell_N, place_N = reached_CP.nonzero().unbind(-1)
        count_C = reached_CP.sum(-1)
        own_N = self.path_CP[cell_N, place_N]

        def gather(values_CEP: Tensor) -> Tensor:
            return values_CEP[cell_N, :, place_N].T.contiguous()

        window_mean_EN, window_variance_EN = (
            gather(self.window_mean_CEP), gather(self.window_variance_CEP)
        )  # fmt: skip
        return ReachedPlaces(
            place_N=place_N,
            start_C=count_C.cumsum(0) - count_C,
            count_C=count_C,
            own_N=own_N,
            mean_EN=torch.where(own_N, gather(self.mean_CEP), window_mean_EN),
            variance_EN=torch.where(own_N, gather(self.variance_CEP), window_variance_EN),
            window_mean_EN=window_mean_EN,
            window_variance_EN=window_variance_EN,
        )


def likelihood_grid(maps: MapTensors, stride: int = 1) -> LikelihoodGrid:
    """Group pixels into places of stride x stride.

    Args:
        maps: the radio map.
        stride: pixels along a side of a place; must divide rows and columns.
    Raises:
        InvalidInputError: the stride does not divide the map.
    """
    _, rows, columns = maps.shape
    if stride < 1 or rows % stride or columns % stride:
        raise InvalidInputError("stride", f"{stride} does not divide {rows} x {columns} pixels")
    outdoor_SP = _pixels(maps.outdoor_HW[None].float(), stride)[0]
    place_P = outdoor_SP.sum(0) > 0
    known_CHW = (maps.valid_CHW & maps.outdoor_HW).float()
    own_CSP = _pixels(known_CHW, stride)[:, :, place_P]
    window_CSP = _windows(known_CHW, stride)[:, :, place_P]
    around_P = _windows(maps.outdoor_HW[None].float(), stride)[0, :, place_P].sum(0)
    parts = []
    for feature in EVIDENCE_FEATURES:
        plane_CHW = maps.features_CFHW[:, feature]
        is_angle = feature == AOA
        own = _moments(_pixels(plane_CHW, stride)[:, :, place_P], own_CSP, is_angle)
        window = _moments(_windows(plane_CHW, stride)[:, :, place_P], window_CSP, is_angle)
        steepest = STEEPEST.get(feature, maps.resolution_m / SPEED_OF_LIGHT_M_S * 1e9)
        slope_CP = window[1].clamp(max=steepest**2) * WITHIN_PIXEL / stride**2
        own_variance, window_variance = own[1] + slope_CP, window[1]
        if feature == PATH_GAIN and maps.stderr_db_CHW is not None:
            # What the map says of its own error comes on top of how it varies.
            error_CHW = maps.stderr_db_CHW.square()
            pixels_CSP, windows_CSP = _pixels(error_CHW, stride), _windows(error_CHW, stride)
            own_variance = own_variance + _moments(pixels_CSP[:, :, place_P], own_CSP, False)[0]
            window_variance = (
                window_variance + _moments(windows_CSP[:, :, place_P], window_CSP, False)[0]
            )
        parts.append((own[0], own_variance, window[0], window_variance))
    mean, variance, window_mean, window_variance = (
        torch.stack(part, dim=1) for part in zip(*parts, strict=True)
    )
    outdoor_P = outdoor_SP[:, place_P].sum(0)
    own_share_CP = own_CSP.sum(1) / outdoor_P
    heard_share_CP = window_CSP.sum(1) / around_P * (0.25 + 0.75 * own_share_CP)
    if maps.detection_CHW is not None:
        heard_share_CP, _ = _moments(
            _pixels(maps.detection_CHW, stride)[:, :, place_P], own_CSP, False
        )
    x_SP = _pixels(maps.x_m_W.expand(1, rows, columns), stride)[0][:, place_P]
    y_SP = _pixels(maps.y_m_H[:, None].expand(1, rows, columns), stride)[0][:, place_P]
    weight_SP = outdoor_SP[:, place_P] / outdoor_P
    return LikelihoodGrid(
        mean_CEP=mean,
        variance_CEP=variance,
        window_mean_CEP=window_mean,
        window_variance_CEP=window_variance,
        path_CP=own_share_CP > 0,
        heard_share_CP=heard_share_CP,
        xy_m_P2=torch.stack([(x_SP * weight_SP).sum(0), (y_SP * weight_SP).sum(0)], dim=-1),
        index_P=place_P.nonzero()[:, 0],
        outdoor_P=outdoor_P,
        x_m_W=maps.x_m_W.view(-1, stride).mean(1),
        y_m_H=maps.y_m_H.view(-1, stride).mean(1),
    )


def covered_grid(maps: MapTensors) -> LikelihoodGrid:
    """The pixels that some cell's map covers: of a measured map, there is nothing else to say."""
    covered_HW = maps.outdoor_HW & maps.valid_CHW.any(0)
    return likelihood_grid(replace(maps, outdoor_HW=covered_HW))


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


def _pixels(planes_CHW: Tensor, stride: int) -> Tensor:
    """The pixels of every place, [C, H, W] -> [C, stride * stride, places], places row-major."""
    return F.unfold(planes_CHW[:, None], stride, stride=stride)


def _windows(planes_CHW: Tensor, stride: int) -> Tensor:
    """The pixels of every place's window, one pixel wider on every side; 0 outside the map."""
    return F.unfold(F.pad(planes_CHW, (1, 1, 1, 1))[:, None], stride + 2, stride=stride)
