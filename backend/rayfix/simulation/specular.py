"""Line-of-sight and specularly reflected paths from one site to many receivers, exact.

Sionna RT's `PathSolver` looks for candidate chains of surfaces by testing every receiver from
every ray's every hit, so its cost grows with rays x receivers. Here a ray proposes its chain only
to the receivers that it passes close by, so one shower of rays serves thousands of receivers. The
proposed chains then go through Sionna RT's own image method and field calculation, which make
them exact or reject them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import drjit as dr
import mitsuba as mi
import numpy as np
import numpy.typing as npt
from sionna.rt import InteractionType, PlanarArray
from sionna.rt.path_solvers.field_calculator import FieldCalculator
from sionna.rt.path_solvers.image_method import ImageMethod
from sionna.rt.path_solvers.paths_buffer import PathsBuffer
from sionna.rt.path_solvers.sample_data import SampleData
from sionna.rt.path_solvers.sb_candidate_generator import SBCandidateGenerator
from sionna.rt.utils.hashing import hash_fnv1a

from rayfix.simulation.bounces import Bounces
from rayfix.simulation.path_list import PathKind, PathList
from rayfix.simulation.rays import ray_directions

if TYPE_CHECKING:
    from rayfix.simulation.world import World

CAPTURE_PIXEL_M = 10.0
"""A ray that crosses the receivers' height proposes its chain to the receivers in the 3 x 3
pixels of this size around the crossing [m]. A wide catch costs little (the image method rejects
what does not fit) and finds chains that only a narrow bundle of rays follows."""
TABLE_BITS = 24
"""Each of two tables of seen (chain, receiver) pairs has 2^TABLE_BITS entries. A pair is new if
either table does not know it: lost only if it collides in both."""
CANDIDATES_PER_RECEIVER = 600
CHAIN_RESOLUTION_M = 0.02
"""Planes closer than this are one plane; exact duplicates are removed at the end."""


class ReceiverGrid:
    """Receivers by pixel, so that a ray finds those near its crossing at once.

    Args:
        xy_m: positions [m], shape [N, 2]; all at one height.
    """

    def __init__(self, xy_m: npt.NDArray[np.float64]) -> None:
        low = xy_m.min(axis=0) - 2.0 * CAPTURE_PIXEL_M
        pixel = np.floor((xy_m - low) / CAPTURE_PIXEL_M).astype(np.int64)
        self.columns, rows = (int(n) for n in pixel.max(axis=0) + 3)
        offsets = np.array([(dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
        around = pixel[:, None, :] + offsets[None]
        number = (around[..., 1] * self.columns + around[..., 0]).ravel()
        order = np.argsort(number, kind="stable")
        counts = np.bincount(number, minlength=self.columns * rows)
        self.low = low
        self.rows = rows
        self.first = mi.UInt(np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32))
        self.receiver = mi.UInt((order // len(offsets)).astype(np.uint32))

    def around(self, point: Any, active: Any) -> tuple[Any, Any]:
        """First and one-past-last place in `receiver` of those near a point."""
        column = (point.x - float(self.low[0])) / CAPTURE_PIXEL_M
        row = (point.y - float(self.low[1])) / CAPTURE_PIXEL_M
        inside = (column >= 0) & (row >= 0) & (column < self.columns) & (row < self.rows)
        pixel = dr.select(inside, mi.UInt(row) * self.columns + mi.UInt(column), 0)
        inside &= active
        return dr.gather(mi.UInt, self.first, pixel, inside), dr.gather(
            mi.UInt, self.first, pixel + 1, inside
        )


def specular_paths(
    world: World,
    site: Any,
    xy_m: npt.NDArray[np.float64],
    *,
    max_depth: int,
    rays: int,
    seed: int,
) -> PathList:
    """Line-of-sight and reflected paths (up to `max_depth` reflections).

    Args:
        site: position, `mi.Point3f`.
        xy_m: receivers [m], shape [N, 2], at the scene's UE height above ground.
        rays: rays shot from the site.
    """
    paths, _ = specular_chains(world, site, xy_m, max_depth=max_depth, rays=rays, seed=seed)
    return paths


def specular_chains(
    world: World,
    site: Any,
    xy_m: npt.NDArray[np.float64],
    *,
    max_depth: int,
    rays: int,
    seed: int,
) -> tuple[PathList, Bounces]:
    """`specular_paths`, and where they bounce."""
    height_m = world.receiver_height_m(xy_m[:, 0], xy_m[:, 1])
    receivers = mi.Point3f(xy_m[:, 0], xy_m[:, 1], height_m)
    buffer = PathsBuffer(len(xy_m) * CANDIDATES_PER_RECEIVER, max_depth, False)
    counter = dr.zeros(mi.UInt, 1)
    SBCandidateGenerator()._los(world.sionna.mi_scene, site, receivers, buffer, counter)
    horizon = world.horizon((site.x[0], site.y[0], site.z[0]))
    directions, _ = ray_directions(rays, np.random.default_rng(seed), horizon)
    with dr.scoped_set_flag(dr.JitFlag.OptimizeLoops, False):
        _propose(world, site, directions, ReceiverGrid(xy_m), buffer, max_depth)
    buffer.schedule()
    dr.eval()
    buffer.shrink()
    return _solved(world, site, receivers, buffer, rays)


@dr.syntax
def _propose(
    world: World,
    site: Any,
    directions: Any,
    grid: ReceiverGrid,
    buffer: PathsBuffer,
    max_depth: int,
) -> None:
    """Bounce the rays and store the chains that pass near receivers in the buffer."""
    rays = dr.width(directions)
    mi_scene = world.sionna.mi_scene
    samples = SampleData(1, rays, max_depth, False)
    tables = [dr.zeros(mi.UInt, 1 << TABLE_BITS) for _ in range(2)]
    ray = mi.Ray3f(mi.Point3f(site), directions)
    ray.time = dr.zeros(mi.Float, rays)
    departure = dr.copy(directions)
    chain = dr.full(mi.UInt64, 14695981039346656037, rays)
    depth = dr.zeros(mi.UInt, rays)
    active = dr.full(mi.Bool, True, rays)
    wedges = dr.zeros(mi.UInt, 1)  # SampleData asks for wedges and ignores them
    while dr.hint(active, label="propose", exclude=[tables, grid]):
        si = mi_scene.ray_intersect(
            ray, coherent=True, ray_flags=mi.RayFlags.Minimal, active=active
        )
        crossing = world.receiver_surface.first(ray, si.t, active & (depth > 0))
        crosses = crossing.valid
        place, end = grid.around(ray(crossing.distance), crosses)
        while dr.hint(place < end, label="near receivers", exclude=[tables, grid]):
            receiver = dr.gather(mi.UInt, grid.receiver, place)
            key = hash_fnv1a(receiver, h=chain)
            slot = mi.UInt(key & ((1 << TABLE_BITS) - 1))
            new = dr.scatter_inc(tables[0], slot, crosses) == 0
            slot = mi.UInt((key >> 32) & ((1 << TABLE_BITS) - 1))
            new |= dr.scatter_inc(tables[1], slot, crosses) == 0
            new &= crosses
            index = dr.scatter_inc(buffer.paths_counter, mi.UInt(0), new)
            new &= index < buffer.buffer_size
            buffer.add_paths(
                depth, index, samples, mi.Bool(False), receiver, departure, -ray.d, new
            )
            place += 1
        active &= si.is_valid() & (depth < max_depth)
        depth += 1
        samples.insert(
            depth, mi.UInt(InteractionType.SPECULAR), si.shape, si.prim_index, wedges, si.p,
            mi.Float(1.0), active,
        )  # fmt: skip
        chain = dr.select(active, _chain_with_plane(chain, si.n, si.p), chain)
        ray = si.spawn_ray(ray.d - 2.0 * dr.dot(ray.d, si.n) * si.n)


def _chain_with_plane(chain: Any, normal: Any, point: Any) -> Any:
    """Key of a chain of surfaces with one more plane, whichever side was hit."""
    flip = (normal.z < -1e-3) | (
        (dr.abs(normal.z) <= 1e-3)
        & ((normal.y < -1e-3) | ((dr.abs(normal.y) <= 1e-3) & (normal.x < 0)))
    )
    normal = dr.select(flip, -normal, normal)
    for value, resolution in (
        (normal.x, 5e-3),
        (normal.y, 5e-3),
        (normal.z, 5e-3),
        (dr.dot(normal, point), CHAIN_RESOLUTION_M),
    ):
        number = mi.Int(dr.round(value / resolution + 0.273))
        chain = hash_fnv1a(dr.reinterpret_array(mi.UInt, number), h=chain)
    return chain


def _solved(
    world: World, site: Any, receivers: Any, buffer: PathsBuffer, rays: int
) -> tuple[PathList, Bounces]:
    """Sionna RT's image method and field calculation on the proposed chains."""
    if buffer.buffer_size == 0:
        return PathList.empty(), Bounces.of(world, buffer)
    isotropic = PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="VH")
    patterns = isotropic.antenna_pattern.patterns
    upright = mi.Point3f(0.0)
    buffer = ImageMethod()(
        scene=world.sionna.mi_scene, paths=buffer, diffraction=False,
        diffraction_lit_region=True, src_positions=site, tgt_positions=receivers,
    )  # fmt: skip
    buffer = FieldCalculator()(
        wavelength=world.sionna.wavelength, paths=buffer, samples_per_src=rays,
        diffraction=False, src_positions=site, tgt_positions=receivers,
        src_orientations=upright, tgt_orientations=dr.zeros(mi.Point3f, dr.width(receivers)),
        src_antenna_patterns=patterns, tgt_antenna_patterns=patterns,
    )  # fmt: skip
    buffer.discard_invalid()
    if buffer.buffer_size == 0:
        return PathList.empty(), Bounces.of(world, buffer)
    response = [
        [buffer.a[received][excited].numpy() for received in range(2)] for excited in range(2)
    ]
    depth = buffer.num_interactions().numpy()
    paths = PathList(
        receiver=buffer.target_indices.numpy().astype(np.int64),
        delay_s=buffer.tau.numpy().astype(np.float64),
        departure=buffer.k_tx.numpy().T.astype(np.float32),
        arrival=buffer.k_rx.numpy().T.astype(np.float32),
        response=np.asarray(response).transpose(2, 0, 1).astype(np.complex64),
        kind=np.where(depth == 0, PathKind.LINE_OF_SIGHT, PathKind.REFLECTION).astype(np.uint8),
    )
    single = _without_duplicates(paths)
    return paths.select(single), Bounces.of(world, buffer).select(single)


def _without_duplicates(paths: PathList) -> npt.NDArray[np.int64]:
    """Indices of one of each path: proposals of one chain may differ in rounding."""
    order = np.lexsort((paths.delay_s, paths.receiver))
    ordered = paths.select(order)
    if len(ordered) < 2:
        return order
    kept = np.ones(len(ordered), bool)
    for back in (1, 2, 3):  # equal delays lie next to each other, in any order
        same = (
            (ordered.receiver[back:] == ordered.receiver[:-back])
            & (np.abs(ordered.delay_s[back:] - ordered.delay_s[:-back]) < 3e-12)
            & (np.abs(ordered.departure[back:] - ordered.departure[:-back]).max(axis=1) < 1e-4)
        )
        kept[back:] &= ~same
    return order[kept]
