"""Where antennas can stand: roofs by place, and the ground between them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from rayfix.errors import ArtefactError
from rayfix.scene.buildings import building_parts
from rayfix.scene.catalogue import FoundScene
from rayfix.scene.ground import Ground, ground_of
from rayfix.scene.scene import Scene

FloatArray = npt.NDArray[np.float64]

ROOF_EDGE_M = 1.0
"""A mast on the nearest roof stands this far inside its edge [m]."""

LOWEST_ROOF_M = 6.0
"""Lower roofs carry no macro site [m]."""


class Roofs:
    """Roofs of a scene by place.

    Args:
        polygons: footprints in local metres, shape [N].
        heights_m: roofs above the ground, shape [N].
        grounds_m: ground of each footprint in the scene's frame, shape [N]; default zero.
        ground: the ground elsewhere; default flat at zero.
    """

    def __init__(
        self,
        polygons: Sequence[BaseGeometry],
        heights_m: Sequence[float],
        grounds_m: Sequence[float] | None = None,
        ground: Ground | None = None,
    ) -> None:
        self.polygons = np.asarray(polygons, object)
        self.heights_m = np.asarray(heights_m, float)
        self.tops_m = self.heights_m + (0.0 if grounds_m is None else np.asarray(grounds_m, float))
        self.ground = ground or Ground()
        self._tree = shapely.STRtree(polygons)

    @classmethod
    def load(cls, scene: Scene, path: Path, ground: Ground | None = None) -> Roofs:
        """Read buildings.geojson.

        Raises:
            ArtefactError: the file is missing or not such a file.
        """
        try:
            features = json.loads(path.read_text(encoding="utf-8"))["features"]
            shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
            heights = [float(feature["properties"]["height_m"]) for feature in features]
            grounds = [float(feature["properties"].get("ground_m", 0)) for feature in features]
        except FileNotFoundError:
            raise ArtefactError(path, "the file is missing") from None
        except (ValueError, KeyError, TypeError, shapely.GEOSException) as error:
            raise ArtefactError(path, f"not the buildings of a scene ({error})") from None

        def convert(lon_lat: FloatArray) -> FloatArray:
            return np.column_stack(scene.georeference.to_local(lon_lat[:, 1], lon_lat[:, 0]))

        places = [shapely.transform(shape, convert) for shape in shapes]
        return cls(places, heights, grounds, ground)

    def ground_at(self, x_m: float, y_m: float) -> float:
        """Height of the ground in the scene's frame [m]."""
        return float(self.ground.height_m(x_m, y_m))

    def top_at(self, x_m: float, y_m: float) -> float:
        """Height in the scene's frame [m] of the highest roof over a point, or of the ground."""
        found = self._tree.query(shapely.Point(x_m, y_m), predicate="intersects")
        return float(self.tops_m[found].max()) if len(found) else self.ground_at(x_m, y_m)

    def nearest(self, x_m: float, y_m: float, radius_m: float) -> tuple[float, float] | None:
        """The point itself if a roof is there, else one on the nearest roof within the radius.

        Roofs below `LOWEST_ROOF_M`, or too narrow to stand on, do not count.
        """
        place = shapely.Point(x_m, y_m)
        here = self._tree.query(place, predicate="intersects")
        if (self.heights_m[here] >= LOWEST_ROOF_M).any():
            return x_m, y_m
        best: tuple[float, float] | None = None
        distance = radius_m
        for index in self._tree.query(place, predicate="dwithin", distance=radius_m).tolist():
            if self.heights_m[index] < LOWEST_ROOF_M:
                continue
            inner = self.polygons[index].buffer(-ROOF_EDGE_M)
            if inner.is_empty or inner.distance(place) > distance:
                continue
            distance = inner.distance(place)
            point = shapely.get_point(shapely.shortest_line(inner, place), 0)
            best = point.x, point.y
        return best


def roofs_of(found: FoundScene) -> Roofs:
    """Roofs of a scene: from buildings.geojson in its folder, else from a built-in geometry.

    Raises:
        ArtefactError: the folder of a scene has no such file, or the geometry is damaged.
        RayTracingUnavailableError: the geometry ships with Sionna RT, which is not installed.
    """
    folder = found.folder or Path()
    ground = ground_of(found.scene, folder)
    if found.folder is not None:
        return Roofs.load(found.scene, folder / "buildings.geojson", ground)
    parts = building_parts(found.scene, folder)
    return Roofs(
        [part.footprint for part in parts],
        [part.height_m for part in parts],
        [part.ground_m for part in parts],
        ground,
    )
