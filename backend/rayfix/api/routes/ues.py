"""GET /api/v1/ues and /api/v1/ues/{ue_id}/track."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BeforeValidator

from rayfix.api.caching import GeoJsonResponse
from rayfix.api.ellipses import LatestEllipses, to_ellipse
from rayfix.api.problems import responses
from rayfix.api.schemas import UeId
from rayfix.api.schemas_live import LatestFixes, Track
from rayfix.api.services import ServicesOf
from rayfix.api.track_formats import to_csv, to_kml, to_moving_feature
from rayfix.live.feature import to_feature
from rayfix.live.record import FixRecord
from rayfix.measurement.report import Rfc3339, Seconds

router = APIRouter(prefix="/api/v1/ues", tags=["live"], responses=responses(422, 503))

MAX_TRACK = 10_000


def _number_from_text(value: object) -> object:
    """A query is text: seconds come as digits."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


Moment = Annotated[
    Seconds | None,
    BeforeValidator(_number_from_text, json_schema_input_type=float | Rfc3339 | None),
    Query(description="RFC 3339 or seconds since 1970"),
]


def _features(records: Iterable[FixRecord]) -> list[dict[str, object]]:
    return [to_feature(record) for record in records]


class Shape(StrEnum):
    """Geometry of a fix."""

    POINT = "point"
    ELLIPSE = "ellipse"


class TrackFormat(StrEnum):
    """What a track is written as."""

    GEOJSON = "geojson"
    CSV = "csv"
    KML = "kml"
    MF_JSON = "mfjson"


@router.get("", response_model=LatestFixes | LatestEllipses, response_class=GeoJsonResponse)
async def latest(
    services: ServicesOf,
    shape: Annotated[Shape, Query(description="`ellipse`: of uncertainty")] = Shape.POINT,
) -> Response:
    """The latest fix of each UE as GeoJSON; the live feed continues after {epoch, offset}."""
    state, records = await asyncio.to_thread(services.hub.log.latest)
    body: LatestFixes | LatestEllipses
    if shape is Shape.ELLIPSE:
        ellipses = [to_ellipse(record) for record in records]
        body = LatestEllipses(epoch=state.epoch, offset=state.last, features=ellipses)
    else:
        features = _features(records)
        body = LatestFixes.model_validate(
            {"epoch": state.epoch, "offset": state.last, "features": features}
        )
    return GeoJsonResponse(body.model_dump_json())


CSV, KML = "text/csv; charset=utf-8", "application/vnd.google-earth.kml+xml"
_TEXT = {"schema": {"type": "string"}}


@router.get(
    "/{ue_id}/track",
    response_model=Track,
    response_class=GeoJsonResponse,
    responses={
        200: {
            "content": {
                "text/csv": _TEXT,
                KML: _TEXT,
                "application/json": {"schema": {"$ref": "#/components/schemas/MovingFeature"}},
            }
        }
    },
)
async def track(
    ue_id: Annotated[UeId, Path()],
    services: ServicesOf,
    since: Moment = None,
    until: Moment = None,
    limit: Annotated[int, Query(ge=1, le=MAX_TRACK, description="the newest ones")] = MAX_TRACK,
    format: Annotated[
        TrackFormat, Query(description="`kml`: gx:Track; `mfjson`: OGC Moving Features")
    ] = TrackFormat.GEOJSON,
) -> Response:
    """Fixes of one UE by the time of their reports, oldest first; none for an unknown UE."""
    records = await asyncio.to_thread(services.hub.log.track, ue_id, since, until, limit)
    if format is TrackFormat.CSV:
        return Response(to_csv(records), media_type=CSV)
    if format is TrackFormat.KML:
        return Response(to_kml(ue_id, records), media_type=KML)
    if format is TrackFormat.MF_JSON:
        text = to_moving_feature(ue_id, records).model_dump_json()
        return Response(text, media_type="application/json")
    body = Track.model_validate({"features": _features(records)})
    return GeoJsonResponse(body.model_dump_json())
