"""GET /api/v1/scenes and what belongs to one scene."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from rayfix.api.caching import GeoJsonResponse, cached
from rayfix.api.problems import UnknownCellError, responses
from rayfix.api.routes.ground import terrain_of
from rayfix.api.schemas_live import Point
from rayfix.api.schemas_scenes import (
    Buildings,
    CellFeature,
    CellProperties,
    Cells,
    FeatureBody,
    Place,
    Probe,
    Roads,
    SceneBody,
    Scenes,
    SceneSummary,
    Water,
)
from rayfix.api.services import ServicesOf
from rayfix.geo import GeoReference
from rayfix.locator.loaded_scene import LoadedScene
from rayfix.radio_map.probe import probe as probe_map
from rayfix.scene.cell import Cell

router = APIRouter(prefix="/api/v1/scenes", tags=["scenes"])


def _summary(loaded: LoadedScene) -> dict[str, object]:
    scene = loaded.radio_map.scene
    extent = scene.extent
    lat, lon = scene.georeference.to_lat_lon(
        (extent.x_min_m + extent.x_max_m) / 2, (extent.y_min_m + extent.y_max_m) / 2
    )
    return {
        "name": scene.name,
        "title": scene.title,
        "origin": Place(lat=scene.origin_lat_deg, lon=scene.origin_lon_deg),
        "center": Place(lat=float(lat), lon=float(lon)),
        "corners": loaded.corners,
    }


@router.get("")
async def scenes(services: ServicesOf) -> Scenes:
    """Every scene that the service knows."""
    loaded = (services.scene(name) for name in services.settings.scenes)
    return Scenes(scenes=[SceneSummary.model_validate(_summary(scene)) for scene in loaded])


@router.get("/{scene}", responses=responses(404))
async def scene_by_name(scene: str, services: ServicesOf) -> SceneBody:
    """A scene with its cells and radio-map features."""
    loaded = services.scene(scene)
    return SceneBody.model_validate(
        {
            **_summary(loaded),
            "ue_height_m": loaded.radio_map.scene.ue_height_m,
            "features": [FeatureBody(**feature._asdict()) for feature in loaded.radio_map.layers],
            "cells": [cell.cell_id for cell in loaded.radio_map.cells],
            "model": services.locator.model,
            "attribution": loaded.radio_map.scene.attribution,
            "terrain": terrain_of(loaded),
        }
    )


@router.get(
    "/{scene}/cells.geojson",
    responses=responses(404),
    response_model=Cells,
    response_class=GeoJsonResponse,
)
async def cells(scene: str, services: ServicesOf, request: Request) -> Response:
    """The cells as GeoJSON points; bearings are clockwise from true north."""
    loaded = services.scene(scene)
    georeference = loaded.radio_map.scene.georeference
    known = zip(loaded.radio_map.cells, loaded.bearings_deg, strict=True)
    content = Cells(
        features=[_cell_feature(cell, bearing, georeference) for cell, bearing in known]
    ).model_dump_json()
    return cached(request, GeoJsonResponse, content.encode())


def _cell_feature(cell: Cell, bearing_deg: float | None, georeference: GeoReference) -> CellFeature:
    lat, lon = georeference.to_lat_lon(cell.x_m, cell.y_m)
    return CellFeature(
        id=cell.cell_id,
        geometry=Point(coordinates=(round(float(lon), 7), round(float(lat), 7))),
        properties=CellProperties(
            cell_id=cell.cell_id,
            site_id=cell.site_id,
            bearing_deg=bearing_deg,
            downtilt_deg=cell.downtilt_deg,
            height_m=cell.z_m,
            power_dbm=cell.power_dbm,
            carrier_hz=cell.carrier_hz,
            bandwidth_hz=cell.bandwidth_hz,
            pci=cell.pci,
        ),
    )


@router.get(
    "/{scene}/buildings.geojson",
    responses=responses(404),
    response_model=Buildings,
    response_class=GeoJsonResponse,
)
async def buildings(scene: str, services: ServicesOf, request: Request) -> Response:
    """Footprints with heights as GeoJSON polygons."""
    return cached(request, GeoJsonResponse, services.scene(scene).buildings)


@router.get(
    "/{scene}/roads.geojson",
    responses=responses(404),
    response_model=Roads,
    response_class=GeoJsonResponse,
)
async def roads(scene: str, services: ServicesOf, request: Request) -> Response:
    """Roads and paths with their names, as far as the scene was made from a map that has them."""
    return cached(request, GeoJsonResponse, services.scene(scene).roads)


@router.get(
    "/{scene}/water.geojson",
    responses=responses(404),
    response_model=Water,
    response_class=GeoJsonResponse,
)
async def water(scene: str, services: ServicesOf, request: Request) -> Response:
    """Water bodies and waterways, as far as the scene was made from a map that has them."""
    return cached(request, GeoJsonResponse, services.scene(scene).water)


@router.get(
    "/{scene}/drive-test.geojson",
    responses=responses(404),
    response_class=GeoJsonResponse,
)
async def drive_test(
    scene: str,
    services: ServicesOf,
    request: Request,
    cell: Annotated[
        str, Query(max_length=64, description="a cell's id, or `best`: the strongest at each point")
    ] = "best",
) -> Response:
    """Places of the drive test that a map was made from, with measured minus expected RSRP.

    Empty for a map that was traced.
    """
    loaded = services.scene(scene)
    if cell != "best" and cell not in loaded.radio_map.cell_index:
        raise UnknownCellError(f"scene '{loaded.name}' has no cell '{cell}'")
    content = await asyncio.to_thread(loaded.drive_points, cell)
    return cached(request, GeoJsonResponse, content)


@router.get("/{scene}/probe", responses=responses(404, 422))
async def probe(
    scene: str,
    services: ServicesOf,
    lat: Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False)],
    lon: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)],
) -> Probe:
    """What the radio map says at a point: every cell, strongest first."""
    return Probe.model_validate(probe_map(services.scene(scene).radio_map, lat, lon))
