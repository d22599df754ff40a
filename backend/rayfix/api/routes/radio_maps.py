"""GET /api/v1/scenes/{scene}/radio-maps/{feature}.png and .json."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from rayfix.api.caching import PngResponse, cached
from rayfix.api.problems import UnknownCellError, UnknownFeatureError, responses
from rayfix.api.schemas_scenes import RadioMapBody
from rayfix.api.services import Services, ServicesOf
from rayfix.locator.loaded_scene import LoadedScene
from rayfix.radio_map.image import BEST_SERVER
from rayfix.radio_map.radio_map import FEATURE_NAMES

router = APIRouter(prefix="/api/v1/scenes/{scene}/radio-maps", tags=["scenes"])

CellName = Annotated[
    str, Query(max_length=64, description="a cell's id, or `best`: per pixel the strongest cell")
]


def _known(services: Services, scene: str, feature: str, cell: str) -> LoadedScene:
    loaded = services.scene(scene)
    if feature not in FEATURE_NAMES:
        known = ", ".join(FEATURE_NAMES)
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
    scene: str, feature: str, services: ServicesOf, request: Request, cell: CellName = BEST_SERVER
) -> Response:
    """The radio map as RGBA PNG, north up, transparent where no path arrives."""
    loaded = _known(services, scene, feature, cell)
    content = await asyncio.to_thread(loaded.picture, feature, cell)
    return cached(request, PngResponse, content)


@router.get("/{feature}.json", responses=responses(404, 422))
async def legend(
    scene: str, feature: str, services: ServicesOf, cell: CellName = BEST_SERVER
) -> RadioMapBody:
    """Where the picture lies, what its colours mean, and its address."""
    loaded = _known(services, scene, feature, cell)
    body = await asyncio.to_thread(loaded.describe, feature, cell)
    image = f"/api/v1/scenes/{quote(loaded.name)}/radio-maps/{feature}.png?cell={quote(cell)}"
    return RadioMapBody.model_validate({**body, "image": image})
