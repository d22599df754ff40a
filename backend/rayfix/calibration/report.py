"""What a calibration found, for a person and as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rayfix.calibration.calibrate import Calibration, root_mean_square_db
from rayfix.calibration.residual import Residuals
from rayfix.scene.cell import Cell

Float64 = npt.NDArray[np.float64]

TOLERATED_BEARING_DEG = 15.0
"""A site list's bearing is doubted when the fitted one is further away ..."""
SURE_SIGMA = 3.0
"""... by so many of its standard deviations."""


def _robust_db(values_M: Float64) -> float | None:
    """Median absolute residual [dB]."""
    return round(float(np.median(np.abs(values_M))), 2) if len(values_M) else None


def _of_cell(residuals: dict[int, Residuals], site: int, cell: int) -> Float64:
    own = residuals[site]
    return np.asarray(own.value_db_M[own.cell_M == cell])


def summary(calibration: Calibration, cells: tuple[Cell, ...]) -> dict[str, Any]:
    """JSON values: residuals before and after, corrections with their sigma, doubted bearings.

    Args:
        calibration: what was found.
        cells: the site list that was corrected.
    """
    fit = calibration.fit
    found, sigma = fit.corrections, fit.sigma
    rows = []
    for index, cell in enumerate(cells):
        site = int(fit.antennas.site_C[index])
        bearing, bearing_sigma = (
            float(found.bearing_deg_C[index]),
            float(sigma.bearing_deg_C[index]),
        )
        doubted = abs(bearing) > TOLERATED_BEARING_DEG and abs(bearing) > SURE_SIGMA * bearing_sigma
        before = _of_cell(calibration.before, site, index)
        rows.append(
            {
                "cell_id": cell.cell_id,
                "pairs": len(before),
                "median_abs_before_db": _robust_db(before),
                "median_abs_after_db": _robust_db(_of_cell(calibration.after, site, index)),
                "power_db": round(float(found.power_db_C[index]), 2),
                "power_sigma_db": round(float(sigma.power_db_C[index]), 2),
                "bearing_deg": round(bearing, 1),
                "bearing_sigma_deg": round(bearing_sigma, 1),
                "downtilt_deg": round(float(found.downtilt_deg_C[index]), 2),
                "downtilt_sigma_deg": round(float(sigma.downtilt_deg_C[index]), 2),
                "height_m": round(float(found.height_m_S[site]), 2),
                "height_sigma_m": round(float(sigma.height_m_S[site]), 2),
                "bearing_contradicts_site_list": doubted,
            }
        )
    field = calibration.covariance
    environment = (
        {"materials": {k: [round(v, 4) for v in m] for k, m in calibration.materials.items()}}
        if calibration.materials
        else {"clutter_loss_db": [round(float(v), 2) for v in found.environment_E]}
    )
    return {
        "fixes": calibration.fixes,
        "rms_before_db": round(root_mean_square_db(calibration.before), 2),
        "rms_after_db": round(root_mean_square_db(calibration.after), 2),
        "noise_db": round(fit.noise_db, 2),
        "accepted": list(calibration.accepted),
        "residual_field": None
        if field is None
        else {
            "cell_db": round(field.cell_db, 2),
            "site_db": round(field.site_db, 2),
            "length_m": round(field.length_m, 1),
            "noise_db": round(field.noise_db, 2),
        },
        **environment,
        "cells": rows,
    }


def describe(document: dict[str, Any]) -> str:
    """The summary as a table."""
    columns = {
        "pairs": "pairs",
        "median_abs_before_db": "before dB",
        "median_abs_after_db": "after dB",
        "power_db": "power dB",
        "bearing_deg": "bearing deg",
        "bearing_sigma_deg": "+-",
        "downtilt_deg": "tilt deg",
        "height_m": "height m",
    }
    lines = [
        f"Residuals of {document['fixes']} fixes: rms {document['rms_before_db']} dB before, "
        f"{document['rms_after_db']} dB after (before and after: median absolute residual)",
        f"{'cell':14}" + "".join(f"{title:>12}" for title in columns.values()),
    ]
    accepted = ", ".join(name.rsplit("_", 1)[0] for name in document["accepted"])
    lines.insert(
        1,
        f"Corrections that predict left-out fixes better: {accepted}"
        if accepted
        else "No correction predicts left-out fixes better than the site list: the map stays",
    )
    for row in document["cells"]:
        values = ("-" if row[name] is None else row[name] for name in columns)
        flag = "  contradicts the site list" if row["bearing_contradicts_site_list"] else ""
        lines.append(f"{row['cell_id']:14}" + "".join(f"{v:>12}" for v in values) + flag)
    if "materials" in document:
        for name, (permittivity, conductivity, thickness) in document["materials"].items():
            lines.append(
                f"material {name}: permittivity {permittivity:.2f}, conductivity "
                f"{conductivity:.3g} S/m, thickness {1e3 * thickness:.0f} mm"
            )
    else:
        blocked, detour = document["clutter_loss_db"]
        lines.append(
            f"clutter: {blocked} dB without line of sight, {detour} dB per detour doubling"
        )
    for reason, count in document["left_out"].items():
        if count:
            lines.append(f"{count} fixes left out: {reason}")
    if document["unknown_cells"]:
        names = ", ".join(sorted(document["unknown_cells"])[:5])
        lines.append(f"{len(document['unknown_cells'])} cells are not in the site list: {names}")
    return "\n".join(lines)
