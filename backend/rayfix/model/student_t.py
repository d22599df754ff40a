"""Student's t with five degrees of freedom: tails so heavy that one wrong path cannot break it.

Five, because (nu + 1) / 2 = 3 is a whole power: products, several times as fast as a logarithm.
"""

from __future__ import annotations

import math

from torch import Tensor

FREEDOM = 5.0
PEAK = math.exp(math.lgamma(3.0) - math.lgamma(2.5)) / math.sqrt(FREEDOM * math.pi)
"""Density at 0 of unit scale."""


def boxed_student_t(residual: Tensor, variance: Tensor, width: Tensor) -> Tensor:
    """Density of Student's t around an interval: flat inside it, tails of Student's t beyond.

    With f the unnormalised Student-t of unit scale and Z = 1 / PEAK its integral, the density is
    f(max(|r| - width / 2, 0) / s) / (width + s Z), which integrates to 1.

    Args:
        residual: observed minus expected.
        variance: squared scale s^2.
        width: width of the interval whose middle is observed; 0 = a plain Student-t.
    """
    outside = (residual.abs() - 0.5 * width).clamp_min(0.0)
    base = 1.0 + outside.square() / (FREEDOM * variance)
    return 1.0 / (base * base * base * (width + variance.sqrt() / PEAK))


def student_weight(residual: Tensor, variance: Tensor) -> Tensor:
    """Weight of a residual in iteratively reweighted least squares, (nu + 1) / (nu s^2 + r^2):
    near the inverse variance at the core, fading in the tails (Lange et al. 1989)."""
    return (FREEDOM + 1.0) / (FREEDOM * variance + residual.square())
