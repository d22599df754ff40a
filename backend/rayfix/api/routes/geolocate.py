"""POST /v1/geolocate: the Google Geolocation API's shape, for clients that speak it already.

Cell towers are found by their identity in the network (cells.yaml, `identity`). `accuracy` is the
radius that holds 95 % (as ichnaea defines it). Beyond the standard, `rsrp`, `rsrq` and `sinr` of a
tower are read when they are there; unknown keys are ignored.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rayfix.api.problems import field_path, retry_headers, status_of
from rayfix.api.services import Services, ServicesOf
from rayfix.errors import RayFixError
from rayfix.locator.fix import LocateQuery
from rayfix.locator.loaded_scene import NetworkName
from rayfix.measurement.report import CellMeasurement, Report

router = APIRouter(tags=["geolocate"])

PATHS = ("/v1/geolocate", "/geolocation/v1/geolocate")
"""The second is Google's own path, for clients that can be given another host only."""
MAX_AGE_MS = 3_600_000
MAX_NCI = (1 << 36) - 1

RadioType = Literal["gsm", "cdma", "wcdma", "lte", "nr"]
CountryCode = Annotated[int | None, Field(ge=0, le=999)]


class CellTower(BaseModel):
    """A tower of the request; every field is optional, unknown ones are ignored."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    radioType: RadioType | None = None
    mobileCountryCode: CountryCode = None
    mobileNetworkCode: CountryCode = None
    locationAreaCode: int | None = Field(default=None, ge=0, le=0xFFFFFF)
    cellId: int | None = Field(default=None, ge=0, le=0xFFFFFFFF)
    newRadioCellId: int | None = Field(default=None, ge=0, le=MAX_NCI)
    age: int = Field(default=0, ge=0, le=MAX_AGE_MS, description="milliseconds since heard")
    signalStrength: float | None = Field(default=None, description="dBm; RSRP for LTE and NR")
    timingAdvance: float | None = None
    rsrp: float | None = Field(default=None, description="extension")
    rsrq: float | None = Field(default=None, description="extension")
    sinr: float | None = Field(default=None, description="extension")


class GeolocateRequest(BaseModel):
    """Request of the Google Geolocation API; only cell towers are used."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    homeMobileCountryCode: CountryCode = None
    homeMobileNetworkCode: int | None = Field(default=None, ge=0, le=32767)
    radioType: RadioType | None = None
    carrier: str | None = None
    considerIp: bool = True
    cellTowers: list[CellTower] = Field(default=[], max_length=64)


class GeolocatePlace(BaseModel):
    """Where."""

    lat: float
    lng: float


class GeolocateReply(BaseModel):
    """Reply of the Google Geolocation API."""

    model_config = ConfigDict(allow_inf_nan=False)

    location: GeolocatePlace
    accuracy: float = Field(description="radius that holds 95 %, metres")


class GoogleErrorItem(BaseModel):
    """One reason."""

    domain: str
    reason: str
    message: str


class GoogleErrorBody(BaseModel):
    """Code and reasons."""

    code: int
    message: str
    errors: list[GoogleErrorItem]


class GoogleError(BaseModel):
    """Error of the Google APIs."""

    error: GoogleErrorBody


def google_error(
    status: int, domain: str, reason: str, message: str, headers: dict[str, str] | None = None
) -> Response:
    """An error in the shape that Google's clients read."""
    item = GoogleErrorItem(domain=domain, reason=reason, message=message)
    body = GoogleErrorBody(code=status, message=message, errors=[item])
    return Response(GoogleError(error=body).model_dump_json(), status, headers, "application/json")


_REFUSALS: dict[int, tuple[int, str, str]] = {
    400: (400, "global", "parseError"),
    401: (400, "usageLimits", "keyInvalid"),
    403: (400, "usageLimits", "keyInvalid"),
    404: (404, "geolocation", "notFound"),
    408: (408, "global", "parseError"),
    413: (413, "global", "parseError"),
    422: (404, "geolocation", "notFound"),
    429: (403, "usageLimits", "userRateLimitExceeded"),
}
"""Our status -> status, domain and reason that Google uses."""


def refusal(error: RayFixError) -> Response:
    """An error in Google's shape, with Google's status."""
    unavailable = (503, "global", "serviceUnavailable")
    status, domain, reason = _REFUSALS.get(status_of(error), unavailable)
    headers = retry_headers(error)
    headers.pop("WWW-Authenticate", None)
    return google_error(status, domain, reason, str(error), headers)


