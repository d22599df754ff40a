"""Densities of residuals that the noise model describes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rayfix.physics.noise import FeatureNoise


def core_density(
    difference: Tensor, variance: Tensor, noise: FeatureNoise, interval: Tensor | None = None
) -> Tensor:
    """Density [1/unit] of a residual by the core of `FeatureNoise`; the flat part not included.

    Args:
        difference: observed minus expected [unit].
        variance: squared scale of the error [unit^2].
        noise: shape of the density.
        interval: width of the interval that the observed value is the middle of [unit]; where
            positive, the density is uniform over it, with logistic edges of that variance.
    """
    nu = noise.degrees_of_freedom
    share = 1.0 - noise.outlier_share
    precision = variance.reciprocal()
    squared, scale = difference.square() * precision, share * precision.sqrt()
    if nu is None:
        density = scale / math.sqrt(2.0 * math.pi) * torch.exp(-0.5 * squared)
    else:
        peak = math.exp(math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2)) / math.sqrt(nu * math.pi)
        # Whole powers are products, several times as fast as pow on a CPU.
        base, power = 1.0 + squared / nu, (nu + 1) / 2
        density = scale * peak / (base ** int(power) if power.is_integer() else base**power)
    if interval is None:
        return density
    # A logistic distribution of standard deviation s has the scale sqrt(3) s / pi.
    steep = precision.sqrt() * (math.pi / math.sqrt(3.0))
    upper = torch.sigmoid((difference + 0.5 * interval) * steep)
    lower = torch.sigmoid((difference - 0.5 * interval) * steep)
    box = share * (upper - lower) / interval.clamp(min=1e-6)
    return torch.where(interval > 0, box, density)
