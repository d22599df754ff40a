"""Height of the ground of a scene: flat at zero, or a mesh of its geometry."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

from rayfix.errors import ArtefactError
from rayfix.scene.mesh_files import geometry_file, shape_files
from rayfix.scene.scene import Scene

FloatArray = npt.NDArray[np.float64]

STEP_M = 5.0
"""The ground along an outline is looked up at least this often [m]."""


class Ground:
    """A surface with one height per place.

    Args:
        triangles: local metres, shape [N, 3 corners, 3]; none: flat at zero.
    """

    def __init__(self, triangles: FloatArray | None = None) -> None:
        self.triangles = np.zeros((0, 3, 3)) if triangles is None else triangles

    @property
    def is_flat(self) -> bool:
        """Whether the ground lies at zero everywhere."""
        return not len(self.triangles)

    def height_m(self, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> FloatArray:
        """Height in the scene's frame [m]; beside the mesh that of its nearest corner."""
        x, y = np.broadcast_arrays(np.asarray(x_m, float), np.asarray(y_m, float))
        if self.is_flat:
            return np.zeros(x.shape)
        places = np.column_stack([x.ravel(), y.ravel()])
        height = np.full(len(places), -np.inf)
        point, face = self._tree.query(shapely.points(places), predicate="intersects")
        a, b, c = np.moveaxis(self.triangles[face], 1, 0)
        normal = np.cross(b - a, c - a)
        slope = ((places[point] - a[:, :2]) * normal[:, :2]).sum(axis=1)
        upright = np.abs(normal[:, 2]) > 1e-9
        found = np.where(upright, a[:, 2] - slope / np.where(upright, normal[:, 2], 1), -np.inf)
        np.maximum.at(height, point, found)
        beside = np.isinf(height)
        if beside.any():
            corners = self.triangles.reshape(-1, 3)
            height[beside] = corners[self._corners.query(places[beside])[1], 2]
        return height.reshape(x.shape)

    def lowest_m(self, footprint: shapely.Polygon) -> float:
        """Least height along the outline of a footprint [m]."""
        if self.is_flat:
            return 0.0
        outline = shapely.get_coordinates(shapely.segmentize(footprint.exterior, STEP_M))
        return float(self.height_m(*outline.T).min())

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(np.asarray(shapely.polygons(self.triangles[:, :, :2])))

    @cached_property
    def _corners(self) -> cKDTree:
        return cKDTree(self.triangles.reshape(-1, 3)[:, :2])


def ground_of(scene: Scene, folder: Path) -> Ground:
    """The ground of a scene, read from its geometry.

    Raises:
        ArtefactError: the geometry is missing or has no such shape.
    """
    if not scene.ground_mesh:
        return Ground()
    import trimesh

    xml = geometry_file(scene, folder)
    for name, path in shape_files(xml):
        if name == scene.ground_mesh:
            mesh = trimesh.load_mesh(path, process=False)
            return Ground(np.asarray(mesh.triangles, np.float64))
    raise ArtefactError(xml, f"no shape is called '{scene.ground_mesh}', the ground of the scene")
