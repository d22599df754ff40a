"""One shower of rays from a site: where rays cross the receivers' surface, and with what field.

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

from rayfix.simulation.path_list import PathKind, PathList
from rayfix.simulation.rays import ray_directions
from rayfix.units import SPEED_OF_LIGHT_M_S

if TYPE_CHECKING:
    from rayfix.simulation.pixel_grid import PixelGrid
    from rayfix.simulation.receiver_surface import Crossing
    from rayfix.simulation.world import World


class Interactions(NamedTuple):
    """What rays may do at a surface besides being reflected by it."""

    refraction: bool = False
    scattering: bool = False


class _Rays(NamedTuple):
    """Rays on their way; one Dr.Jit lane each."""

    ray: Any
    departure: Any
    theta: Any
    """Field that a unit field along theta-hat of the departure has become, `mi.Vector4f`."""
    phi: Any
    length: Any
    """Unfolded length so far [m]."""
    solid_angle: Any
    chance: Any
    """Probability of the interactions drawn so far; the field is that over its square root."""
    scattered: Any


def cast_shower(
    world: World,
    site: tuple[float, float, float],
    grid: PixelGrid,
    *,
    count: int,
    seed: tuple[int, ...],
    max_depth: int,
    least_gain: float,
    interactions: Interactions,
) -> tuple[PathList, npt.NDArray[np.float64]]:
    """Shoot `count` rays from a site and let them bounce; the line of sight is left out.

    Args:
        seed: of the directions and of what happens at surfaces.
        max_depth: interactions of a path at most.
        least_gain: rays whose path gain (linear, isotropic antennas) falls below this are dropped.
    Returns:
        The crossings after 1, 2, ... interactions, as paths whose receivers are outdoor pixels,
        and the share of a whole pixel that each ray's tube covers.
    """
    mi_scene = world.sionna.mi_scene
    direction, solid_angle = ray_directions(count, np.random.default_rng(seed), world.horizon(site))
    dice = mi.PCG32(count, initstate=int(np.random.default_rng((*seed, 1)).integers(1 << 32)))
    rays = _Rays(
        mi.Ray3f(mi.Point3f(*([value] for value in site)), direction),
        mi.Vector3f(direction),
        mi.Vector4f(dr.ones(mi.Float, count), 0, 0, 0),
        mi.Vector4f(dr.zeros(mi.Float, count), 1, 0, 0),
        dr.zeros(mi.Float, count),
        solid_angle,
        dr.ones(mi.Float, count),
        dr.zeros(mi.Bool, count),
    )
    aperture = (world.wavelength_m / (4.0 * math.pi)) ** 2
    found = [(PathList.empty(), np.zeros(0))]
    for depth in range(max_depth + 1):
        surface = mi_scene.ray_intersect(rays.ray)
        dr.eval(surface)  # otherwise every use below would trace the rays again
        if depth > 0:
            for crossing in world.receiver_surface.crossings(rays.ray, surface.t):
                found.append(_paths(world, site, grid, rays, crossing))
        if depth == max_depth:
            break
        rays = _bounced(rays, surface, dice, interactions, least_gain / aperture)
        if not dr.width(rays.length):
            break
    return PathList.joined([paths for paths, _ in found]), np.concatenate([s for _, s in found])


def _bounced(
    rays: _Rays, surface: Any, dice: Any, interactions: Interactions, least_strength: float
) -> _Rays:
    """The rays that go on from a surface."""
    width = dr.width(rays.length)
    hit = surface.is_valid()
    enabled = int(InteractionType.SPECULAR)
    enabled |= int(InteractionType.REFRACTION) if interactions.refraction else 0
    enabled |= int(InteractionType.DIFFUSE) if interactions.scattering else 0
    event, point = dr.full(mi.Float, 0.5, width), mi.Point2f(0.5)
    if any(interactions):
        event = dr.gather(mi.Float, dice.next_float32(), dr.arange(mi.UInt, width))
        point = mi.Point2f(dice.next_float32(), dice.next_float32())
        point = dr.gather(mi.Point2f, point, dr.arange(mi.UInt, width))
    length = rays.length + dr.select(hit, surface.t, 0.0)
    sample, (theta, phi) = RadioMapSolver()._sample_radio_material(
        surface, rays.ray.d, [rays.theta, rays.phi], rays.solid_angle, event, point,
        dr.full(mi.UInt, enabled, width), hit,
    )  # fmt: skip
    diffuse = hit & (sample.sampled_component == InteractionType.DIFFUSE)
    scattered = rays.scattered | diffuse
    chance = rays.chance * dr.select(hit, sample.pdf, 1.0)
    strength = dr.maximum(dr.squared_norm(theta), dr.squared_norm(phi)) * chance
    alive = hit & (sample.sampled_component != InteractionType.NONE)
    alive &= scattered | (strength > least_strength * dr.square(length))
    onward = _Rays(
        surface.spawn_ray(d=sample.wo),
        rays.departure,
        theta,
        phi,
        length,
        dr.select(diffuse, dr.two_pi, rays.solid_angle),
        chance,
        scattered,
    )
    dr.eval(alive, *onward)
    kept = dr.compress(alive)
    ray = mi.Ray3f(
        dr.gather(mi.Point3f, onward.ray.o, kept), dr.gather(mi.Vector3f, onward.ray.d, kept)
    )
    rest = (dr.gather(type(value), value, kept) for value in onward[1:])
    compact = _Rays(ray, *rest)
    dr.eval(*compact)
    return compact


def _paths(
    world: World,
    site: tuple[float, float, float],
    grid: PixelGrid,
    rays: _Rays,
    crossing: Crossing,
) -> tuple[PathList, npt.NDArray[np.float64]]:
    """Crossings in outdoor pixels, referred to the pixels' centres: the wave is plane within."""
    point = rays.ray(crossing.distance)
    number, inside = grid.locate(point)
    is_outdoor = mi.Bool(grid.building_height_m.ravel() <= 0.0)
    kept = dr.compress(crossing.valid & inside & dr.gather(mi.Bool, is_outdoor, number))

    def taken(value: Any) -> npt.NDArray[Any]:
        return np.asarray(dr.gather(type(value), value, kept).numpy())

    pixel = taken(number).astype(np.int64)
    way = taken(rays.ray.d).T.astype(np.float64)
    centre = grid.centres(pixel)
    beyond = ((centre - taken(point).T) * way).sum(axis=1)
    travelled = taken(rays.length + crossing.distance).astype(np.float64)
    # The plane wave within a pixel must not bring a path in before the straight line.
    length = np.maximum(travelled + beyond, np.linalg.norm(centre - np.array(site), axis=1))
    chance = taken(rays.chance).astype(np.float64)
    values = np.stack([taken(rays.theta), taken(rays.phi)])
    response = (values[:, :2] + 1j * values[:, 2:]).transpose(2, 0, 1)
    amplitude = world.wavelength_m / (4.0 * math.pi * length) * np.sqrt(chance)
    paths = PathList(
        receiver=pixel,
        delay_s=length / SPEED_OF_LIGHT_M_S,
        departure=taken(rays.departure).T.astype(np.float32),
        arrival=-way.astype(np.float32),
        response=(response * amplitude[:, None, None]).astype(np.complex64),
        kind=np.where(taken(rays.scattered), PathKind.SCATTERING, PathKind.REFLECTION).astype(
            np.uint8
        ),
    )
    tube = taken(rays.solid_angle * crossing.stretch).astype(np.float64)
    return paths, tube * length**2 / (chance * grid.step_m**2 * grid.open_share[pixel])
