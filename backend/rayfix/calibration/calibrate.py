"""`rayfix calibrate`: a radio map learns from a drive test.

Shape letters: N fixes, M pairs of fix and cell.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from rayfix.calibration.apply import (
    corrected_cells,
    repointed_map,
    residuals_of,
    with_residual_field,
)
from rayfix.calibration.corrections import Corrections, Priors
from rayfix.calibration.cross_validation import accepted, field_helps
from rayfix.calibration.drive import Measured, measured_pairs
from rayfix.calibration.fit import Fit, fit, turned_sectors
from rayfix.calibration.map_model import MapModel
from rayfix.calibration.material_search import likely_materials
from rayfix.calibration.residual import Covariance, Residuals, fit_covariance
from rayfix.calibration.traced_model import TracedDrive, TracedModel, trace_drive
from rayfix.measurement.report import ReportBatch
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.radio_map.radio_map import RadioMap
from rayfix.scene.cell import Cell

Progress = Callable[[str, float], None]
"""Receives what is being done and its share, 0 to 1."""
Retrace = Callable[[tuple[Cell, ...], TracedModel, Corrections], RadioMap]

FIELD_PRIOR = {"cell_db": 1.5, "site_db": 1.5, "length_m": 25.0}
"""Where the residual field's figures start: within a factor of about two of what ray-traced maps
leave unexplained."""

SEARCH_FIXES = 100
"""Fixes at most that materials are searched with."""


@dataclass(frozen=True)
class Calibration:
    """A calibrated map and how it came about.

    Attributes:
        radio_map: the new map.
        fit: corrections of the site list.
        covariance: of the residual field; None where it does not predict left-out fixes.
        before, after: residuals of the drive test around the old and around the new map without
            the residual field, by index of the site.
        materials: fitted materials by name (permittivity, conductivity, thickness); none where no
            paths were traced.
        fixes: number of fixes.
        accepted: corrections that left-out fixes speak for (`cross_validation.GROUPS`), and
            "residual" for the residual field; none leaves the map as it was.
    """

    radio_map: RadioMap
    fit: Fit
    covariance: Covariance | None
    before: dict[int, Residuals]
    after: dict[int, Residuals]
    fixes: int
    accepted: tuple[str, ...] = ()
    materials: dict[str, tuple[float, float, float]] = field(default_factory=dict)


def calibrate_map(
    radio_map: RadioMap,
    xy_m_N2: npt.NDArray[np.float64],
    reports: ReportBatch,
    *,
    listened_NC: npt.NDArray[np.bool_] | None = None,
    noise: NoiseModel,
    priors: Priors | None = None,
) -> Calibration:
    """Calibrate a map by itself, without ray tracing.

    Args:
        radio_map: the map of the site list.
        xy_m_N2: where the fixes were taken [m].
        reports: N sequences of one report.
        listened_NC: cells that could have been heard; None = all.
        noise: when a cell is heard.
        priors: what the site list is believed to be.
    Raises:
        InvalidInputError: nothing of the drive test can be compared with the map.
    """
    priors = priors or Priors()
    maps = MapTensors.from_radio_map(radio_map)
    measured = _listened(measured_pairs(maps, xy_m_N2, reports, noise), listened_NC)
    model = MapModel(radio_map, maps, measured)
    chosen = accepted(lambda fixes: MapModel(radio_map, maps, measured.at(fixes)), xy_m_N2, priors)
    first = fit(model, chosen.priors)
    start = turned_sectors(model, priors, first) if "bearing_deg" in chosen.groups else None
    found = fit(model, chosen.priors, start)
    return _finished(radio_map, repointed_map(radio_map, found), measured, found, chosen.groups)


def calibrate_traced(
    radio_map: RadioMap,
    xy_m_N2: npt.NDArray[np.float64],
    reports: ReportBatch,
    traced: TracedDrive,
    retrace: Retrace,
    *,
    listened_NC: npt.NDArray[np.bool_] | None = None,
    noise: NoiseModel,
    priors: Priors | None = None,
) -> Calibration:
    """Calibrate a map by the traced paths of the drive test, and trace it anew.

    Args:
        traced: paths at the fixes, by the site list (`trace_drive`).
        retrace: traces the map of corrected cells and materials.
    Other arguments and errors as for `calibrate_map`.
    """
    priors = priors or Priors()
    maps = MapTensors.from_radio_map(radio_map)
    measured = _listened(measured_pairs(maps, xy_m_N2, reports, noise), listened_NC)
    height_m = radio_map.scene.ue_height_m
    model = TracedModel(radio_map.cells, measured, traced, height_m)
    # A part of a long drive test is enough to tell which fringe a material is on.
    fixes = len(measured.xy_m_N2)
    some = np.unique(np.linspace(0, fixes - 1, min(fixes, SEARCH_FIXES)).astype(np.int64))

    def model_at(fixes: npt.NDArray[np.int64]) -> TracedModel:
        return TracedModel(radio_map.cells, measured.at(fixes), traced.at(fixes), height_m)

    chosen = accepted(lambda fixes: model_at(some[fixes]), xy_m_N2[some], priors)
    if "material_log" in chosen.groups:
        start = likely_materials(model_at(some), chosen.priors)
    else:
        start = None
    found = model.within_reach(fit(model, chosen.priors, start))
    # Without any correction the map of the site list stays; it need not be traced again.
    again = radio_map
    if chosen.groups:
        again = retrace(corrected_cells(radio_map.cells, found), model, found.corrections)
    done = _finished(radio_map, again, measured, found, chosen.groups)
    materials = model.materials(found.corrections)
    return replace(done, materials={k: (m[0], m[1], m[2]) for k, m in materials.items()})


def _listened(measured: Measured, listened_NC: npt.NDArray[np.bool_] | None) -> Measured:
    """Without silent pairs that nobody listened for."""
    if listened_NC is None:
        return measured
    listened = torch.from_numpy(listened_NC)[measured.fix_M, measured.cell_M]
    return measured[~measured.silent_M | listened]


def _finished(
    old: RadioMap, new: RadioMap, measured: Measured, found: Fit, groups: tuple[str, ...]
) -> Calibration:
    nothing = replace(
        found, corrections=Corrections.split(0.0 * found.corrections.vector_P, found.antennas)
    )
    before = residuals_of(old, measured, nothing)
    after = residuals_of(new, measured, found)
    prior = Covariance(**FIELD_PRIOR, noise_db=found.noise_db)
    covariance = None
    if field_helps(list(after.values()), prior):
        covariance, groups = fit_covariance(list(after.values()), prior), (*groups, "residual")
    return Calibration(
        radio_map=with_residual_field(new, found, after, covariance) if groups else old,
        fit=found,
        covariance=covariance,
        before=before,
        after=after,
        fixes=len(measured.xy_m_N2),
        accepted=groups,
    )


def trace_for(
    radio_map: RadioMap,
    folder: Path,
    xy_m_N2: npt.NDArray[np.float64],
    progress: Progress,
) -> tuple[TracedDrive, Retrace]:
    """What `calibrate_traced` needs, for a stored map: paths at the fixes, and how to retrace.

    Raises:
        RayTracingUnavailableError: no ray tracer on this machine.
    """
    from rayfix.simulation.map_solver import SolverConfig, solve_map
    from rayfix.simulation.materials import set_materials
    from rayfix.simulation.world import World

    scene = radio_map.scene
    traced = trace_drive(
        scene, folder, radio_map.cells, xy_m_N2, lambda share: progress("Tracing paths", share)
    )

    def retrace(cells: tuple[Cell, ...], model: TracedModel, corrections: Corrections) -> RadioMap:
        world = World(scene, folder, carrier_hz=cells[0].carrier_hz)
        set_materials(world, model.materials(corrections))
        found = solve_map(
            scene, cells, radio_map.x_m, radio_map.y_m, world=world, config=SolverConfig(),
            progress=lambda share: progress("Tracing the map", share),
        )  # fmt: skip
        features = {
            **radio_map.features,
            "path_gain": found.path_gain_db,
            "toa": found.toa_ns,
            "aoa": found.aoa_deg,
        }
        return replace(radio_map, cells=cells, features=features, extra={"los": found.los})

    return traced, retrace


def root_mean_square_db(residuals: dict[int, Residuals]) -> float:
    """Over all sites [dB]; NaN without any."""
    values = np.concatenate([site.value_db_M for site in residuals.values()])
    return float(np.sqrt(np.mean(values**2))) if len(values) else math.nan
