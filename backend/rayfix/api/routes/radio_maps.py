"""GET /api/v1/scenes/{scene}/radio-maps/{feature}.png, .json and /statistics."""

from __future__ import annotations

import asyncio
import math
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from rayfix.api.caching import PngResponse, cached
from rayfix.api.problems import UnknownCellError, UnknownFeatureError, responses
from rayfix.api.schemas_scenes import AreaStatistics, RadioMapBody
from rayfix.api.services import Services, ServicesOf
from rayfix.errors import InvalidInputError
from rayfix.locator.loaded_scene import LoadedScene
from rayfix.radio_map.image import BEST_SERVER
from rayfix.radio_map.statistics import area_statistics

router = APIRouter(prefix="/api/v1/scenes/{scene}/radio-maps", tags=["scenes"])

CellName = Annotated[
    str, Query(max_length=64, description="a cell's id, or `best`: per pixel the strongest cell")
]


def known_map(services: Services, scene: str, feature: str, cell: str) -> LoadedScene:
    """The scene of a radio map.

    Raises:
        UnknownSceneError, UnknownFeatureError, UnknownCellError: there is no such map.
    """
    loaded = services.scene(scene)
    layers = [layer.name for layer in loaded.radio_map.layers]
    if feature not in layers:
        known = ", ".join(layers)
        raise UnknownFeatureError(f"no radio-map feature '{feature}' (there are: {known})")
    if cell != BEST_SERVER and cell not in loaded.radio_map.cell_index:
        raise UnknownCellError(f"scene '{loaded.name}' has no cell '{cell}'")
    return loaded


@router.get(
    "/{feature}.png",
    responses=responses(404, 422),
    response_class=PngResponse,
)
async def picture(
    scene: str,
    feature: str,
    services: ServicesOf,
    request: Request,
    cell: CellName = BEST_SERVER,
    shown: Annotated[
        str | None,
        Query(alias="range", max_length=64, description="`min,max`: values at the ramp's ends"),
    ] = None,
) -> Response:
    """The radio map as RGBA PNG, north up, transparent where no path arrives."""
    loaded = known_map(services, scene, feature, cell)
    wanted = None if shown is None else _range(shown)
    content = await asyncio.to_thread(loaded.picture, feature, cell, wanted)
    return cached(request, PngResponse, content)


@router.get("/{feature}.json", responses=responses(404, 422))
async def legend(
    scene: str, feature: str, services: ServicesOf, cell: CellName = BEST_SERVER
) -> RadioMapBody:
    """Where the picture lies, what its colours mean, and its address."""
    loaded = known_map(services, scene, feature, cell)
    body = await asyncio.to_thread(loaded.describe, feature, cell)
    image = f"/api/v1/scenes/{quote(loaded.name)}/radio-maps/{feature}.png?cell={quote(cell)}"
    return RadioMapBody.model_validate({**body, "image": image})


def _range(text: str) -> tuple[float, float]:
    low, high = _numbers("range", text, 2)
    if low >= high:
        raise InvalidInputError("range", "min below max is expected")
    return low, high


def _numbers(field: str, text: str, count: int) -> tuple[float, ...]:
    """Finite numbers with commas between them."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise InvalidInputError(field, f"{count} finite numbers with commas are expected")
    return numbers


@router.get("/{feature}/statistics", responses=responses(404, 422))
async def statistics(
    scene: str,
    feature: str,
    services: ServicesOf,
    cell: CellName = BEST_SERVER,
    bbox: Annotated[
        str | None, Query(max_length=128, description="west,south,east,north; default: the map")
    ] = None,
) -> AreaStatistics:
    """Coverage, spread and best servers of a layer over the outdoor places of an area."""
    loaded = known_map(services, scene, feature, cell)
    area = None
    if bbox is not None:
        west, south, east, north = _numbers("bbox", bbox, 4)
        area = (west, south, east, north)
    found = await asyncio.to_thread(area_statistics, loaded.radio_map, feature, cell, area)
    unit = next(layer.unit for layer in loaded.radio_map.layers if layer.name == feature)
    return AreaStatistics.model_validate({**found, "feature": feature, "cell": cell, "unit": unit})
