"""Diffracting edges of a scene, and first-order diffracted paths over them.

Sionna RT samples wedges by chance; here every edge that a site sees is tried with every
receiver, so that the set of diffracted paths is complete and has no Monte Carlo noise. The field
is Sionna RT's (uniform theory of diffraction with the materials' reflection coefficients).
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rayfix.simulation.path_list import PathKind, PathList
from rayfix.simulation.world import ground_shape
from rayfix.units import SPEED_OF_LIGHT_M_S

if TYPE_CHECKING:
    from rayfix.simulation.world import World

SHORTEST_EDGE_M = 0.5
"""Shorter edges are ornament: their diffraction is far below that of a roof edge."""
FLAT_COSINE = 0.995
"""Faces that are parallel within 6 deg make no edge; their normals may be opposite, because the
triangles of real meshes are not always wound the same way."""
OFFSET_M = 1e-3
"""Visibility is tested this far outside the edge, as Sionna RT's image method does."""
FREE_RADIUS_M = 0.05
FREE_STEPS = 6
"""An edge diffracts only where nothing else touches it: the arc of this radius through the open
side of the wedge, in this many chords, must be free. Otherwise the corners of houses that share a
wall would diffract as if the neighbour were not there."""
SEEN_POINTS = 9
"""Points of an edge that are tried when deciding whether a site sees it."""
PAIRS_PER_BATCH = 1 << 22
PATHS_PER_BATCH = 1 << 18


def scene_edges(world: World) -> Any:
    """All edges between two faces of one mesh that can diffract, as a `WedgeGeometry`.

    The ground has none: the creases of its triangles stand for a smooth surface.
    """
    import drjit as dr
    import mitsuba as mi
    from sionna.rt.utils import WedgeGeometry
    from sionna.rt.utils.wedges import wedge_geometry

    ground = ground_shape(world.scene)
    found = []
    for shape in world.sionna.mi_scene.shapes():
        if not shape.is_mesh() or (ground and re.search(ground, shape.id())):
            continue
        faces = shape.face_count()
        face = dr.repeat(dr.arange(mi.UInt, faces), 3)
        side = dr.tile(dr.arange(mi.UInt, 3), faces)
        edges = wedge_geometry(mi.MeshPtr(shape), face, side)
        kept = dr.compress(
            (edges.prim0 < edges.primn)
            & (edges.length > SHORTEST_EDGE_M)
            & (dr.abs(dr.dot(edges.n0, edges.nn)) < FLAT_COSINE)
        )
        if dr.width(kept):
            found.append(dr.gather(WedgeGeometry, edges, kept))
    return _concatenated(found)


def _concatenated(parts: list[Any]) -> Any:
    import drjit as dr
    import mitsuba as mi
    from sionna.rt.utils import WedgeGeometry

    widths = [dr.width(part.length) for part in parts]
    joined = WedgeGeometry.build_with_size(sum(widths))
    start = 0
    for part, width in zip(parts, widths, strict=True):
        dr.scatter(joined, part, dr.arange(mi.UInt, width) + start)
        start += width
    return joined


def _outward(edges: Any) -> Any:
    import drjit as dr

    return dr.normalize(edges.n0 + edges.nn)


def edges_seen(world: World, edges: Any, site: Any) -> Any:
    """The edges of which the site (`mi.Point3f`) sees at least one point from outside."""
    import drjit as dr
    import mitsuba as mi
    from sionna.rt.utils import WedgeGeometry, spawn_ray_to

    outward = _outward(edges)
    seen = dr.zeros(mi.Bool, dr.width(edges.length))
    for number in range(SEEN_POINTS):
        share = 0.02 + 0.96 * number / (SEEN_POINTS - 1)
        point = edges.o + edges.e_hat * (edges.length * share)
        outside = (dr.dot(site - point, edges.n0) > 0) | (dr.dot(site - point, edges.nn) > 0)
        ray = spawn_ray_to(mi.Point3f(site), point + OFFSET_M * outward)
        seen |= outside & ~world.sionna.mi_scene.ray_test(ray, active=outside)
    return dr.gather(WedgeGeometry, edges, dr.compress(seen))


