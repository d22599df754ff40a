"""Local east-north-up metres of a scene <-> WGS 84 latitude and longitude."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GeoReference:
    """Where a scene's local frame lies on the Earth.

    The local frame is a transverse Mercator projection on WGS 84 that touches the Earth at the
    scene's origin with scale 1 (EPSG method 9807): x = east [m], y = north [m], both zero at the
    origin. Grid north equals true north on the origin's meridian; 3 km east of it, at latitude
    48 deg, they differ by 0.03 deg.
    """

    origin_lat_deg: float
    origin_lon_deg: float

    @property
    def projection(self) -> str:
        """PROJ string of the local frame, understood by pyproj, GDAL and QGIS."""
        return (
            f"+proj=tmerc +lat_0={self.origin_lat_deg!r} +lon_0={self.origin_lon_deg!r} "
            "+k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"
        )

    @cached_property
    def crs(self) -> CRS:
        """The local frame as a coordinate reference system."""
        return CRS.from_proj4(self.projection)

    @cached_property
    def _to_wgs84(self) -> Transformer:
        return Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)

    def to_lat_lon(self, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> tuple[Float64, Float64]:
        """Latitude and longitude [deg] of local points [m]; shapes are kept."""
        lon, lat = self._to_wgs84.transform(np.asarray(x_m, float), np.asarray(y_m, float))
        return np.asarray(lat), np.asarray(lon)

    def to_local(self, lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike) -> tuple[Float64, Float64]:
        """East and north [m] from the scene's origin of WGS 84 points [deg]; shapes are kept."""
        x, y = self._to_wgs84.transform(
            np.asarray(lon_deg, float), np.asarray(lat_deg, float), direction="INVERSE"
        )
        return np.asarray(x), np.asarray(y)
