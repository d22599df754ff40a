"""Errors of a method at test places, and the row that they make.

Shape letters: T test samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from rayfix.physics.posterior import GridPosterior
from rayfix.radio_map.measured import BLOCK_M

Float64 = npt.NDArray[np.float64]
BOOTSTRAPS = 500


@dataclass(frozen=True)
class Errors:
    """Error [m] at each place, and whether the truth was inside the stated radii; NaN = none."""

    xy_m_T2: Float64
    error_m_T: Float64
    inside_68_T: Float64
    inside_95_T: Float64

    @classmethod
    def of_points(cls, found_m_T2: Float64, truth_m_T2: Float64) -> Errors:
        """Of a method that states no uncertainty."""
        error = np.hypot(*(found_m_T2 - truth_m_T2).T)
        none = np.full(len(error), np.nan)
        return cls(truth_m_T2, error, none, none)

    @classmethod
    def of_posteriors(
        cls, posteriors: Sequence[GridPosterior], truth_m_T2: Float64, mean: bool = False
    ) -> Errors:
        """Of the posterior's median (or mean) and the radii around it."""
        parts: list[Float64] = []
        start = 0
        for posterior in posteriors:
            centre = posterior.mean() if mean else posterior.geometric_median()
            truth = torch.from_numpy(truth_m_T2[start : start + len(centre)]).float()
            away = torch.linalg.vector_norm(truth - centre, dim=-1)
            inside = [(away <= posterior.radius(centre, c)).double() for c in (0.68, 0.95)]
            parts.append(torch.stack([away.double(), *inside]).numpy())
            start += len(centre)
        return cls(truth_m_T2, *np.concatenate(parts, axis=1))

    @classmethod
    def join(cls, parts: Sequence[Errors]) -> Errors:
        """Of several folds."""
        names = ("xy_m_T2", "error_m_T", "inside_68_T", "inside_95_T")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def figures(self, index: npt.NDArray[np.int64]) -> dict[str, float | None]:
        """Figures of some of the places."""
        error = self.error_m_T[index]
        shares = {
            name: None if np.isnan(values[index]).any() else float(values[index].mean())
            for name, values in (("inside_68", self.inside_68_T), ("inside_95", self.inside_95_T))
        }
        return {
            "median_m": float(np.median(error)),
            "p90_m": float(np.percentile(error, 90)),
            **shares,
        }


def row(method: str, split: str, errors: Errors, seed: int) -> dict[str, Any]:
    """Figures with 95 % intervals by bootstrap over blocks: neighbours err alike."""
    square = np.floor(errors.xy_m_T2 / BLOCK_M).astype(np.int64)
    _, block_T = np.unique(square, axis=0, return_inverse=True)
    members = [np.flatnonzero(block_T == b) for b in range(int(block_T.max()) + 1)]
    random = np.random.default_rng(seed)
    draws = [
        errors.figures(
            np.concatenate([members[b] for b in random.integers(0, len(members), len(members))])
        )
        for _ in range(BOOTSTRAPS)
    ]
    figures = errors.figures(np.arange(len(block_T)))
    intervals = {
        name: None
        if value is None
        else [round(float(q), 3) for q in np.percentile([d[name] for d in draws], [2.5, 97.5])]
        for name, value in figures.items()
    }
    rounded = {k: None if v is None else round(v, 3) for k, v in figures.items()}
    return {
        "method": method, "split": split, "samples": len(block_T), "blocks": len(members),
        **rounded, "intervals": intervals,
    }  # fmt: skip
