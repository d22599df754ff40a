"""From the semi-axes of an ellipse to the radius that a person reads."""

from __future__ import annotations

import math

import numpy as np

_ANGLES = np.linspace(0.0, math.pi, 256, endpoint=False)
"""Directions that the radius integral is summed over (its integrand repeats after pi)."""

NEEDLE = 0.03
"""Ratio of the axes below which an ellipse counts as this thin: the radius differs from that of a
line by less than 0.1 %, and the sum below still resolves its peak."""


def circle_radius_m(semi_major_m: float, semi_minor_m: float, confidence: float) -> float:
    """Radius [m] of the circle that holds as much as an ellipse of a Gaussian error.

    With standard deviations s1 >= s2 along the axes (semi-axis = s sqrt(-2 ln(1 - p)), chi-square
    with two degrees of freedom), the error in direction t has the variance
    v(t) = 1 / (cos^2 t / s1^2 + sin^2 t / s2^2); integrating the density over the distance leaves
        P(r) = (1 / pi) int_0^pi v(t) / (s1 s2) (1 - exp(-r^2 / (2 v(t)))) dt,
    which rises with r and is solved by bisection.
    """
    scale = math.sqrt(-2.0 * math.log1p(-confidence))
    s1 = max(semi_major_m / scale, 1e-6)
    s2 = max(semi_minor_m / scale, NEEDLE * s1)
    variance = 1.0 / (np.cos(_ANGLES) ** 2 / s1**2 + np.sin(_ANGLES) ** 2 / s2**2)
    weight = variance / (s1 * s2) / len(_ANGLES)
    low, high = 0.0, scale * s1
    for _ in range(40):
        middle = 0.5 * (low + high)
        inside = float(np.sum(weight * -np.expm1(-(middle**2) / (2.0 * variance))))
        low, high = (middle, high) if inside < confidence else (low, middle)
    return 0.5 * (low + high)
