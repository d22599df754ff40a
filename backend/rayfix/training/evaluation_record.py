"""What the console plots of an evaluation: distributions of the error, calibration, and where.

Shape letters: B sequences.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rayfix.files import write_text_whole
from rayfix.geo import GeoReference
from rayfix.model.artefact import EVALUATION
from rayfix.model.calibration import GAUSSIAN_68, GAUSSIAN_95

QUANTILES = 101
NOMINAL = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.68, 0.8, 0.9, 0.95, 0.99)
"""Confidences at which ellipses are checked."""
MAPPED = "transformer_refined"
"""The method whose errors are recorded place by place."""


@dataclass(frozen=True)
class Sample:
    """The answers of one line of the table: errors [m] [B], Mahalanobis distances of the truths,
    the ellipses' Mahalanobis radii at 68 % and 95 %, and the true places [m] [B, 2]."""

    error_m_B: Tensor
    mahalanobis_B: Tensor
    ellipse_68_B: Tensor
    ellipse_95_B: Tensor
    truth_xy_m_B2: Tensor


def inside_shares(sample: Sample) -> list[float]:
    """Share of truths inside the ellipses of each nominal confidence.

    The radius of a two-dimensional Gaussian, sqrt(-2 ln(1 - p)), is scaled as the method scales it
    at 68 % up to there, as at 95 % from there on, and in between by a straight line in p.
    """
    scale_68_B = sample.ellipse_68_B / GAUSSIAN_68
    scale_95_B = sample.ellipse_95_B / GAUSSIAN_95
    shares = []
    for nominal in NOMINAL:
        share = min(1.0, max(0.0, (nominal - 0.68) / (0.95 - 0.68)))
        scale_B = scale_68_B + share * (scale_95_B - scale_68_B)
        radius_B = scale_B * (-2.0 * torch.log1p(torch.tensor(-nominal))).sqrt()
        shares.append(round(float((sample.mahalanobis_B <= radius_B).double().mean()), 4))
    return shares


def quantiles_m(sample: Sample) -> list[float]:
    """Error [m] at the shares 0, 1 %, ... 100 %."""
    at = torch.linspace(0.0, 1.0, QUANTILES, dtype=torch.float64)
    return [round(float(value), 3) for value in sample.error_m_B.double().quantile(at)]


def write_evaluation(
    folder: Path,
    model: str,
    scene: str,
    dataset: str,
    georeference: GeoReference,
    lines: Sequence[tuple[Any, Sample]],
) -> Path:
    """Write `evaluation.json` beside a model.

    Args:
        folder: `models/<name>`.
        model, scene, dataset: what was evaluated on what.
        georeference: of the scene.
        lines: rows of the table (dataclasses with condition, reports and method) with their
            answers.
    Returns:
        The file.
    """
    document = {
        "model": model,
        "scene": scene,
        "dataset": dataset,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": [asdict(row) for row, _ in lines],
        "curves": [
            {
                **_names(row),
                "quantile_m": quantiles_m(sample),
                "nominal": list(NOMINAL),
                "inside": inside_shares(sample),
            }
            for row, sample in lines
        ],
        "places": [
            {**_names(row), **_places(sample, georeference)}
            for row, sample in lines
            if row.method == MAPPED
        ],
    }
    path = folder / EVALUATION
    write_text_whole(path, json.dumps(document, separators=(",", ":")) + "\n")
    return path


def _names(row: Any) -> dict[str, Any]:
    return {"condition": row.condition, "reports": row.reports, "method": row.method}


def _places(sample: Sample, georeference: GeoReference) -> dict[str, Any]:
    xy_m = sample.truth_xy_m_B2.double().numpy()
    lat, lon = georeference.to_lat_lon(xy_m[:, 0], xy_m[:, 1])
    return {
        "places": [[round(float(a), 6), round(float(b), 6)] for a, b in zip(lon, lat, strict=True)],
        "error_m": [round(float(value), 2) for value in sample.error_m_B],
    }
