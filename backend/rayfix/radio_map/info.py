"""What a stored radio map contains: sizes, coverage, rounding, how it was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rayfix.radio_map.radio_map import FEATURES, RadioMap
from rayfix.radio_map.store import STEPS, STORE, load_radio_map


def map_info(folder: Path) -> dict[str, Any]:
    """Summary of a radio map, after checking every file.

    Returns:
        scene, grid, bytes, coverage of the outdoor pixels (by at least one cell, and per cell),
        range and greatest rounding error of each feature, and how the map was made.
    Raises:
        ArtefactError: the map is missing or damaged.
    """
    radio_map = load_radio_map(folder)
    files = [file for file in (folder / STORE).rglob("*") if file.is_file()]
    heard = np.isfinite(radio_map.features["path_gain"])[:, radio_map.outdoor]
    return {
        "scene": radio_map.scene.name,
        "title": radio_map.scene.title,
        "cells": len(radio_map.cells),
        "rows": len(radio_map.y_m),
        "columns": len(radio_map.x_m),
        "resolution_m": radio_map.resolution_m,
        "bytes": sum(file.stat().st_size for file in files),
        "outdoor_share": round(float(radio_map.outdoor.mean()), 4),
        "covered_share": round(float(heard.any(axis=0).mean()), 4) if heard.size else 0.0,
        "cells_heard_mean": round(float(heard.sum(axis=0).mean()), 2) if heard.size else 0.0,
        "coverage": {
            cell.cell_id: round(float(row.mean()), 4)
            for cell, row in zip(radio_map.cells, heard, strict=True)
        },
        "features": {feature.name: _range(radio_map, feature.name) for feature in FEATURES},
        "extra": sorted(radio_map.extra),
        "made": dict(radio_map.attributes),
    }


def _range(radio_map: RadioMap, name: str) -> dict[str, float | None]:
    values = radio_map.features[name]
    finite = values[np.isfinite(values)]
    return {
        "min": float(finite.min()) if finite.size else None,
        "max": float(finite.max()) if finite.size else None,
        "rounding_error_max": STEPS[name] / 2,
    }


def describe_info(info: dict[str, Any]) -> str:
    """The summary as text."""
    units = {feature.name: feature.unit for feature in FEATURES}
    lines = [
        f"{info['title']} ({info['scene']}): {info['cells']} cells, {info['columns']} x "
        f"{info['rows']} pixels of {info['resolution_m']:g} m, {info['bytes'] / 1e6:.1f} MB",
        f"Outdoors: {info['outdoor_share']:.1%}; of it {info['covered_share']:.1%} hears a cell, "
        f"{info['cells_heard_mean']:.1f} cells on average",
        "",
        f"{'feature':12} {'unit':8} {'min':>10} {'max':>10} {'rounded within':>16}",
    ]
    for name, values in info["features"].items():
        low, high = (
            f"{v:10.2f}" if v is not None else f"{'-':>10}" for v in (values["min"], values["max"])
        )
        lines.append(f"{name:12} {units[name]:8} {low} {high} {values['rounding_error_max']:16.4g}")
    lines += ["", "coverage of the outdoor pixels by cell"]
    lines += [f"{cell:12} {share:6.1%}" for cell, share in info["coverage"].items()]
    lines += ["", "made with", *(f"{key}: {value}" for key, value in info["made"].items())]
    return "\n".join(lines)
