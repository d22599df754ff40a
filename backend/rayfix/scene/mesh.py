"""Triangle meshes of prisms and of the ground, in the ray tracer's frame: x east, y north, z up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Mesh(NamedTuple):
    """Triangles with outward normals (right-hand rule).

    Attributes:
        vertices: corners [m], shape [V, 3].
        faces: three vertex numbers each, shape [F, 3].
    """

    vertices: FloatArray
    faces: IntArray


def prism(footprint: shapely.Polygon, base_m: float, top_m: float) -> Mesh:
    """Closed prism of a polygon with holes: floor, roof, and a wall at each of its edges.

    Neighbouring faces share their vertices, so that the edges between them can diffract.
    """
    polygon = shapely.orient_polygons(footprint)  # outer ring ccw, holes cw: walls face outwards
    rings = [np.asarray(ring.coords)[:-1] for ring in (polygon.exterior, *polygon.interiors)]
    corners, number = np.unique(np.concatenate(rings), axis=0, return_inverse=True)
    number = number.ravel()
    count = len(corners)
    walls, start = [], 0
    for ring in rings:
        a = number[start : start + len(ring)]
        b = np.roll(a, -1)
        start += len(ring)
        walls += [np.column_stack([a, b, b + count]), np.column_stack([a, b + count, a + count])]
    roof = _triangles(polygon, corners)
    vertices = np.concatenate(
        [
            np.column_stack([corners, np.full(count, base_m)]),
            np.column_stack([corners, np.full(count, top_m)]),
        ]
    )
    return Mesh(vertices, np.concatenate([roof[:, ::-1], roof + count, *walls]))


def _triangles(polygon: shapely.Polygon, corners: FloatArray) -> IntArray:
    """Constrained Delaunay triangles of a polygon, counter-clockwise, as numbers of `corners`."""
    parts = shapely.get_parts(shapely.constrained_delaunay_triangles(polygon))
    points = np.array([part.exterior.coords[:3] for part in parts])[:, :, :2]
    lookup = {tuple(corner): index for index, corner in enumerate(corners.tolist())}
    faces = np.array([[lookup[tuple(point)] for point in three] for three in points.tolist()])
    first, second = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    clockwise = first[:, 0] * second[:, 1] < first[:, 1] * second[:, 0]
    faces[clockwise] = faces[clockwise][:, ::-1]
    return faces


def ground(x_min_m: float, y_min_m: float, x_max_m: float, y_max_m: float) -> Mesh:
    """Flat rectangle at height zero, facing up."""
    vertices = np.array(
        [[x_min_m, y_min_m, 0], [x_max_m, y_min_m, 0], [x_max_m, y_max_m, 0], [x_min_m, y_max_m, 0]]
    )
    return Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]]))


def joined(meshes: Iterable[Mesh]) -> Mesh:
    """All meshes as one; their vertices stay apart."""
    vertices: list[FloatArray] = []
    faces: list[IntArray] = []
    count = 0
    for mesh in meshes:
        vertices.append(mesh.vertices)
        faces.append(mesh.faces + count)
        count += len(mesh.vertices)
    return Mesh(np.concatenate(vertices), np.concatenate(faces))
