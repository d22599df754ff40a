"""The surface that UE antennas lie on: a plane over flat ground, or the terrain lifted.

Map pixels are squares of the horizontal plane. A ray's tube of solid angle w, L metres from its
(unfolded) source, has the cross-section w L^2 and covers w L^2 |n_z| / |d . n| of the horizontal
plane where it meets a surface with normal n in direction d; on a level surface 1 / |d_z|.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from rayfix.scene.ground import Ground

LEAST_SEGMENT_M = 1e-3
"""A crossing closer to the last surface than this is that surface itself."""
MOST_CROSSINGS = 4
"""A ray between two surfaces crosses the lifted terrain this many times at most."""
LEAST_COSINE = 1e-6


class Crossing(NamedTuple):
    """Where rays cross the surface; one Dr.Jit lane per ray."""

    distance: Any
    """From the ray's origin [m]."""
    valid: Any
    stretch: Any
    """Area on the horizontal plane over the cross-section of the ray's tube."""


class ReceiverSurface(Protocol):
    """What rays cross to reach UEs."""

    def first(self, ray: Any, until: Any, active: Any) -> Crossing:
        """The first crossing, before the distance `until` [m]."""

    def crossings(self, ray: Any, until: Any) -> Iterator[Crossing]:
        """All crossings before the distance `until` [m], from the nearest on."""


class LevelPlane:
    """UEs over flat ground, at one height [m]."""

    def __init__(self, height_m: float) -> None:
        self.height_m = height_m

    def first(self, ray: Any, until: Any, active: Any) -> Crossing:
        import drjit as dr

        distance = (self.height_m - ray.o.z) / ray.d.z
        valid = active & (distance > LEAST_SEGMENT_M) & (distance < until)
        return Crossing(distance, valid, dr.rcp(dr.maximum(dr.abs(ray.d.z), LEAST_COSINE)))

    def crossings(self, ray: Any, until: Any) -> Iterator[Crossing]:
        yield self.first(ray, until, True)


class LiftedTerrain:
    """UEs over terrain: its triangles, `ue_height_m` higher."""

    def __init__(self, ground: Ground, ue_height_m: float) -> None:
        import mitsuba as mi

        corners = ground.triangles.reshape(-1, 3) + np.array([0.0, 0.0, ue_height_m])
        mesh = mi.Mesh("receivers", len(corners), len(ground.triangles))
        parameters = mi.traverse(mesh)
        parameters["vertex_positions"] = mi.Float(corners.ravel().astype(np.float32))
        parameters["faces"] = mi.UInt(np.arange(len(corners), dtype=np.uint32))
        parameters.update()
        self._scene = mi.load_dict({"type": "scene", "receivers": mesh})

    def first(self, ray: Any, until: Any, active: Any) -> Crossing:
        import drjit as dr

        surface = self._scene.ray_intersect(ray, active=active)
        valid = active & surface.is_valid() & (surface.t > LEAST_SEGMENT_M) & (surface.t < until)
        cosine = dr.maximum(dr.abs(dr.dot(ray.d, surface.n)), LEAST_COSINE)
        return Crossing(surface.t, valid, dr.abs(surface.n.z) / cosine)

    def crossings(self, ray: Any, until: Any) -> Iterator[Crossing]:
        import drjit as dr
        import mitsuba as mi

        passed = dr.zeros(mi.Float, dr.width(ray.d))
        active = dr.full(mi.Bool, True, dr.width(ray.d))
        for _ in range(MOST_CROSSINGS):
            onward = mi.Ray3f(ray(passed), ray.d)
            found = self.first(onward, until - passed, active)
            dr.eval(found)
            if not dr.any(found.valid):
                return
            yield Crossing(passed + found.distance, found.valid, found.stretch)
            passed = passed + dr.select(found.valid, found.distance + LEAST_SEGMENT_M, 0.0)
            active = found.valid


def receiver_surface(ground: Ground, ue_height_m: float) -> ReceiverSurface:
    """The surface of UE antennas over a ground."""
    if ground.is_flat:
        return LevelPlane(ue_height_m)
    return LiftedTerrain(ground, ue_height_m)
