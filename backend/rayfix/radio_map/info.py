"""What a stored radio map contains: sizes, coverage, errors, how it was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayfix.radio_map.conventions import EXTRA_UNITS
from rayfix.radio_map.radio_map import FEATURES, RadioMap
from rayfix.radio_map.store import STORE, load_radio_map
from rayfix.radio_map.write import OTHER_STEP, STEPS
from rayfix.scene.cell import sites_of

UNITS = {feature.name: feature.unit for feature in FEATURES} | EXTRA_UNITS


def map_info(folder: Path) -> dict[str, Any]:
    """Summary of a radio map, after checking every file.

    Returns:
        scene, grid, bytes (also by array), coverage of the outdoor pixels (by at least one cell),
        range and greatest rounding error of each array, how the map was made, and per cell: its
        coverage, the rays of its site, median and 95th percentile of path gain's standard error
        [dB], and the share of its pixels in line of sight (None where the map does not tell).
    Raises:
        ArtefactError: the map is missing or damaged.
    """
    radio_map = load_radio_map(folder)
    sizes = {path.name: _bytes(path) for path in sorted((folder / STORE).iterdir())}
    heard = np.isfinite(radio_map.features["path_gain"])[:, radio_map.outdoor]
    layers = {**radio_map.features, **radio_map.extra}
    return {
        "scene": radio_map.scene.name,
        "title": radio_map.scene.title,
        "cells": len(radio_map.cells),
        "rows": len(radio_map.y_m),
        "columns": len(radio_map.x_m),
        "resolution_m": radio_map.resolution_m,
        "bytes": sum(sizes.values()),
        "outdoor_share": round(float(radio_map.outdoor.mean()), 4),
        "covered_share": round(float(heard.any(axis=0).mean()), 4) if heard.size else 0.0,
        "cells_heard_mean": round(float(heard.sum(axis=0).mean()), 2) if heard.size else 0.0,
        "coverage": {
            cell.cell_id: round(float(row.mean()), 4)
            for cell, row in zip(radio_map.cells, heard, strict=True)
        },
        "per_cell": _per_cell(radio_map),
        "features": {
            name: {**_range(values), **_rounding(name), "bytes": sizes[name]}
            for name, values in layers.items()
        },
        "extra": sorted(radio_map.extra),
        "made": dict(radio_map.attributes),
    }


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def _per_cell(radio_map: RadioMap) -> dict[str, dict[str, float | int | None]]:
    rays = _rays(radio_map)
    found: dict[str, dict[str, float | int | None]] = {}
    for index, cell in enumerate(radio_map.cells):
        heard = np.isfinite(radio_map.features["path_gain"][index])
        row: dict[str, float | int | None] = {"rays": rays[index]}
        error = radio_map.extra.get("path_gain_stderr")
        for name, percentile in (("stderr_median_db", 50), ("stderr_p95_db", 95)):
            known = error is not None and heard.any()
            row[name] = (
                round(float(np.nanpercentile(error[index][heard], percentile)), 3)
                if error is not None and known
                else None
            )
        los = radio_map.extra.get("los")
        row["los_share"] = (
            round(float(los[index][heard].mean()), 4) if los is not None and heard.any() else None
        )
        found[cell.cell_id] = row
    return found


def _rays(radio_map: RadioMap) -> list[int | None]:
    """Rays of each cell's site, as the build noted them."""
    noted = radio_map.attributes.get("rays_by_site")
    solver = radio_map.attributes.get("solver")
    given = solver.get("rays_per_site") if isinstance(solver, dict) else None
    rays: list[int | None] = [given] * len(radio_map.cells)
    if isinstance(noted, list):
        for count, members in zip(noted, sites_of(radio_map.cells).values(), strict=True):
            for index in members:
                rays[index] = int(count)
    return rays


def _range(values: npt.NDArray[np.float32]) -> dict[str, float | None]:
    finite = values[np.isfinite(values)]
    return {
        "min": float(finite.min()) if finite.size else None,
        "max": float(finite.max()) if finite.size else None,
    }


def _rounding(name: str) -> dict[str, float]:
    return {"rounding_error_max": STEPS.get(name, OTHER_STEP) / 2}


def describe_info(info: dict[str, Any]) -> str:
    """The summary as text."""
    lines = [
        f"{info['title']} ({info['scene']}): {info['cells']} cells, {info['columns']} x "
        f"{info['rows']} pixels of {info['resolution_m']:g} m, {info['bytes'] / 1e6:.1f} MB",
        f"Outdoors: {info['outdoor_share']:.1%}; of it {info['covered_share']:.1%} hears a cell, "
        f"{info['cells_heard_mean']:.1f} cells on average",
        "",
        f"{'array':17} {'unit':8} {'min':>10} {'max':>10} {'rounded within':>16} {'MB':>8}",
    ]
    for name, values in info["features"].items():
        low, high = (_text(values[key], 10, ".2f") for key in ("min", "max"))
        lines.append(
            f"{name:17} {UNITS.get(name, '1'):8} {low} {high} "
            f"{values['rounding_error_max']:16.4g} {values['bytes'] / 1e6:8.2f}"
        )
    lines += [
        "",
        f"{'cell':12} {'coverage':>9} {'in line of sight':>17} {'rays':>12} "
        f"{'std. error of path gain: median':>32} {'95 %':>8}",
    ]
    for cell_id, row in info["per_cell"].items():
        lines.append(
            f"{cell_id:12} {info['coverage'][cell_id]:9.1%} {_text(row['los_share'], 17, '.1%')} "
            f"{_text(row['rays'], 12, 'd')} {_text(row['stderr_median_db'], 29, '.2f')} dB "
            f"{_text(row['stderr_p95_db'], 5, '.2f')} dB"
        )
    lines += ["", "made with", *(f"{key}: {value}" for key, value in info["made"].items())]
    return "\n".join(lines)


def _text(value: float | int | None, width: int, form: str) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width}{form}}"
