"""One phone at one place: reports drawn from exact paths, never from the radio map."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rayfix.errors import ConfigError, InvalidInputError
from rayfix.measurement.build import City
from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.impairments import draw_reports, to_reports
from rayfix.measurement.places import TracingConfig
from rayfix.measurement.propagation import PathDetail, Propagation
from rayfix.measurement.report_file import ReportFile, TruePlace

INTERVAL_S = 0.2
"""Time between two reports [s]."""

RAYS = 200_000
"""A fifth of what a dataset takes: seconds per site, at the price of some far reflections."""


def simulate_reports(
    scene: str,
    lat_deg: float,
    lon_deg: float,
    *,
    condition: str = "standard",
    reports: int = 1,
    seed: int = 0,
    rays: int = RAYS,
    radio_maps_dir: Path = Path("radio_maps"),
    conditions_path: Path = Path("configs/conditions.yaml"),
) -> ReportFile:
    """What a phone that stands still would report.

    Args:
        scene: folder below `radio_maps_dir`: its geometry and its sites.
        lat_deg, lon_deg: outdoor place on the map, WGS 84 [deg].
        condition: a name in the conditions file: its errors, in its world.
        reports: how many, 0.2 s apart.
        rays: per site, that search for chains of reflecting surfaces.
    Raises:
        ConfigError: the conditions file is missing or has no such condition.
        InvalidInputError: the place is indoors, outside the map, or no cell is detectable there.
        RayTracingUnavailableError: no ray tracer on this machine.
    """
    known = load_conditions(conditions_path)
    if condition not in known.conditions:
        names = ", ".join(known.conditions)
        raise ConfigError(conditions_path, f"no condition '{condition}' (known: {names})")
    errors = known.conditions[condition]
    city = City(scene, radio_maps_dir, TracingConfig(rays_per_site=rays, detail=True))
    x_m, y_m = (float(value) for value in city.scene.georeference.to_local(lat_deg, lon_deg))
    place_12 = np.array([[x_m, y_m]])
    if not city.scene.extent.contains(x_m, y_m):
        raise InvalidInputError("at", f"{lat_deg:g}, {lon_deg:g} lies outside the map of '{scene}'")
    if not city.places.is_free(place_12).all():
        raise InvalidInputError("at", f"{lat_deg:g}, {lon_deg:g} lies inside a building")
    world = city.worlds(known.worlds, (errors.world,))[errors.world]
    traced = world.trace(place_12, lambda share: None)
    propagation = Propagation(
        np.repeat(place_12[None], reports, axis=1),
        INTERVAL_S * np.arange(reports, dtype=np.float64),
        path_gain_db_BTC=np.repeat(traced.path_gain_db[None], reports, axis=1),
        toa_ns_BTC=np.repeat(traced.toa_ns[None], reports, axis=1),
        aoa_deg_BTC=np.repeat(traced.aoa_deg[None], reports, axis=1),
        los_BTC=np.repeat(traced.los[None], reports, axis=1),
        detail=PathDetail(
            **{name: np.repeat(v[None], reports, axis=1) for name, v in traced.detail.items()}
        ),
    )
    batch = draw_reports(propagation, world.cells, errors, seed)
    drawn = to_reports(batch, [cell.cell_id for cell in world.cells])[0]
    if not drawn:
        raise InvalidInputError("at", f"no cell is detectable at {lat_deg:g}, {lon_deg:g}")
    return ReportFile(scene=scene, reports=tuple(drawn), truth=TruePlace(lat=lat_deg, lon=lon_deg))
