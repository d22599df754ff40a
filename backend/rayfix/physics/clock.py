"""The clock offset that all one-way times of arrival of a phone share, and how it is eliminated.

With an offset b ~ N(0, s^2), what ToAs say of a place is the integral over b of the density of
their residuals less b. For Gaussian residuals it is that of the ToA differences, with a weak prior
on the level; it is closed there (Kay 1993, Fundamentals of Statistical Signal Processing I, ex.
10.2), and Laplace's approximation around the best b is exact. Real residuals have heavy tails and
several clusters: the best b is then looked for around each of them.

Shape letters: K heard cells on the first axis, any axes behind it; B sequences, T reports.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rayfix.physics.density import core_density
from rayfix.physics.noise import FeatureNoise, NoiseModel

STEPS = 3
"""Reweighted least-squares steps from the best residual to the best offset."""
FIT_STEPS = 10
"""Alternating steps that part the offsets of reports from the levels of cells."""


def clock_offset(
    residual_K: Tensor, variance_K: Tensor, known_K: Tensor, noise: FeatureNoise, spread_ns: float
) -> tuple[Tensor, Tensor]:
    """The most likely common offset of ToA residuals, and the log evidence that remains.

    Args:
        residual_K: ToA less the map's, first axis K [ns].
        variance_K: their variance [ns^2].
        known_K: which of them count: one-way ToAs where the map has a path.
        noise: their density.
        spread_ns: standard deviation of the offset, positive.
    Returns:
        Offset [ns], and what multiplying the densities at (residual - offset) by its exponential
        needs to be the integral over the offset; both without the axis K. Both are 0 without any
        known residual.
    """
    prior = 1.0 / spread_ns**2
    zero = torch.zeros_like(residual_K[0])
    best, highest = zero, torch.full_like(zero, -torch.inf)
    for candidate in (zero, *torch.where(known_K, residual_K, 0.0).detach()):
        density_K = core_density(residual_K - candidate, variance_K, noise) + noise.floor
        log_K = torch.where(known_K, density_K.clamp(min=1e-30).log(), 0.0)
        score = log_K.sum(0) - 0.5 * prior * candidate.square()
        best = torch.where(score > highest, candidate, best)
        highest = torch.maximum(score, highest)
    curvature = torch.full_like(zero, prior)
    for _ in range(STEPS):
        weight_K = known_K * _weight(residual_K - best, variance_K, noise) / variance_K
        curvature = weight_K.sum(0) + prior
        best = (weight_K * residual_K).sum(0) / curvature
    return best, -0.5 * (prior * best.square() + (curvature / prior).log())


def without_clock_offset(
    residual: Tensor, variance: Tensor, one_way: Tensor, noise: NoiseModel, dim: int
) -> tuple[Tensor, Tensor]:
    """ToA residuals less their most likely common offset, and the log evidence that remains.

    Args:
        residual: ToA less the map's [ns].
        variance: their variance [ns^2]; broadcasts.
        one_way: which of them share the offset and count: measured one way, path in the map.
        noise: `clock_offset_ns` is positive.
        dim: the axis of heard cells, absent from the second result.
    """
    variance = variance.expand_as(residual)
    offset, log_evidence = clock_offset(
        residual.movedim(dim, 0), variance.movedim(dim, 0), one_way.movedim(dim, 0),
        noise.toa, noise.clock_offset_ns,
    )  # fmt: skip
    return residual - one_way * offset.unsqueeze(dim), log_evidence


def clock_offset_at_rows(
    residual_R: Tensor,
    variance_R: Tensor,
    one_way_R: Tensor,
    at: tuple[Tensor, Tensor, Tensor],
    shape: tuple[int, int, int],
    noise: NoiseModel,
) -> tuple[Tensor, Tensor]:
    """`clock_offset` where residuals are a list of rows: pairs of a sequence's cell and a place.

    Args:
        residual_R, variance_R, one_way_R: as for `without_clock_offset`.
        at: slot K, sequence and place P of each row.
        shape: numbers of slots, sequences and places.
        noise: `clock_offset_ns` is positive.
    Returns:
        Offset at each row [ns], 0 for timing advances, and the log evidence that remains, [B, P].
    """
    residual_KBP = residual_R.new_zeros(shape)
    variance_KBP = torch.ones_like(residual_KBP)
    known_KBP = torch.zeros_like(residual_KBP, dtype=torch.bool)
    residual_KBP[at], variance_KBP[at], known_KBP[at] = residual_R, variance_R, one_way_R
    offset_BP, log_BP = clock_offset(
        residual_KBP, variance_KBP, known_KBP, noise.toa, noise.clock_offset_ns
    )
    return one_way_R * offset_BP[at[1:]], log_BP


def _weight(residual: Tensor, variance: Tensor, noise: FeatureNoise) -> Tensor:
    """Weight of a residual in least squares: 1 of a Gaussian, falling in the tails, 0 when the
    flat part explains it."""
    weight = torch.ones_like(residual)
    nu = noise.degrees_of_freedom
    if nu is not None:
        weight = (nu + 1.0) / (nu + residual.square() / variance)
    if noise.floor:
        density = core_density(residual, variance, noise)
        weight = weight * density / (density + noise.floor)
    return weight


def level_of_cells(value_BTK: Tensor, valid_BTK: Tensor) -> Tensor:
    """Mean ToA of each cell over a sequence as if every report had heard it [ns], [B, K].

    Least squares of value = level of the cell + offset of the report, the offsets summing to 0
    (two-way layout). A cell that is missing in some reports is so spared what their clock, or the
    way of the phone, adds to all cells.
    """
    weight_BTK = valid_BTK.to(value_BTK.dtype)
    heard_BT = weight_BTK.sum(2) > 0
    reports_B1 = heard_BT.sum(1, keepdim=True).clamp(min=1)
    offset_BT = torch.zeros_like(weight_BTK[..., 0])
    level_BK = torch.zeros_like(weight_BTK[:, 0])
    for _ in range(FIT_STEPS):
        level_BK = _mean((value_BTK - offset_BT[..., None]) * weight_BTK, weight_BTK, 1)
        offset_BT = _mean((value_BTK - level_BK[:, None]) * weight_BTK, weight_BTK, 2)
        offset_BT = (offset_BT - offset_BT.sum(1, keepdim=True) / reports_B1) * heard_BT
    return level_BK


def _mean(weighted: Tensor, weight: Tensor, axis: int) -> Tensor:
    return weighted.sum(axis) / weight.sum(axis).clamp(min=1.0)


def huber_offset(
    residual: Tensor, variance: Tensor, known: Tensor, spread_ns: Tensor, delta: float
) -> Tensor:
    """The offset that minimises the sum of Huber's rho of the residuals over the last axis.

    Args:
        residual, variance, known: as for `clock_offset`, but K on the last axis.
        spread_ns: standard deviation of the offset [ns], 0 = none; broadcasts.
        delta: where rho turns linear, in standard deviations; infinite for least squares.
    Returns:
        Offset [ns], [..., 1]; the prior of the offset is in the sum.
    """
    has_offset = spread_ns > 0
    prior = torch.where(has_offset, spread_ns, 1.0).square().reciprocal()
    offset = torch.zeros_like(residual[..., :1])
    for _ in range(1 if math.isinf(delta) else FIT_STEPS):
        weight = known / variance
        if math.isfinite(delta):
            size = (residual - offset).abs() * variance.rsqrt()
            weight = weight * delta / size.clamp(min=delta)
        curvature = weight.sum(-1, keepdim=True) + prior
        offset = (weight * residual).sum(-1, keepdim=True) / curvature
    return torch.where(has_offset, offset, 0.0)
