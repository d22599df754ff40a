"""A scene's geometry in the ray tracer: materials, outdoor places, building heights."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayfix.errors import ArtefactError, InvalidInputError, UnknownSceneError
from rayfix.scene.ground import ground_of
from rayfix.scene.scene import Scene
from rayfix.simulation.llvm import prepare_ray_tracing
from rayfix.simulation.rays import Horizon
from rayfix.simulation.receiver_surface import ReceiverSurface, receiver_surface

FloatArray = npt.NDArray[np.float64]

DEFAULT_CARRIER_HZ = 3.5e9
CLEARANCE_M = 50.0
"""Downward rays start this far above the highest point of the scene [m]."""


@dataclass(frozen=True)
class MaterialRedraw:
    """Materials that differ from the nominal ones, as they would in the real city.

    Relative permittivity, conductivity and thickness of every material are each multiplied by a
    factor drawn log-uniformly from [1/(1 + spread), 1 + spread]; permittivity never falls
    below 1. Frequency dependence stays that of ITU-R P.2040.
    """

    seed: int
    spread: float = 0.5


class World:
    """Geometry and materials of one scene, loaded into Sionna RT.

    Args:
        scene: what to load.
        folder: folder of `scene.json`, needed when the geometry is a file.
        carrier_hz: carrier frequency [Hz]; sets the materials' properties (ITU-R P.2040).
        redraw: draw other materials than the nominal ones.
        scattering_coefficient: share of the reflected field's amplitude that every material
            scatters diffusely, 0 to 1 (S in Degli-Esposti et al., 2007); None keeps the scene's.
    Raises:
        RayTracingUnavailableError: no ray tracer on this machine.
        UnknownSceneError: Sionna RT ships no scene of this name.
        ArtefactError: the geometry file is missing or not a Mitsuba scene.
    """

    def __init__(
        self,
        scene: Scene,
        folder: Path | None = None,
        *,
        carrier_hz: float = DEFAULT_CARRIER_HZ,
        redraw: MaterialRedraw | None = None,
        scattering_coefficient: float | None = None,
    ) -> None:
        prepare_ray_tracing()
        self.scene = scene
        self.sionna = _load(scene, folder)
        self.sionna.frequency = carrier_hz
        self.carrier_hz = carrier_hz
        if redraw is not None:
            _redraw_materials(self.sionna, redraw)
        if scattering_coefficient is not None:
            for material in self.sionna.radio_materials.values():
                material.scattering_coefficient = scattering_coefficient
        self.ground = ground_of(scene, folder or Path())

    @cached_property
    def receiver_surface(self) -> ReceiverSurface:
        """Where UE antennas lie, for rays that cross it."""
        return receiver_surface(self.ground, self.scene.ue_height_m)

    def receiver_height_m(self, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> FloatArray:
        """Height [m] in the scene's frame of a UE's antenna at these places."""
        return self.ground.height_m(x_m, y_m) + self.scene.ue_height_m

    def horizon(self, site: tuple[float, float, float]) -> Horizon:
        """Where receivers are seen from a site (x, y, z) [m]."""
        mast_m = site[2] - float(self.ground.height_m(site[0], site[1]))
        relief_m = 0.0 if self.ground.is_flat else float(self.ground.triangles[..., 2].std())
        extent = self.scene.extent
        side_m = max(extent.x_max_m - extent.x_min_m, extent.y_max_m - extent.y_min_m)
        return Horizon.of(mast_m, side_m, relief_m)

    @property
    def wavelength_m(self) -> float:
        """Wavelength of the carrier [m]."""
        return float(self.sionna.wavelength[0])

    @cached_property
    def edges(self) -> Any:
        """All diffracting edges of the scene (`edges.scene_edges`)."""
        from rayfix.simulation.edges import scene_edges

        return scene_edges(self)

    @property
    def top_m(self) -> float:
        """Height of the highest point of the scene [m]."""
        return float(self.sionna.mi_scene.bbox().max.z)

    def outdoor(self, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether nothing lies above a UE at these places; shape of the inputs."""
        import mitsuba as mi

        x, y = np.broadcast_arrays(np.asarray(x_m, float), np.asarray(y_m, float))
        start = mi.Point3f(x.ravel(), y.ravel(), self.receiver_height_m(x, y).ravel())
        blocked = self.sionna.mi_scene.ray_test(mi.Ray3f(start, mi.Vector3f(0, 0, 1)))
        return ~np.broadcast_to(blocked.numpy(), x.size).reshape(x.shape)

    def surface_height_m(self, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> FloatArray:
        """Height [m] of the first surface met from above, 0 where there is none."""
        import mitsuba as mi

        x, y = np.broadcast_arrays(np.asarray(x_m, float), np.asarray(y_m, float))
        above = self.top_m + CLEARANCE_M
        ray = mi.Ray3f(mi.Point3f(x.ravel(), y.ravel(), above), mi.Vector3f(0, 0, -1))
        distance = self.sionna.mi_scene.ray_intersect(ray).t.numpy().reshape(x.shape)
        return np.where(np.isfinite(distance), above - distance, 0.0)

    def building_height_m(self, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> FloatArray:
        """Height of what covers each place above the ground [m]; 0 outdoors."""
        above_ground = self.surface_height_m(x_m, y_m) - self.ground.height_m(x_m, y_m)
        return np.where(self.outdoor(x_m, y_m), 0.0, above_ground)

    def outdoor_positions(self, count: int, seed: int, *, margin_m: float = 0.0) -> FloatArray:
        """Places drawn uniformly from the outdoor part of the extent, shape [count, 2] (x, y) [m].

        Args:
            margin_m: distance [m] kept from the border of the extent.
        Raises:
            InvalidInputError: nearly nothing of the extent is outdoors.
        """
        random = np.random.default_rng(seed)
        extent = self.scene.extent
        low = np.array([extent.x_min_m, extent.y_min_m]) + margin_m
        high = np.array([extent.x_max_m, extent.y_max_m]) - margin_m
        found: list[FloatArray] = []
        missing = count
        while missing > 0:
            drawn = random.uniform(low, high, size=(max(4 * missing, 1024), 2))
            outdoor = drawn[self.outdoor(drawn[:, 0], drawn[:, 1])][:missing]
            if not len(outdoor):
                raise InvalidInputError("scene.extent", "some of it must be outdoors")
            found.append(outdoor)
            missing -= len(outdoor)
        return np.concatenate(found) if found else np.zeros((0, 2))


def ground_shape(scene: Scene) -> str | None:
    """Regular expression for the id of the shape that is the ground; None over flat ground."""
    return rf"(^|[-_]){re.escape(scene.ground_mesh)}$" if scene.ground_mesh else None


def _load(scene: Scene, folder: Path | None) -> Any:
    import sionna.rt

    # The ground stays a shape of its own, so that its creases can be told from edges of buildings.
    alone = ground_shape(scene)
    kind, _, name = scene.geometry.partition(":")
    if kind == "builtin":
        path = getattr(sionna.rt.scene, name, None)
        if not isinstance(path, str):
            raise UnknownSceneError(f"Sionna RT ships no scene called {name!r}.")
        return sionna.rt.load_scene(path, merge_shapes_exclude_regex=alone)
    file = (folder or Path()) / scene.geometry
    if not file.is_file():
        raise ArtefactError(file, "the geometry of the scene is missing")
    try:
        return sionna.rt.load_scene(str(file), merge_shapes_exclude_regex=alone)
    except (RuntimeError, ValueError) as error:
        raise ArtefactError(file, f"not a scene that Mitsuba can read ({error})") from None


def _redraw_materials(sionna_scene: Any, redraw: MaterialRedraw) -> None:
    """Multiply every material's properties by factors of `redraw`; sorted, so a seed is enough."""
    import mitsuba as mi

    random = np.random.default_rng(redraw.seed)
    limit = math.log1p(redraw.spread)
    for _, material in sorted(sionna_scene.radio_materials.items()):
        permittivity, conductivity, thickness = np.exp(random.uniform(-limit, limit, size=3))
        nominal = float(material.relative_permittivity[0])
        material.relative_permittivity = mi.Float(max(1.0, nominal * permittivity))
        material.conductivity = material.conductivity * float(conductivity)
        material.thickness = material.thickness * float(thickness)
