"""From the semi-axes of an ellipse to the radius that a person reads."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

_ANGLES = np.linspace(0.0, math.pi, 256, endpoint=False)
"""Directions that the radius integral is summed over (its integrand repeats after pi)."""

NEEDLE = 0.03
"""Ratio of the axes below which an ellipse counts as this thin: the radius differs from that of a
line by less than 0.1 %, and the sum below still resolves its peak."""

_RATIOS = np.linspace(NEEDLE, 1.0, 513)
"""Ratios of the axes that radii are tabulated at; between them a straight line is right to 1e-5."""


def circle_radius_m(
    semi_major_m: npt.ArrayLike, semi_minor_m: npt.ArrayLike, confidence: float
) -> Float64:
    """Radii [m] of the circles that hold as much as ellipses of a Gaussian error.

    Args:
        semi_major_m, semi_minor_m: semi-axes [m] of ellipses that hold `confidence`, any shape.
        confidence: probability (0..1).
    """
    scale = math.sqrt(-2.0 * math.log1p(-confidence))
    s1 = np.maximum(np.asarray(semi_major_m, np.float64) / scale, 1e-6)
    ratio = np.asarray(semi_minor_m, np.float64) / scale / s1
    radius: Float64 = s1 * np.interp(ratio, _RATIOS, _relative_radii(confidence))
    return radius


@lru_cache(8)
def _relative_radii(confidence: float) -> Float64:
    """Radius over the larger standard deviation, at each of `_RATIOS`.

    With standard deviations 1 and s along the axes, the error in direction t has the variance
    v(t) = 1 / (cos^2 t + sin^2 t / s^2); integrating the density over the distance leaves
        P(r) = (1 / pi) int_0^pi v(t) / s (1 - exp(-r^2 / (2 v(t)))) dt,
    which rises with r and is solved by bisection.
    """
    ratio = _RATIOS[:, None]
    variance = 1.0 / (np.cos(_ANGLES) ** 2 + (np.sin(_ANGLES) / ratio) ** 2)
    weight = variance / (ratio * len(_ANGLES))
    low = np.zeros(len(_RATIOS))
    high = np.full(len(_RATIOS), math.sqrt(-2.0 * math.log1p(-confidence)))
    for _ in range(40):
        middle = 0.5 * (low + high)
        inside = (weight * -np.expm1(-(middle[:, None] ** 2) / (2.0 * variance))).sum(1)
        low, high = (
            np.where(inside < confidence, middle, low),
            np.where(inside < confidence, high, middle),
        )
    radii: Float64 = 0.5 * (low + high)
    return radii
