"""Scenes that ship with Sionna RT, with the georeference that Sionna does not give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rayfix.errors import UnknownSceneError
from rayfix.geo import GeoReference
from rayfix.scene.scene import Extent, Landmark, Scene

MUNICH_LANDMARKS: tuple[Landmark, ...] = (
    Landmark(
        name="Frauenkirche, mean of the twin towers",
        x_m=-210.0, y_m=62.0, lat_deg=48.13842, lon_deg=11.57303,
    ),
    Landmark(
        name="Neues Rathaus, tower", x_m=-21.8, y_m=-57.0, lat_deg=48.13732, lon_deg=11.57556
    ),
    Landmark(name="St. Peter, tower", x_m=-14.1, y_m=-164.7, lat_deg=48.13642, lon_deg=11.57558),
    Landmark(
        name="Heilig-Geist-Kirche, tower",
        x_m=144.5, y_m=-216.0, lat_deg=48.13592, lon_deg=11.57781,
    ),
)  # fmt: skip
"""Named meshes of Sionna's `munich` and their published coordinates (known to about 5 m)."""


def fit_origin(landmarks: Sequence[Landmark]) -> tuple[float, float]:
    """Origin (latitude, longitude) [deg] that makes the landmarks' mean residual vanish.

    The scene's axes are taken as true east and north (see `GeoReference`); only the shift is
    fitted: the least-squares solution of a pure translation.
    """
    lat = float(np.mean([m.lat_deg for m in landmarks]))
    lon = float(np.mean([m.lon_deg for m in landmarks]))
    x = float(np.mean([m.x_m for m in landmarks]))
    y = float(np.mean([m.y_m for m in landmarks]))
    new_lat, new_lon = GeoReference(lat, lon).to_lat_lon(-x, -y)
    return round(float(new_lat), 7), round(float(new_lon), 7)


def _munich() -> Scene:
    lat, lon = fit_origin(MUNICH_LANDMARKS)
    return Scene(
        name="munich",
        title="Munich, old town",
        geometry="builtin:munich",
        origin_lat_deg=lat,
        origin_lon_deg=lon,
        extent=Extent(x_min_m=-256, x_max_m=256, y_min_m=-256, y_max_m=256),
        attribution="Geometry © OpenStreetMap contributors (ODbL), from Sionna RT",
        landmarks=MUNICH_LANDMARKS,
    )


BUILTIN_SCENES = {"munich": _munich}


def builtin_scene(name: str) -> Scene:
    """A built-in scene by name.

    Raises:
        UnknownSceneError: there is no built-in scene of this name; the message lists them.
    """
    try:
        return BUILTIN_SCENES[name]()
    except KeyError:
        known = ", ".join(sorted(BUILTIN_SCENES))
        raise UnknownSceneError(f"no built-in scene '{name}' (built in: {known})") from None
