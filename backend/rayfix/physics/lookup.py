"""Differentiable lookup: map features at any point, by bilinear interpolation.

The interpolation is that of `torch.nn.functional.grid_sample` with `align_corners=True` on pixel
centres (x_norm = 2 (x - x_min) / (x_max - x_min) - 1, y likewise with row 0 in the south), with
these differences: pixels without a path have no weight (the others' weights are scaled up to sum
to 1), angles are interpolated on the circle, and in a radio map the delays of two different first
paths are not mixed (`TOA_JUMP_PIXELS`). Only the four corners of each point are read.

Shape letters: B points or sequences, K cells or hypotheses, C cells, F features, H rows,
W columns, S stored channels of a texel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from rayfix.errors import InvalidInputError
from rayfix.physics.maps import AOA, MapTensors, pack_texels, wrap_360
from rayfix.physics.report_features import TOA
from rayfix.radio_map.conventions import TOA_JUMP_PIXELS
from rayfix.units import SPEED_OF_LIGHT_M_S

MapExtent = Mapping[str, float] | Sequence[float]
"""Centres of the outermost pixels [m]: a mapping with x_min, y_min, x_max, y_max (with or without
the suffix `_m`), or those four numbers in that order."""

EXTENT_KEYS = ("x_min", "y_min", "x_max", "y_max")


def extent_bounds(extent: MapExtent) -> tuple[float, float, float, float]:
    """x_min, y_min, x_max, y_max [m] of any accepted form.

    Raises:
        InvalidInputError: a bound is missing, or a minimum is not below its maximum.
    """
    if isinstance(extent, Mapping):
        missing = [key for key in EXTENT_KEYS if key not in extent and f"{key}_m" not in extent]
        if missing:
            raise InvalidInputError("map_extent", f"{', '.join(missing)} missing")
        bounds = [extent[key if key in extent else f"{key}_m"] for key in EXTENT_KEYS]
    else:
        bounds = list(extent)
        if len(bounds) != 4:
            raise InvalidInputError(
                "map_extent", "four numbers x_min, y_min, x_max, y_max expected"
            )
    x_min, y_min, x_max, y_max = (float(bound) for bound in bounds)
    if not (x_min < x_max and y_min < y_max):
        raise InvalidInputError("map_extent", "x_min < x_max and y_min < y_max must hold")
    return x_min, y_min, x_max, y_max


def normalize_coords(xy_m: Tensor, map_extent: MapExtent) -> Tensor:
    """Metres to the [-1, 1] of `grid_sample`.

    Args:
        xy_m: east, north [m], shape [..., 2].
        map_extent: centres of the outermost pixels [m].
    Returns:
        Shape [..., 2]; (-1, -1) is the south-west pixel centre, (1, 1) the north-east one; points
        outside the map lie outside [-1, 1].
    """
    x_min, y_min, x_max, y_max = extent_bounds(map_extent)
    low = xy_m.new_tensor([x_min, y_min])
    span = xy_m.new_tensor([x_max - x_min, y_max - y_min])
    return 2.0 * (xy_m - low) / span - 1.0


def interpolate(
    texels_CHWS: Tensor,
    unit_xy: Tensor,
    plane: Tensor,
    features: int,
    toa_jump_ns: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Bilinear interpolation over the valid corners of each point.

    Args:
        texels_CHWS: from `pack_texels`.
        unit_xy: points in [-1, 1], shape [..., 2]; clamped to the border.
        plane: index on the C axis of each point, int64 [...].
        features: number F of map features.
        toa_jump_ns: corners whose ToA is further than this from that of the corner with most
            weight count nothing for ToA; None = all count.
    Returns:
        Values [..., F], 0 where no corner is valid, and validity [...].
    """
    _, rows, columns, channels = texels_CHWS.shape
    unit_xy = unit_xy.clamp(-1.0, 1.0)
    x = (unit_xy[..., 0] + 1.0) * (0.5 * (columns - 1))
    y = (unit_xy[..., 1] + 1.0) * (0.5 * (rows - 1))
    # NaN positions must not index; they give NaN weights, hence invalid.
    column = x.detach().nan_to_num(0.0).floor().clamp(0, max(columns - 2, 0)).long()
    row = y.detach().nan_to_num(0.0).floor().clamp(0, max(rows - 2, 0)).long()
    fx, fy = x - column, y - row
    base = (plane * rows + row) * columns + column
    right, up = int(columns > 1), columns * int(rows > 1)
    corner = torch.stack([base, base + right, base + up, base + up + right], dim=-1)
    weight = torch.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy], dim=-1)
    texel = texels_CHWS.reshape(-1, channels)[corner.reshape(-1)].view(*corner.shape, channels)
    weighted = weight * texel[..., -1]
    total = weighted.sum(-1)
    valid = total > 1e-6
    # A weight that divides by the sum of the valid ones; 1 keeps the gradient of the rest finite.
    scale = weighted / torch.where(valid, total, torch.ones_like(total))[..., None]
    value = (scale[..., None] * texel[..., :-1]).sum(-2)
    if toa_jump_ns is not None:
        toa = texel[..., TOA]
        heaviest = weighted.detach().argmax(-1, keepdim=True)
        same = (toa - toa.gather(-1, heaviest)).abs() <= toa_jump_ns
        share = scale * same
        first = (share * toa).sum(-1) / share.sum(-1).clamp_min(1e-6)
        value = torch.cat([value[..., :TOA], first[..., None], value[..., TOA + 1 :]], dim=-1)
    if features > AOA:
        cosine, sine = value[..., AOA], value[..., AOA + 1]
        # Opposite corners can cancel; atan2 has no gradient at the origin.
        defined = cosine.square() + sine.square() > 1e-12
        angle = torch.atan2(
            torch.where(defined, sine, torch.zeros_like(sine)),
            torch.where(defined, cosine, torch.ones_like(cosine)),
        )
        angle = wrap_360(torch.rad2deg(angle))
        value = torch.cat([value[..., :AOA], angle[..., None], value[..., AOA + 2 :]], dim=-1)
    return torch.where(valid[..., None], value, torch.zeros_like(value)), valid


