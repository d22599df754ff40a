"""GET /api/v1/scenes/{scene}/ground/...: height of the ground as map tiles."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response

from rayfix.api.caching import PngResponse, cached
from rayfix.api.problems import UnknownTileError, responses
from rayfix.api.schemas_scenes import Terrain
from rayfix.api.services import ServicesOf
from rayfix.locator.loaded_scene import LoadedScene
from rayfix.radio_map.tiles import MAX_ZOOM, TILE_PIXELS, closest_ground_zoom, exists

router = APIRouter(prefix="/api/v1/scenes/{scene}/ground", tags=["scenes"])

Index = Annotated[int, Path(ge=0, lt=1 << MAX_ZOOM)]


def terrain_of(loaded: LoadedScene) -> Terrain | None:
    """Where the tiles of a scene's ground are; None where it is flat."""
    if loaded.ground is None:
        return None
    return Terrain(
        tiles=f"/api/v1/scenes/{quote(loaded.name)}/ground/{{z}}/{{x}}/{{y}}.png",
        tile_size=TILE_PIXELS,
        maxzoom=closest_ground_zoom(loaded.ground, loaded.radio_map.scene.origin_lat_deg),
    )


@router.get(
    "/{z}/{x}/{y}.png",
    responses={**responses(404, 422), 304: {"description": "the client holds it already"}},
    response_class=PngResponse,
)
async def ground_tile(
    scene: str,
    z: Annotated[int, Path(ge=0, le=MAX_ZOOM)],
    x: Index,
    y: Index,
    services: ServicesOf,
    request: Request,
) -> Response:
    """Height of the ground above the scene's zero, 256 px in web Mercator, y from the north.

    Encoded as "Terrarium": metres = 256 red + green + blue / 256 - 32768.
    """
    loaded = services.scene(scene)
    if loaded.ground is None:
        raise UnknownTileError(f"the ground of scene '{loaded.name}' is flat")
    if not exists(z, x, y):
        raise UnknownTileError(f"zoom {z} has {1 << z} x {1 << z} tiles")
    content = await asyncio.to_thread(loaded.ground_tile, z, x, y)
    return cached(request, PngResponse, content)
