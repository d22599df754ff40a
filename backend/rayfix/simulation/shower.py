"""One shower of rays from a site: where rays cross the receivers' height, and with what field.

The rays carry the response to a unit field along theta-hat and one along phi-hat of their
departure, so one shower serves every sector of the site (superposition; see `antenna`).
Letters: P crossings.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import drjit as dr
import mitsuba as mi
import numpy as np
import numpy.typing as npt
from sionna.rt import InteractionType, RadioMapSolver

from rayfix.simulation.rays import ray_directions

if TYPE_CHECKING:
    from rayfix.simulation.world import World

LEAST_SEGMENT_M = 1e-3
"""A crossing closer to the last surface than this is that surface itself."""


class Plane(NamedTuple):
    """Grid of square pixels at the receivers' height; row = y (south to north), column = x."""

    west_m: float
    south_m: float
    resolution_m: float
    columns: int
    rows: int
    height_m: float

    def pixel(self, point: Any) -> tuple[Any, Any]:
        """Number of the pixel (row * columns + column) of each point, and whether it is inside."""
        column = (point.x - self.west_m) / self.resolution_m
        row = (point.y - self.south_m) / self.resolution_m
        inside = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        number = mi.UInt(dr.select(inside, row, 0)) * self.columns + mi.UInt(
            dr.select(inside, column, 0)
        )
        return number, inside


class Crossings(NamedTuple):
    """Rays that crossed the plane, as arrays with P entries."""

    pixel: npt.NDArray[np.int64]
    length_m: npt.NDArray[np.float64]
    """Unfolded length of the path to the *centre* of the pixel: the wave is plane within it."""
    departure: npt.NDArray[np.float32]
    """Unit vectors at the site, [P, 3]."""
    response: npt.NDArray[np.complex64]
    """[P, 2 (excitation theta, phi), 2 (received)], without spreading loss."""
    tube: npt.NDArray[np.float32]
    """Area that the ray's tube covers on the plane, over length^2 [sr]."""


def cast_shower(
    world: World,
    site: Any,
    plane: Plane,
    *,
    first: int,
    count: int,
    total: int,
    shift: float,
    max_depth: int,
    least_gain: float,
) -> list[Crossings]:
    """Shoot `count` of `total` rays and bounce them; the line of sight is left out.

    Args:
        site: position, `mi.Point3f`.
        first, count, total, shift: which rays (see `rays.ray_directions`).
        max_depth: reflections of a path at most.
        least_gain: rays whose path gain (linear, isotropic antennas) falls below this are dropped.
    Returns:
        The crossings after 1, 2, ... reflections.
    """
    solver = RadioMapSolver()
    mi_scene = world.sionna.mi_scene
    direction, solid_angle = ray_directions(first, count, total, shift)
    departure = mi.Vector3f(direction)
    ray = mi.Ray3f(mi.Point3f(site), direction)
    length = dr.zeros(mi.Float, count)
    fields = [
        mi.Vector4f(dr.ones(mi.Float, count), 0, 0, 0),
        mi.Vector4f(dr.zeros(mi.Float, count), 1, 0, 0),
    ]
    aperture = (world.wavelength_m / (4.0 * math.pi)) ** 2
    crossings = []
    for depth in range(max_depth + 1):
        surface = mi_scene.ray_intersect(ray)
        dr.eval(surface)  # otherwise every use below would trace the rays again
        hit = surface.is_valid()
        if depth > 0:
            crossings.append(
                _crossings(plane, ray, surface, departure, fields, length, solid_angle)
            )
        if depth == max_depth:
            break
        length = length + dr.select(hit, surface.t, 0.0)
        width = dr.width(length)
        enabled = dr.full(mi.UInt, int(InteractionType.SPECULAR), width)
        chance = dr.full(mi.Float, 0.5, width)
        sample, fields = solver._sample_radio_material(
            surface, ray.d, fields, solid_angle, chance, mi.Point2f(0.5), enabled, hit
        )
        strength = dr.maximum(dr.squared_norm(fields[0]), dr.squared_norm(fields[1]))
        alive = hit & (sample.sampled_component != InteractionType.NONE)
        alive &= strength * aperture > least_gain * dr.square(length)
        bounced = surface.spawn_ray(d=sample.wo)
        dr.eval(alive, bounced, fields, length)
        kept = dr.compress(alive)
        if dr.width(kept) == 0:
            break
        ray = mi.Ray3f(
            dr.gather(mi.Point3f, bounced.o, kept), dr.gather(mi.Vector3f, bounced.d, kept)
        )
        departure = dr.gather(mi.Vector3f, departure, kept)
        fields = [dr.gather(mi.Vector4f, field, kept) for field in fields]
        length = dr.gather(mi.Float, length, kept)
        solid_angle = dr.gather(mi.Float, solid_angle, kept)
        dr.eval(ray, departure, fields, length, solid_angle)
    return crossings


def _crossings(
    plane: Plane,
    ray: Any,
    surface: Any,
    departure: Any,
    fields: list[Any],
    length: Any,
    solid_angle: Any,
) -> Crossings:
    """Where rays cross the plane before they meet the next surface."""
    distance = (plane.height_m - ray.o.z) / ray.d.z
    point = ray(distance)
    pixel, inside = plane.pixel(point)
    free = (distance > LEAST_SEGMENT_M) & (distance < surface.t)
    kept = dr.compress(inside & free)
    pixel = dr.gather(mi.UInt, pixel, kept).numpy().astype(np.int64)
    way = dr.gather(mi.Vector3f, ray.d, kept).numpy().T.astype(np.float64)
    point = dr.gather(mi.Point3f, point, kept).numpy().T.astype(np.float64)
    travelled = dr.gather(mi.Float, length + distance, kept).numpy().astype(np.float64)
    centre_x = plane.west_m + (pixel % plane.columns + 0.5) * plane.resolution_m
    centre_y = plane.south_m + (pixel // plane.columns + 0.5) * plane.resolution_m
    beyond = (centre_x - point[:, 0]) * way[:, 0] + (centre_y - point[:, 1]) * way[:, 1]
    values = np.stack([dr.gather(mi.Vector4f, field, kept).numpy() for field in fields])
    response = (values[:, :2] + 1j * values[:, 2:]).transpose(2, 0, 1).astype(np.complex64)
    cosine = np.maximum(np.abs(way[:, 2]), 1e-6)
    tube = dr.gather(mi.Float, solid_angle, kept).numpy() / cosine
    return Crossings(
        pixel=pixel,
        length_m=travelled + beyond,
        departure=dr.gather(mi.Vector3f, departure, kept).numpy().T.astype(np.float32),
        response=response,
        tube=tube.astype(np.float32),
    )
