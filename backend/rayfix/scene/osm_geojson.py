"""Reads footprints from GeoJSON (RFC 7946): OpenStreetMap tags, or `height_m` and `base_m`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from rayfix.errors import SourceFileError
from rayfix.scene.osm_source import (
    ROAD_TAGS,
    WATER_TAGS,
    MapArea,
    MapData,
    channel_feature,
    is_water,
    polygons_of,
)
from rayfix.scene.osm_tags import is_area_of


def read_geojson(path: Path) -> MapData:
    """Footprints, roads and water of a FeatureCollection.

    A polygon without `building`, `building:part`, `highway` or water tags counts as a building.

    Raises:
        SourceFileError: not a GeoJSON FeatureCollection, or a geometry is not valid WGS 84.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise SourceFileError(path, f"not a whole GeoJSON file ({error})") from None
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise SourceFileError(path, "a GeoJSON FeatureCollection is expected")
    data = MapData(attribution=str(document.get("attribution", "")))
    for number, feature in enumerate(features):
        _add(path, number, feature, data)
    return data


def _add(path: Path, number: int, feature: Any, data: MapData) -> None:
    identifier = f"feature {number}"
    shape = _geometry(path, identifier, feature)
    properties = feature.get("properties") or {}
    tags = {str(k): _text(v) for k, v in properties.items() if v is not None}
    is_polygon = shape.geom_type in ("Polygon", "MultiPolygon")
    if "highway" in tags:
        data.roads.append(channel_feature(identifier, tags, ROAD_TAGS, shape))
    elif is_water(tags):
        data.water.append(channel_feature(identifier, tags, WATER_TAGS, shape))
    elif not is_polygon:
        data.dropped["a point or a line without an outline"] += 1
    else:
        if "building" not in tags and not is_area_of(tags, "building:part"):
            tags["building"] = "yes"
        if is_area_of(tags, "building") or is_area_of(tags, "building:part"):
            data.multipolygons += shape.geom_type == "MultiPolygon"
            area = polygons_of(data.valid_area(shape))
            data.areas.append(MapArea(identifier, tags, area))


def _text(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _geometry(path: Path, identifier: str, feature: Any) -> BaseGeometry:
    try:
        shape = shapely.force_2d(shapely.geometry.shape(feature["geometry"]))
    except (KeyError, TypeError, ValueError, AttributeError, shapely.GEOSException) as error:
        raise SourceFileError(path, f"{identifier}: not a GeoJSON geometry ({error})") from None
    points = shapely.get_coordinates(shape)
    if not np.isfinite(points).all() or (np.abs(points) > [180, 90]).any():
        raise SourceFileError(
            path, f"{identifier}: longitude and latitude in degrees (WGS 84) are expected"
        )
    return shape
