"""Locates the reports of a file without a service: by a trained model, or by the map alone."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from rayfix.config import load_settings
from rayfix.errors import ConfigError, InvalidInputError
from rayfix.locator.fix import Ellipse, Fix, LocateQuery
from rayfix.locator.locator import Locator
from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.report import to_batch
from rayfix.measurement.report_file import ReportFile, load_report_file
from rayfix.model.positioning import ellipse_axes
from rayfix.physics.likelihood_grid import likelihood_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.motion import sequence_posterior
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.report_features import ReportTensors
from rayfix.radio_map.store import load_radio_map

ELLIPSE_CONFIDENCE = 0.95

Method = Literal["model", "grid"]


@dataclass(frozen=True)
class OfflineFix:
    """An answer and, where the file tells the true place, its error.

    Attributes:
        scene: whose map was used.
        located_by: name of the model, or "grid posterior".
        fix: the answer.
        error_m: distance to the true place; None where the file does not tell it.
        seconds: loading the map included.
    """

    scene: str
    located_by: str
    fix: Fix
    error_m: float | None
    seconds: float

    def document(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def describe(self) -> str:
        """A line or two for a person."""
        fix = self.fix
        lines = [
            f"{fix.lat:.6f}, {fix.lon:.6f} by {self.located_by}: 68 % within {fix.accuracy_m:.1f} m"
            f", 95 % within {fix.accuracy_95_m:.1f} m ({self.seconds:.1f} s)"
        ]
        if self.error_m is not None:
            lines.append(f"{self.error_m:.1f} m from the true place")
        return "\n".join(lines)


def locate_file(
    path: Path,
    scene: str | None = None,
    method: Method = "model",
    *,
    model: str = "munich",
    condition: str = "standard",
    models_dir: Path = Path("models"),
    radio_maps_dir: Path = Path("radio_maps"),
    conditions_path: Path = Path("configs/conditions.yaml"),
) -> OfflineFix:
    """Locate one sequence of reports.

    Args:
        path: a body of `POST /api/v1/locate`.
        scene: folder below `radio_maps_dir`; default: the scene that the file names.
        method: "model": as the service does; "grid": the exact posterior of every outdoor place of
            the map, which needs no model but has to be told the errors of the reports.
        condition: whose errors the grid posterior assumes.
    Raises:
        SourceFileError: the file is damaged or a value breaks a rule.
        InvalidInputError: neither the file nor the caller names a scene.
        NoKnownCellsError: no report names a cell of the map.
        ArtefactError, ConfigError: map, model or conditions cannot be read.
    """
    started = time.perf_counter()
    request = load_report_file(path)
    name = scene or request.scene
    if name is None:
        raise InvalidInputError("scene", "the file names none")
    if method == "model":
        settings = load_settings(
            scenes=(name,), model=model, models_dir=models_dir, radio_maps_dir=radio_maps_dir
        )
        locator = Locator.load(settings)
        (result,) = locator.locate([LocateQuery(name, request.reports)])
        fix, located_by = result.fix, result.model
    else:
        conditions = load_conditions(conditions_path).conditions
        if condition not in conditions:
            names = ", ".join(conditions)
            raise ConfigError(conditions_path, f"no condition '{condition}' (known: {names})")
        noise = NoiseModel.from_condition(conditions[condition])
        fix = _by_grid(request, radio_maps_dir / name, noise)
        located_by = "grid posterior"
    return OfflineFix(
        scene=name,
        located_by=located_by,
        fix=fix,
        error_m=_error_m(request, fix),
        seconds=time.perf_counter() - started,
    )


@torch.no_grad()
def _by_grid(request: ReportFile, folder: Path, noise: NoiseModel) -> Fix:
    radio_map = load_radio_map(folder)
    batch, _ = to_batch([request.reports], radio_map.cell_index)
    maps = MapTensors.from_radio_map(radio_map)
    observation = observe(ReportTensors.from_batch(batch), maps, noise)
    posterior = sequence_posterior(observation, maps, noise, grid=likelihood_grid(maps))
    xy_m_12, weight_1 = posterior.local_mean()
    covariance_122 = posterior.covariance(xy_m_12)
    radius_1 = posterior.ellipse_radius(xy_m_12, covariance_122, ELLIPSE_CONFIDENCE)
    major, minor, bearing = (_number(t) for t in ellipse_axes(covariance_122, radius_1))
    x_m, y_m = xy_m_12[0].tolist()
    lat, lon = radio_map.scene.georeference.to_lat_lon(x_m, y_m)
    return Fix(
        lat=float(lat),
        lon=float(lon),
        x_m=x_m,
        y_m=y_m,
        accuracy_m=_number(posterior.radius(xy_m_12, 0.68)),
        accuracy_95_m=_number(posterior.radius(xy_m_12, ELLIPSE_CONFIDENCE)),
        ellipse=Ellipse(major, minor, bearing % 180.0, ELLIPSE_CONFIDENCE),
        confidence=min(1.0, _number(weight_1)),
    )


def _number(tensor_1: Tensor) -> float:
    return float(tensor_1[0])


def _error_m(request: ReportFile, fix: Fix) -> float | None:
    """Distance [m] of the fix and the true place on the sphere of the mean Earth radius."""
    if request.truth is None:
        return None
    lat1, lon1, lat2, lon2 = (
        math.radians(value) for value in (fix.lat, fix.lon, request.truth.lat, request.truth.lon)
    )
    north, east = lat2 - lat1, (lon2 - lon1) * math.cos(0.5 * (lat1 + lat2))
    return 6_371_008.8 * math.hypot(north, east)