_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {
        "model": GoogleError,
        "description": "`parseError`: not JSON, or of the wrong shape; `keyInvalid`",
    },
    403: {"model": GoogleError, "description": "`userRateLimitExceeded`: see `Retry-After`"},
    404: {"model": GoogleError, "description": "`notFound`: no tower is known"},
    408: {"model": GoogleError, "description": "the body did not arrive in time"},
    413: {"model": GoogleError, "description": "the body is too large"},
    503: {"model": GoogleError, "description": "`serviceUnavailable`: busy"},
}


_DESCRIBED: dict[str, Any] = {
    "response_model": GeolocateReply,
    "responses": _ERRORS,
    "openapi_extra": {
        "requestBody": {
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/GeolocateRequest"}}
            },
        }
    },
}


@router.post(PATHS[0], **_DESCRIBED)
@router.post(PATHS[1], **_DESCRIBED, include_in_schema=False)
async def geolocate(request: Request, services: ServicesOf) -> Response:
    """Where a device is, from the cell towers it hears."""
    try:
        body = GeolocateRequest.model_validate(
            json.loads(await request.body() or b"{}", parse_constant=_refuse_constant)
        )
    except ValidationError as error:
        first = error.errors()[0]
        message = f"{field_path(('body', *first['loc']))}: {first['msg']}"
        return google_error(400, "global", "parseError", message)
    except (ValueError, RecursionError) as error:
        return google_error(400, "global", "parseError", f"Not JSON: {error}")
    scene, reports = _heard(body, services)
    if not reports:
        return google_error(404, "geolocation", "notFound", "No known cell tower in the request")
    try:
        result = await services.locate_one(LocateQuery(scene, reports))
    except RayFixError as error:
        return refusal(error)
    fix = result.fix
    reply = GeolocateReply(
        location=GeolocatePlace(lat=fix.lat, lng=fix.lon), accuracy=fix.accuracy_95_m
    )
    return Response(reply.model_dump_json(), media_type="application/json")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _heard(body: GeolocateRequest, services: Services) -> tuple[str, tuple[Report, ...]]:
    """The scene that knows most of the towers, and what was heard of them as reports."""
    known = {
        name: _reports(body, services.scene(name).cell_by_network_name)
        for name in services.settings.scenes
    }
    return max(known.items(), key=lambda item: sum(len(report.cells) for report in item[1]))


def _reports(body: GeolocateRequest, names: Mapping[NetworkName, str]) -> tuple[Report, ...]:
    """Known towers as reports, those of one age together."""
    by_age: dict[int, dict[str, CellMeasurement]] = defaultdict(dict)
    for tower in body.cellTowers:
        cell_id = names.get(_network_name(tower, body))
        if cell_id is not None:
            by_age[tower.age][cell_id] = _measurement(cell_id, tower)
    now = time.time()
    return tuple(
        Report(time=now - age / 1e3, cells=tuple(by_age[age].values()))
        for age in sorted(by_age, reverse=True)
    )


def _network_name(tower: CellTower, body: GeolocateRequest) -> NetworkName:
    """Radio type, MCC, MNC and cell identity; -1 stands for what is missing."""
    radio_type = tower.radioType or body.radioType
    if radio_type is None:
        radio_type = "lte" if tower.newRadioCellId is None else "nr"
    identity = tower.newRadioCellId if radio_type == "nr" else tower.cellId
    country, network = tower.mobileCountryCode, tower.mobileNetworkCode
    country = body.homeMobileCountryCode if country is None else country
    network = body.homeMobileNetworkCode if network is None else network
    country, network, identity = (
        -1 if number is None else number for number in (country, network, identity)
    )
    return radio_type, country, network, identity


def _measurement(cell_id: str, tower: CellTower) -> CellMeasurement:
    """The tower's numbers; those outside what 3GPP can report are left out."""
    candidates: dict[str, float | int | None] = {
        "rsrp_dbm": tower.signalStrength if tower.rsrp is None else tower.rsrp,
        "rsrq_db": tower.rsrq,
        "sinr_db": tower.sinr,
        "timing_advance": None if tower.timingAdvance is None else round(tower.timingAdvance),
    }
    kept: dict[str, Any] = {"cell_id": cell_id}
    for name, value in candidates.items():
        try:
            CellMeasurement.model_validate({"cell_id": cell_id, name: value})
        except ValidationError:
            continue
        kept[name] = value
    return CellMeasurement.model_validate(kept)