def lookup_cells(maps: MapTensors, xy_m: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Map features of given cells at given points.

    Args:
        maps: the radio map.
        xy_m: points [m], shape [..., 2].
        cell: index of the cell at each point, int64, broadcastable with xy_m[..., 0].
    Returns:
        Features [..., F] in their units, 0 where invalid, and validity [...]: false where no
        corner has a path and outside the map (no gradient flows from either).
    """
    return lookup_texels(maps, maps.texels_CHWS, maps.features_CFHW.shape[1], xy_m, cell)


def lookup_evidence(maps: MapTensors, xy_m: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """`lookup_cells` of path gain, ToA and AoA alone, [..., 3]: half the memory traffic."""
    return lookup_texels(maps, maps.evidence_texels_CHWS, AOA + 1, xy_m, cell)


def lookup_texels(
    maps: MapTensors, texels_CHWS: Tensor, features: int, xy_m: Tensor, cell: Tensor
) -> tuple[Tensor, Tensor]:
    """`lookup_cells` of other texels (`pack_texels`) on the same pixels, with so many features."""
    extent = (maps.x_min_m, maps.y_min_m, maps.x_max_m, maps.y_max_m)
    shape = _broadcast(xy_m.shape[:-1], cell.shape)
    xy_m = xy_m.expand(*shape, 2)
    value, valid = interpolate(
        texels_CHWS,
        normalize_coords(xy_m, extent),
        cell.expand(shape),
        features,
        _toa_jump_ns(maps),
    )
    valid = valid & maps.contains(xy_m)
    return torch.where(valid[..., None], value, torch.zeros_like(value)), valid


def differentiable_lookup(
    predicted_xy: Tensor,
    radio_maps: Tensor | MapTensors,
    map_extent: MapExtent | None = None,
    padding_mode: str = "border",
) -> Tensor:
    """Map features at one point per sample; differentiable in the points.

    Args:
        predicted_xy: points [m], shape [B, 2].
        radio_maps: one map of all samples [F, H, W], one map per sample [B, F, H, W], or
            `MapTensors`, where every point is looked up in every cell.
        map_extent: centres of the outermost pixels [m]; not used with `MapTensors`.
        padding_mode: outside the map, "border" takes the nearest border value and gives no
            gradient out of it; "nan" answers NaN.
    Returns:
        Features [B, F], or [B, C, F] with `MapTensors`; NaN where no neighbouring pixel has a
        path. Angles are in [0, 360).
    Raises:
        InvalidInputError: shapes do not fit, or the extent or padding mode is not valid.
    """
    return batch_differentiable_lookup(
        predicted_xy[:, None, :], radio_maps, map_extent, padding_mode
    )[:, 0]


def batch_differentiable_lookup(
    predicted_xy: Tensor,
    radio_maps: Tensor | MapTensors,
    map_extent: MapExtent | None = None,
    padding_mode: str = "border",
) -> Tensor:
    """`differentiable_lookup` at K points per sample: [B, K, 2] -> [B, K, F] or [B, K, C, F]."""
    if padding_mode not in ("border", "nan"):
        raise InvalidInputError("padding_mode", "one of border, nan is expected")
    toa_jump_ns = None
    if isinstance(radio_maps, MapTensors):
        toa_jump_ns = _toa_jump_ns(radio_maps)
        map_extent = (
            radio_maps.x_min_m, radio_maps.y_min_m, radio_maps.x_max_m, radio_maps.y_max_m
        )  # fmt: skip
        texels, features = radio_maps.texels_CHWS, radio_maps.features_CFHW.shape[1]
        predicted_xy = predicted_xy[:, :, None, :]
        plane = torch.arange(texels.shape[0], device=texels.device)
    else:
        texels, features = _texels_of(radio_maps)
        if texels.shape[0] not in (1, predicted_xy.shape[0]):
            raise InvalidInputError(
                "radio_maps",
                f"{texels.shape[0]} maps for {predicted_xy.shape[0]} samples: one, or one each",
            )
        plane = torch.arange(texels.shape[0], device=texels.device)[:, None]
    if map_extent is None:
        raise InvalidInputError("map_extent", "is needed when the maps are plain tensors")
    shape = _broadcast(predicted_xy.shape[:-1], plane.shape)
    unit_xy = normalize_coords(predicted_xy, map_extent).expand(*shape, 2)
    value, valid = interpolate(texels, unit_xy, plane.expand(shape), features, toa_jump_ns)
    if padding_mode == "nan":
        valid = valid & (unit_xy.abs() <= 1.0).all(-1)
    return torch.where(valid[..., None], value, value.new_full((), torch.nan))


def _toa_jump_ns(maps: MapTensors) -> float:
    return TOA_JUMP_PIXELS * maps.resolution_m / SPEED_OF_LIGHT_M_S * 1e9


def _broadcast(first: torch.Size, second: torch.Size) -> torch.Size:
    return torch.Size(np.broadcast_shapes(first, second))


def _texels_of(maps: Tensor) -> tuple[Tensor, int]:
    if maps.dim() == 3:
        maps = maps[None]
    if maps.dim() != 4:
        raise InvalidInputError("radio_maps", "[F, H, W] or [B, F, H, W] is expected")
    valid = torch.isfinite(maps).all(1)
    return pack_texels(torch.where(valid[:, None], maps, 0.0), valid), maps.shape[1]
