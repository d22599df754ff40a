"""Radio maps for map programs: XYZ tiles with their TileJSON 3.0.0, and Cloud-Optimized GeoTIFF."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath
from pydantic import Field
from starlette.responses import FileResponse

from rayfix.api.caching import PngResponse, cached
from rayfix.api.problems import UnknownTileError, responses
from rayfix.api.routes.radio_maps import CellName, known_map
from rayfix.api.schemas import ApiModel
from rayfix.api.schemas_scenes import Legend
from rayfix.api.services import ServicesOf
from rayfix.radio_map.export import export_cog
from rayfix.radio_map.image import BEST_SERVER
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.tiles import MAX_ZOOM, bounds_of, exists, zooms_of

router = APIRouter(prefix="/api/v1/scenes/{scene}/radio-maps/{feature}", tags=["radio maps"])

Index = Annotated[int, InPath(ge=0, lt=1 << MAX_ZOOM)]


class TileJson(ApiModel):
    """TileJSON 3.0.0; `units` and `legend_stops` are ours."""

    tilejson: Literal["3.0.0"] = "3.0.0"
    name: str
    description: str
    attribution: str
    scheme: Literal["xyz"] = "xyz"
    tiles: list[str]
    vector_layers: list[str] = Field(default=[], description="none: the tiles are pictures")
    bounds: tuple[float, float, float, float]
    center: tuple[float, float, float]
    minzoom: int
    maxzoom: int
    units: str
    legend_stops: Legend


class TiffResponse(FileResponse):
    """A GeoTIFF file, of which parts may be asked for."""

    media_type = "image/tiff"


@router.get("/tiles.json", responses=responses(404, 422))
async def tile_json(
    scene: str, feature: str, services: ServicesOf, request: Request, cell: CellName = BEST_SERVER
) -> TileJson:
    """Where the tiles are, for QGIS, MapLibre and others; a `?key=` goes on into the addresses."""
    loaded = known_map(services, scene, feature, cell)
    described = await asyncio.to_thread(loaded.describe, feature, cell)
    bounds, zooms = bounds_of(loaded.radio_map), zooms_of(loaded.radio_map)
    query = {"cell": cell}
    if key := request.query_params.get("key"):
        query["key"] = key
    folder = f"{request.base_url}api/v1/scenes/{quote(loaded.name)}/radio-maps/{feature}/tiles"
    return TileJson(
        name=f"{loaded.name} {feature} {cell}",
        description=f"{described['label']} [{described['unit']}]",
        attribution=loaded.radio_map.scene.attribution,
        tiles=[f"{folder}/{{z}}/{{x}}/{{y}}.png?{urlencode(query)}"],
        bounds=bounds,
        center=((bounds.west + bounds.east) / 2, (bounds.south + bounds.north) / 2, zooms.min + 2),
        minzoom=zooms.min,
        maxzoom=zooms.max,
        units=described["unit"],
        legend_stops=Legend.model_validate(described["legend"]),
    )


@router.get(
    "/tiles/{z}/{x}/{y}.png",
    responses={**responses(404, 422), 304: {"description": "the client holds it already"}},
    response_class=PngResponse,
)
async def tile(
    scene: str,
    feature: str,
    z: Annotated[int, InPath(ge=0, le=MAX_ZOOM)],
    x: Index,
    y: Index,
    services: ServicesOf,
    request: Request,
    cell: CellName = BEST_SERVER,
) -> Response:
    """One tile of 256 px in web Mercator, y from the north."""
    loaded = known_map(services, scene, feature, cell)
    if not exists(z, x, y):
        raise UnknownTileError(f"zoom {z} has {1 << z} x {1 << z} tiles")
    content = await asyncio.to_thread(loaded.tile, feature, cell, z, x, y)
    return cached(request, PngResponse, content)


@router.get(
    ".tif",
    responses={
        **responses(404, 422, 501),
        206: {"description": "the part that `Range` asks for"},
        400: {"description": "`Range` is malformed", "content": {"text/plain": {}}},
        416: {"description": "`Range` lies beyond the file", "content": {"text/plain": {}}},
    },
    response_class=TiffResponse,
)
async def geotiff(scene: str, feature: str, services: ServicesOf) -> TiffResponse:
    """The radio map as Cloud-Optimized GeoTIFF: one band per cell, NaN where no path arrives."""
    loaded = known_map(services, scene, feature, BEST_SERVER)
    path = await asyncio.to_thread(_geotiffs.path, loaded.radio_map, feature)
    return TiffResponse(path, filename=f"{loaded.name}-{feature}.tif")


class _GeoTiffs:
    """Files made when they are first asked for, one folder per map, gone with the map."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folders: dict[int, tempfile.TemporaryDirectory[str]] = {}

    def path(self, radio_map: RadioMap, feature: str) -> Path:
        """The file of a feature.

        Raises:
            MissingExtraError: rasterio is missing.
        """
        with self._lock:
            folder = self._folders.get(id(radio_map))
            if folder is None:
                folder = self._folders[id(radio_map)] = tempfile.TemporaryDirectory("rayfix-cog")
                weakref.finalize(radio_map, self._folders.pop, id(radio_map), None)
            file = Path(folder.name) / f"{feature}.tif"
            if not file.exists():
                export_cog(radio_map, Path(folder.name), [feature])
            return file


_geotiffs = _GeoTiffs()