def diffracted_paths(world: World, edges: Any, site: Any, receivers: Any) -> PathList:
    """First-order diffracted paths from a site over its seen edges to receivers.

    Args:
        edges: `edges_seen` of this site.
        site: position, `mi.Point3f`.
        receivers: positions, `mi.Point3f`.
    """
    import drjit as dr

    edge_count, receiver_count = dr.width(edges.length), dr.width(receivers)
    step = max(1, PAIRS_PER_BATCH // max(1, edge_count))
    found = [
        _free_pairs(world, edges, site, receivers, start, min(start + step, receiver_count))
        for start in range(0, receiver_count if edge_count else 0, step)
    ]
    pairs = np.concatenate([np.zeros((2, 0), np.uint32), *found], axis=1)
    # The field takes long to compile and little to compute: large batches.
    parts = [
        _with_field(world, edges, site, receivers, pairs[:, start : start + PATHS_PER_BATCH])
        for start in range(0, pairs.shape[1], PATHS_PER_BATCH)
    ]
    return PathList.joined(parts) if parts else PathList.empty()


def _free_pairs(
    world: World, edges: Any, site: Any, receivers: Any, start: int, end: int
) -> npt.NDArray[np.uint32]:
    """Numbers [2, N] of edges and receivers, those from start to end, that a free path joins."""
    import drjit as dr
    import mitsuba as mi

    # Neighbouring lanes share the edge, so their rays run side by side, which is traced faster.
    pair = dr.arange(mi.UInt, dr.width(edges.length) * (end - start))
    number = mi.Vector2u(pair // (end - start), pair % (end - start) + start)
    edge, point, receiver = _pairs(edges, site, receivers, number)
    along = dr.dot(point - edge.o, edge.e_hat)
    to_receiver, from_site = receiver - point, point - site
    kept = dr.compress(
        (along > 0)
        & (along < edge.length)
        & ((dr.dot(from_site, edge.n0) < 0) | (dr.dot(from_site, edge.nn) < 0))
        & ((dr.dot(to_receiver, edge.n0) > 0) | (dr.dot(to_receiver, edge.nn) > 0))
    )
    for free in (_receiver_sees, _site_sees):  # most pairs end with the first
        if dr.width(kept) == 0:
            return np.zeros((2, 0), np.uint32)
        number = dr.gather(mi.Vector2u, number, kept)
        kept = dr.compress(free(world, site, *_pairs(edges, site, receivers, number)))
    number = dr.gather(mi.Vector2u, number, kept)
    return np.asarray(number.numpy(), np.uint32).reshape(2, -1)


def _receiver_sees(world: World, site: Any, edge: Any, point: Any, receiver: Any) -> Any:
    """Whether the way from the receiver to the diffraction point is free."""
    from sionna.rt.utils import spawn_ray_to

    ray = spawn_ray_to(receiver, point + OFFSET_M * _outward(edge))
    return ~world.sionna.mi_scene.ray_test(ray, coherent=True)


def _site_sees(world: World, site: Any, edge: Any, point: Any, receiver: Any) -> Any:
    """Whether the way from the site is free, and nothing touches the edge there."""
    import mitsuba as mi
    from sionna.rt.utils import spawn_ray_to

    ray = spawn_ray_to(mi.Point3f(site), point + OFFSET_M * _outward(edge))
    free = ~world.sionna.mi_scene.ray_test(ray)
    return free & _nothing_touches(world, edge, point, free)


def _pairs(edges: Any, site: Any, receivers: Any, number: Any) -> tuple[Any, Any, Any]:
    """Edge, diffraction point on its line, and receiver of pairs (edge, receiver)."""
    import drjit as dr
    import mitsuba as mi
    from sionna.rt.utils import WedgeGeometry

    edge = dr.gather(WedgeGeometry, edges, number.x)
    receiver = dr.gather(mi.Point3f, receivers, number.y)
    along = _diffraction_point(edge, mi.Point3f(site), receiver)
    return edge, mi.Point3f(edge.o + along * edge.e_hat), receiver


def _diffraction_point(edge: Any, site: Any, receiver: Any) -> Any:
    """Distance [m] along the edge of the point with equal angles to both ends (Keller's cone):
    the crossing of the straight line after the receiver is turned about the edge."""
    import drjit as dr

    to_site, to_receiver = site - edge.o, receiver - edge.o
    along_site, along_receiver = dr.dot(to_site, edge.e_hat), dr.dot(to_receiver, edge.e_hat)
    from_site = dr.norm(to_site - along_site * edge.e_hat)
    from_receiver = dr.norm(to_receiver - along_receiver * edge.e_hat)
    return (along_site * from_receiver + along_receiver * from_site) / (from_site + from_receiver)


def _nothing_touches(world: World, edge: Any, point: Any, active: Any) -> Any:
    """Whether the open side of the wedge is empty close to these points of the edge."""
    import drjit as dr
    import mitsuba as mi
    from sionna.rt.utils import spawn_ray_to, wedge_interior_angle

    exterior = 2.0 * np.pi - wedge_interior_angle(edge.n0, edge.nn)
    along_face = -dr.cross(edge.n0, edge.e_hat)  # out of the edge, on the side of the 0-face
    margin = 0.1
    free = mi.Bool(active)
    corners = []
    for step in range(FREE_STEPS + 1):
        angle = margin + (exterior - 2.0 * margin) * (step / FREE_STEPS)
        sine, cosine = dr.sincos(angle)
        corners.append(mi.Point3f(point + FREE_RADIUS_M * (sine * edge.n0 - cosine * along_face)))
    for start, end in itertools.pairwise(corners):
        free &= ~world.sionna.mi_scene.ray_test(spawn_ray_to(start, end), active=free)
    return free


def _with_field(
    world: World, edges: Any, site: Any, receivers: Any, pairs: npt.NDArray[np.uint32]
) -> PathList:
    """Paths over pairs [2, N] of edges and receivers."""
    import drjit as dr
    import mitsuba as mi
    from sionna.rt import RadioMapSolver

    count = pairs.shape[1]
    edge, point, receiver = _pairs(edges, site, receivers, mi.Vector2u(pairs))
    incident, diffracted = point - site, receiver - point
    before, after = dr.norm(incident), dr.norm(diffracted)
    incident, diffracted = incident / before, diffracted / after
    edge.swap_faces(dr.dot(incident, edge.n0) > 0)  # the 0-face is the one that the site lights
    unit = [
        mi.Vector4f(dr.ones(mi.Float, count), 0, 0, 0),
        mi.Vector4f(dr.zeros(mi.Float, count), 1, 0, 0),
    ]
    columns = RadioMapSolver()._evaluate_radio_material_diffraction(
        mi.ShapePtr(edge.shape), edge, point, incident, diffracted, unit, after, before,
        dr.full(mi.Bool, True, count),
    )  # fmt: skip
    scale = world.wavelength_m / (4.0 * np.pi)
    values = np.stack([column.numpy() for column in columns]) * scale  # [2, 4, P]
    response = (values[:, :2] + 1j * values[:, 2:]).transpose(2, 0, 1).astype(np.complex64)
    return PathList(
        receiver=pairs[1].astype(np.int64),
        delay_s=(before + after).numpy().astype(np.float64) / SPEED_OF_LIGHT_M_S,
        departure=incident.numpy().T.astype(np.float32),
        arrival=-diffracted.numpy().T.astype(np.float32),
        response=response,
        kind=np.full(count, PathKind.DIFFRACTION, np.uint8),
    )
