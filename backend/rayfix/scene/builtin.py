"""Scenes that ship with Sionna RT, with the georeference that Sionna does not give."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from rayfix.errors import UnknownSceneError
from rayfix.geo import GeoReference
from rayfix.scene.scene import Extent, Landmark, Scene

SIDE_M = 512.0
"""Side of the square that the maps of a built-in scene cover [m]."""

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


ETOILE_LANDMARKS: tuple[Landmark, ...] = (
    Landmark(
        name="Arc de Triomphe, centre",
        x_m=-127.3, y_m=38.0, lat_deg=48.873792, lon_deg=2.295028,
    ),
    Landmark(name="Hôtel Vernet", x_m=78.7, y_m=-174.9, lat_deg=48.871968, lon_deg=2.297894),
)  # fmt: skip
"""Named meshes of Sionna's `etoile`. The long side of the Arc's mesh points to 25.7 deg, square to
the Champs-Élysées (115.8 deg from the Arc to the obelisk of the Place de la Concorde): its axes are
east and north within 0.2 deg."""

FLORENCE_LANDMARKS: tuple[Landmark, ...] = (
    Landmark(
        name="Battistero di San Giovanni",
        x_m=-24.0, y_m=-23.7, lat_deg=43.773056, lon_deg=11.255,
    ),
    Landmark(name="Orsanmichele", x_m=-25.8, y_m=-294.7, lat_deg=43.7708, lon_deg=11.255),
    Landmark(
        name="Basilica di San Lorenzo",
        x_m=-111.4, y_m=173.8, lat_deg=43.774962, lon_deg=11.253876,
    ),
    Landmark(
        name="Palazzo del Bargello", x_m=212.3, y_m=-329.5, lat_deg=43.7704, lon_deg=11.258
    ),
)  # fmt: skip
"""Named meshes of Sionna's `florence`, centroids of their roofs."""

SAN_FRANCISCO_LANDMARKS: tuple[Landmark, ...] = (
    Landmark(name="Coit Tower", x_m=615.7, y_m=74.6, lat_deg=37.80239, lon_deg=-122.40582),
    Landmark(
        name="Saints Peter and Paul Church",
        x_m=228.5, y_m=-11.5, lat_deg=37.80156, lon_deg=-122.410252,
    ),
    Landmark(
        name="City Lights Booksellers",
        x_m=549.2, y_m=-455.3, lat_deg=37.7976, lon_deg=-122.4066,
    ),
)  # fmt: skip
"""Named meshes of Sionna's `san_francisco`, centroids of their roofs."""


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


def _scene(
    name: str,
    title: str,
    landmarks: tuple[Landmark, ...],
    centre_m: tuple[float, float] = (0.0, 0.0),
    ground_mesh: str = "",
) -> Scene:
    lat, lon = fit_origin(landmarks)
    x, y = centre_m
    half = SIDE_M / 2
    return Scene(
        name=name,
        title=title,
        geometry=f"builtin:{name}",
        ground_mesh=ground_mesh,
        origin_lat_deg=lat,
        origin_lon_deg=lon,
        extent=Extent(x_min_m=x - half, x_max_m=x + half, y_min_m=y - half, y_max_m=y + half),
        attribution="Geometry © OpenStreetMap contributors (ODbL), from Sionna RT",
        landmarks=landmarks,
    )


BUILTIN_SCENES = {
    # Around the Arc de Triomphe the geometry ends 427 m to the west of its zero.
    "etoile": partial(
        _scene, "etoile", "Paris, Place de l'Étoile", ETOILE_LANDMARKS, centre_m=(-128.0, 38.0)
    ),
    "florence": partial(
        _scene, "florence", "Florence, around the Duomo", FLORENCE_LANDMARKS,
        centre_m=(107.0, -27.0),
    ),
    "munich": partial(_scene, "munich", "Munich, old town", MUNICH_LANDMARKS),
    # Where most is built up, from Washington Square to the foot of Telegraph Hill.
    "san_francisco": partial(
        _scene, "san_francisco", "San Francisco, North Beach", SAN_FRANCISCO_LANDMARKS,
        centre_m=(300.0, -100.0), ground_mesh="Terrain",
    ),
}  # fmt: skip
"""What makes each scene, by name."""


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
