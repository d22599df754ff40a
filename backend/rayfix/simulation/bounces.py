"""Where paths bounce: points, normals and materials of their reflections."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import mitsuba as mi
import numpy as np
import numpy.typing as npt
from sionna.rt.path_solvers.paths_buffer import PathsBuffer

if TYPE_CHECKING:
    from rayfix.simulation.world import World


class Bounces(NamedTuple):
    """Where paths bounce: P paths, D reflections at most.

    Attributes:
        point_m: places [m], [P, D, 3].
        normal: unit normals of the surfaces, either side, [P, D, 3].
        material: index of the surface's material in the sorted names of the scene's radio
            materials, [P, D]; -1 where a path has fewer reflections.
    """

    point_m: npt.NDArray[np.float64]
    normal: npt.NDArray[np.float64]
    material: npt.NDArray[np.int64]

    @classmethod
    def of(cls, world: World, buffer: PathsBuffer) -> Bounces:
        """From Sionna RT's buffer after its image method."""
        count, depth = buffer.buffer_size, buffer.depth_dim_size
        if count == 0:
            return cls(np.zeros((0, depth, 3)), np.zeros((0, depth, 3)), np.zeros((0, depth), int))
        names = sorted(world.sionna.radio_materials)
        material_of_shape = {
            int(item.object_id): names.index(item.radio_material.name)
            for item in world.sionna.objects.values()
        }
        points, normals, materials = [], [], []
        for number in range(1, depth + 1):
            active = buffer.num_interactions() >= number
            points.append(buffer.get_vertex(mi.UInt(number), active).numpy().T)
            normals.append(
                buffer.get_primitive_props(
                    mi.UInt(number), return_normal=True, return_vertices=False, active=active
                )
                .numpy()
                .T
            )
            shapes = buffer.get_shape(mi.UInt(number), active).numpy()
            known, place = np.unique(shapes, return_inverse=True)
            index = np.array([material_of_shape.get(int(shape), -1) for shape in known])[place]
            materials.append(np.where(active.numpy(), index, -1))
        return cls(
            np.stack(points, axis=1).astype(np.float64),
            np.stack(normals, axis=1).astype(np.float64),
            np.stack(materials, axis=1).astype(np.int64),
        )

    def select(self, chosen: npt.NDArray[np.int64]) -> Bounces:
        """Those of some paths."""
        return Bounces(self.point_m[chosen], self.normal[chosen], self.material[chosen])

    def padded(self, paths: int) -> Bounces:
        """Followed by paths without reflections, up to this number of paths."""
        more = paths - len(self.material)
        depth = self.material.shape[1]
        return Bounces(
            np.concatenate([self.point_m, np.zeros((more, depth, 3))]),
            np.concatenate([self.normal, np.zeros((more, depth, 3))]),
            np.concatenate([self.material, np.full((more, depth), -1)]),
        )
