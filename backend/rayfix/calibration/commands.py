"""`rayfix calibrate`, from files to a new version of a map."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from rayfix import __version__
from rayfix.calibration.calibrate import calibrate_map, calibrate_traced, trace_for
from rayfix.calibration.report import summary
from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.import_log import read_log
from rayfix.physics.noise import NoiseModel
from rayfix.radio_map.store import load_radio_map
from rayfix.radio_map.versions import add_version

LEAST_FIXES = 3


def calibrate_files(
    scene: str,
    log: Path,
    *,
    radio_maps_dir: Path = Path("radio_maps"),
    conditions_path: Path = Path("configs/conditions.yaml"),
    retrace: bool = False,
    max_cells: int | None = None,
    dry_run: bool = False,
    progress: Callable[[str, float], None] = lambda what, share: None,
) -> dict[str, Any]:
    """Calibrate a scene's map from a drive test and store it as the current version.

    Args:
        scene: folder below `radio_maps_dir`.
        log: a drive test, as `rayfix measurement import` writes it or a table with RayFix's names.
        conditions_path: gives the condition `standard`, whose list length and detection count.
        retrace: trace the fixes' paths, fit heights and materials as well, trace the map anew.
        max_cells: cells that a report of the log can hold; None = the condition's.
        dry_run: write nothing.
    Returns:
        `report.summary`, `version` (None in a dry run and where nothing was accepted), and what
        of the log was not used: `left_out` fixes by reason, `unknown_cells` with their number of
        readings.
    Raises:
        ArtefactError, SourceFileError: map or log is missing or damaged.
        InvalidInputError: the log holds fewer than three usable fixes, or nothing to compare.
        RayTracingUnavailableError: no ray tracer on this machine, and `retrace` is wanted.
    """
    folder = radio_maps_dir / scene
    radio_map = load_radio_map(folder)
    drive = read_log(log)
    known = [cell.cell_id for cell in radio_map.cells]
    readings = Counter(np.asarray(drive.cell_ids, object)[drive.cell_R].tolist())
    unknown = {name: count for name, count in readings.items() if name not in set(known)}
    x_m, y_m = radio_map.scene.georeference.to_local(drive.lat_deg_M, drive.lon_deg_M)
    inside = radio_map.scene.extent.contains(x_m, y_m)
    drive = drive.with_cells(known)
    heard = drive.heard_MC.any(axis=1)
    used = np.flatnonzero(inside & heard)
    left_out = {
        "outside the map": int((~inside).sum()),
        "no cell of the site list": int((inside & ~heard).sum()),
    }
    if len(used) < LEAST_FIXES:
        reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise InvalidInputError(
            "log", f"at least {LEAST_FIXES} fixes are needed, {len(used)} are usable ({reasons})"
        )
    drive = drive[used]
    xy_m_N2 = np.column_stack([x_m[used], y_m[used]])
    condition = load_conditions(conditions_path).conditions["standard"]
    noise = NoiseModel.from_condition(condition)
    if max_cells is not None:
        noise = noise.model_copy(update={"max_cells": max_cells})
    batch, listened = drive.to_batch(), drive.listened_MC
    if retrace:
        traced, trace_again = trace_for(radio_map, folder, xy_m_N2, progress)
        found = calibrate_traced(
            radio_map, xy_m_N2, batch, traced, trace_again, listened_NC=listened, noise=noise
        )
    else:
        found = calibrate_map(radio_map, xy_m_N2, batch, listened_NC=listened, noise=noise)
    document = summary(found, radio_map.cells) | {
        "left_out": left_out,
        "unknown_cells": unknown,
        "version": None,
    }
    if found.accepted and not dry_run:
        provenance = document | {
            "kind": "calibrated",
            "log": log.name,
            "log_sha256": hashlib.sha256(log.read_bytes()).hexdigest(),
            "retraced": retrace,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "rayfix_version": __version__,
        }
        document["version"] = add_version(folder, found.radio_map, provenance)
    return document
