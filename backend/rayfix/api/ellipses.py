"""Uncertainty ellipses as GeoJSON polygons, for map programs that draw what they are given."""

from __future__ import annotations

from typing import Literal

import numpy as np

from rayfix.api.schemas import ApiModel
from rayfix.api.schemas_live import LiveFixProperties
from rayfix.api.schemas_scenes import Polygon
from rayfix.live.feature import to_feature
from rayfix.live.record import FixRecord

CORNERS = 48
SEMI_MAJOR_AXIS_M, FLATTENING = 6_378_137.0, 1 / 298.257223563
"""WGS 84."""


class EllipseFix(ApiModel):
    """The fix of a UE as a GeoJSON Feature whose geometry is its uncertainty ellipse."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: Polygon
    properties: LiveFixProperties


class LatestEllipses(ApiModel):
    """The latest fix of each UE as ellipses; the feed continues after {epoch, offset}."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    epoch: str
    offset: int
    features: list[EllipseFix]


def to_ellipse(record: FixRecord) -> EllipseFix:
    """A fix with its ellipse as polygon, counter-clockwise (RFC 7946, 3.1.6).

    Metres become degrees by the radii of curvature at the fix (meridian a (1 - e^2) / w^3, prime
    vertical a / w, w^2 = 1 - e^2 sin^2 latitude): exact enough for ellipses of some kilometres.
    """
    feature = to_feature(record)
    angle = np.linspace(0.0, -2 * np.pi, CORNERS, endpoint=False)
    bearing = np.radians(record.orientation_deg)
    along, across = record.semi_major_m * np.cos(angle), record.semi_minor_m * np.sin(angle)
    north_m = along * np.cos(bearing) - across * np.sin(bearing)
    east_m = along * np.sin(bearing) + across * np.cos(bearing)
    latitude = np.radians(record.lat)
    e2 = FLATTENING * (2 - FLATTENING)
    w = np.sqrt(1 - e2 * np.sin(latitude) ** 2)
    meridian_m, vertical_m = SEMI_MAJOR_AXIS_M * (1 - e2) / w**3, SEMI_MAJOR_AXIS_M / w
    lat = record.lat + np.degrees(north_m / meridian_m)
    lon = record.lon + np.degrees(east_m / (vertical_m * np.cos(latitude)))
    ring = [(round(float(x), 7), round(float(y), 7)) for x, y in zip(lon, lat, strict=True)]
    return EllipseFix(
        id=feature["id"],
        geometry=Polygon(coordinates=[[*ring, ring[0]]]),
        properties=LiveFixProperties.model_validate(feature["properties"]),
    )
