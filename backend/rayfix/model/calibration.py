"""Calibrated uncertainty: how large an ellipse must be drawn so that it holds what it says.

A covariance has the right shape but not the right size: errors are not Gaussian, and less so
where the phone may be in one of several places. So the Mahalanobis radii that hold 68 % and 95 %
of the truths are measured on validation data, as functions of the confidence.

Shape letters: B sequences, N nodes of confidence.
"""

from __future__ import annotations

import math

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

GAUSSIAN_68 = math.sqrt(-2.0 * math.log(1.0 - 0.68))
GAUSSIAN_95 = math.sqrt(-2.0 * math.log(1.0 - 0.95))
"""Mahalanobis radii of two-dimensional Gaussian ellipses, sqrt(-2 ln(1 - p)) (TS 23.032, 5.3)."""


class Calibration(BaseModel):
    """Mahalanobis radii by confidence, linear between nodes of log10(1 - confidence).

    Attributes:
        doubt_N: nodes of log10(1 - confidence), ascending.
        ellipse_68_N, ellipse_95_N: radius of the ellipse that holds 68 % and 95 % of the truths.
        circle_68_N: accuracy radius over the root mean square of the two standard deviations.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    doubt_N: tuple[float, ...] = Field(default=(0.0,), min_length=1)
    ellipse_68_N: tuple[float, ...] = (GAUSSIAN_68,)
    ellipse_95_N: tuple[float, ...] = (GAUSSIAN_95,)
    circle_68_N: tuple[float, ...] = (GAUSSIAN_68,)

    @model_validator(mode="after")
    def _fits(self) -> Calibration:
        columns = (self.ellipse_68_N, self.ellipse_95_N, self.circle_68_N)
        if any(len(column) != len(self.doubt_N) for column in columns):
            raise ValueError("every column needs one value per node")
        if list(self.doubt_N) != sorted(set(self.doubt_N)):
            raise ValueError("doubt_N must ascend")
        if not all(0 < value < math.inf for column in columns for value in column):
            raise ValueError("radii must be positive")
        return self

    def radii(self, confidence_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Radii of the 68 % ellipse, the 95 % ellipse and the 68 % circle, each [B]."""
        doubt = doubt_of(confidence_B)
        return tuple(
            _interpolate(doubt, self.doubt_N, column)
            for column in (self.ellipse_68_N, self.ellipse_95_N, self.circle_68_N)
        )  # type: ignore[return-value]


def doubt_of(confidence: Tensor) -> Tensor:
    """log10(1 - confidence), not below -4."""
    return torch.log10((1.0 - confidence).clamp_min(1e-4))


def _interpolate(x: Tensor, nodes: tuple[float, ...], values: tuple[float, ...]) -> Tensor:
    """Piecewise linear; constant beyond the ends."""
    result = torch.full_like(x, values[0])
    for left, right, low, high in zip(nodes, nodes[1:], values, values[1:], strict=False):
        share = ((x - left) / (right - left)).clamp(0.0, 1.0)
        result = torch.where(x > left, low + share * (high - low), result)
    return result


def fit_calibration(
    error_m_B2: Tensor, covariance_m2_B22: Tensor, confidence_B: Tensor, nodes: int = 6
) -> Calibration:
    """Measure the radii on fixes whose truth is known; fixes of similar confidence share a node.

    Args:
        error_m_B2: position minus truth [m].
        covariance_m2_B22: covariance of each fix [m^2].
        confidence_B: confidence of each fix.
        nodes: at most this many nodes; each needs 200 fixes.
    """
    doubt = doubt_of(confidence_B)
    order = doubt.argsort()
    mahalanobis = torch.sqrt(
        (torch.linalg.solve(covariance_m2_B22, error_m_B2) * error_m_B2).sum(-1).clamp_min(0.0)
    )
    size = torch.sqrt(covariance_m2_B22.diagonal(dim1=-2, dim2=-1).mean(-1))
    distance = error_m_B2.norm(dim=-1) / size
    columns: list[tuple[float, float, float, float]] = []
    for part in order.chunk(max(1, min(nodes, len(order) // 200))):
        node = float(doubt[part].mean())
        if columns and node <= columns[-1][0] + 1e-3:
            continue
        columns.append(
            (
                node,
                float(mahalanobis[part].quantile(0.68)),
                float(mahalanobis[part].quantile(0.95)),
                float(distance[part].quantile(0.68)),
            )
        )
    doubt_N, ellipse_68, ellipse_95, circle_68 = zip(*columns, strict=True)
    return Calibration(
        doubt_N=doubt_N, ellipse_68_N=ellipse_68, ellipse_95_N=ellipse_95, circle_68_N=circle_68
    )
