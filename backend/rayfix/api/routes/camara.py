"""POST /location-retrieval/v0.5/retrieve: CAMARA location retrieval 0.5.0 over the latest fix.

Off unless `RAYFIX_CAMARA=true`: it answers for any device that the service holds a fix of, so
whoever has a key with the scope `read` must be entitled to that. A device is the UE whose `ue_id`
is its phone number (`+4915112345678`) or network access identifier (`user@operator.example`).
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rayfix.api.problems import field_path, retry_headers, status_of
from rayfix.api.schemas import UeId
from rayfix.api.services import ServicesOf
from rayfix.errors import InvalidInputError, RayFixError
from rayfix.live.feature import rfc3339
from rayfix.live.record import FixRecord
from rayfix.locator.uncertainty import circle_radius_m

router = APIRouter(tags=["CAMARA"])

PATH = "/location-retrieval/v0.5/retrieve"
CORRELATOR = "x-correlator"
_CORRELATOR = re.compile(r"^[a-zA-Z0-9\-_:;./<>{}]{0,256}$")


class Strict(BaseModel):
    """Unknown properties are refused, as in the draft of 1.0."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Ipv4Address(Strict):
    """Address and either port or private address."""

    publicAddress: str | None = None
    privateAddress: str | None = None
    publicPort: int | None = Field(default=None, ge=0, le=65535)


class Device(Strict):
    """The device by one of its identifiers; addresses are not known here."""

    phoneNumber: Annotated[str | None, Field(pattern=r"^\+[1-9][0-9]{4,14}$")] = None
    networkAccessIdentifier: UeId | None = None
    ipv4Address: Ipv4Address | None = None
    ipv6Address: str | None = None


class RetrievalRequest(Strict):
    """Whose place, how old it may be at most [s], and how large its area [m2]."""

    device: Device | None = None
    maxAge: int | None = Field(default=None, ge=0, description="seconds; 0 = measured just now")
    maxSurface: int | None = Field(default=None, ge=1, description="square metres")


class Center(Strict):
    """WGS 84 [deg]."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class Circle(Strict):
    """Holds the device with 95 %; the radius is at least 1 m by the standard."""

    areaType: Literal["CIRCLE"] = "CIRCLE"
    center: Center
    radius: float = Field(ge=1)


class Location(Strict):
    """When and where a device was located last."""

    lastLocationTime: str = Field(json_schema_extra={"format": "date-time"})
    area: Circle


class CamaraError(Strict):
    """Error of the CAMARA interfaces."""

    status: int
    code: str
    message: str


class CamaraRefusal(RayFixError):  # noqa: N818
    """A request that cannot be fulfilled, by the standard's status and code."""

    code = "camara_refusal"

    def __init__(self, status: int, camara_code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.camara_code = camara_code


_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    429: "TOO_MANY_REQUESTS",
    503: "UNAVAILABLE",
}


def refusal(error: RayFixError) -> Response:
    """An error in CAMARA's shape."""
    if isinstance(error, CamaraRefusal):
        status, code = error.status, error.camara_code
    else:
        status = status_of(error)
        status = 400 if status == 422 else status
        code = _CODES.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    body = CamaraError(status=status, code=code, message=str(error))
    return Response(body.model_dump_json(), status, retry_headers(error), "application/json")


_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": CamaraError, "description": "`INVALID_ARGUMENT`"},
    401: {"model": CamaraError, "description": "`UNAUTHENTICATED`"},
    403: {"model": CamaraError, "description": "`PERMISSION_DENIED`"},
    404: {"model": CamaraError, "description": "`IDENTIFIER_NOT_FOUND`"},
    408: {"model": CamaraError, "description": "the body did not arrive in time"},
    413: {"model": CamaraError, "description": "the body is too large"},
    422: {
        "model": CamaraError,
        "description": "`MISSING_IDENTIFIER`, `UNSUPPORTED_IDENTIFIER`, "
        "`LOCATION_RETRIEVAL.UNABLE_TO_FULFILL_MAX_AGE`, "
        "`LOCATION_RETRIEVAL.UNABLE_TO_FULFILL_MAX_SURFACE`",
    },
    429: {"model": CamaraError, "description": "`TOO_MANY_REQUESTS`"},
    503: {"model": CamaraError, "description": "`UNAVAILABLE`: the live log cannot be reached"},
}


@router.post(
    PATH,
    response_model=Location,
    responses=_ERRORS,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/RetrievalRequest"}}
            },
        }
    },
)
async def retrieve(request: Request, services: ServicesOf) -> Response:
    """The area in which a device was located last."""
    given = request.headers.get(CORRELATOR)
    correlator = given if given is not None and _CORRELATOR.match(given) else None
    try:
        if given != correlator:
            raise InvalidInputError(CORRELATOR, "characters that it may not have")
        asked = _parse(await request.body())
        ue_id = _ue_id(asked.device)
        records = await asyncio.to_thread(services.hub.log.track, ue_id, None, None, 1)
        location = _location(asked, ue_id, records)
        response = Response(location.model_dump_json(), media_type="application/json")
    except RayFixError as error:
        response = refusal(error)
    if correlator is not None:
        response.headers[CORRELATOR] = correlator
    return response


def _parse(body: bytes) -> RetrievalRequest:
    try:
        return RetrievalRequest.model_validate(json.loads(body))
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInputError(field_path(("body", *first["loc"])), first["msg"]) from None
    except (ValueError, RecursionError):
        raise InvalidInputError("body", "JSON is expected") from None


def _ue_id(device: Device | None) -> str:
    if device is not None and (name := device.phoneNumber or device.networkAccessIdentifier):
        return name
    if device is None or not device.model_fields_set:
        raise CamaraRefusal(422, "MISSING_IDENTIFIER", "The device cannot be identified.")
    raise CamaraRefusal(
        422, "UNSUPPORTED_IDENTIFIER", "Devices are known by phone number or access identifier."
    )


def _location(asked: RetrievalRequest, ue_id: str, records: list[FixRecord]) -> Location:
    if not records:
        raise CamaraRefusal(404, "IDENTIFIER_NOT_FOUND", f"There is no fix of device {ue_id}.")
    record = records[-1]
    age_s = time.time() - record.time_s
    # Nothing is measured on demand: "fresh" is what has just been reported.
    if asked.maxAge is not None and age_s > max(asked.maxAge, 1):
        raise CamaraRefusal(
            422,
            "LOCATION_RETRIEVAL.UNABLE_TO_FULFILL_MAX_AGE",
            f"The latest fix is {age_s:.0f} s old.",
        )
    semi_axes_m = (record.semi_major_m, record.semi_minor_m)
    radius_m = max(1.0, float(circle_radius_m(*semi_axes_m, record.ellipse_confidence)))
    surface_m2 = math.pi * radius_m**2
    if asked.maxSurface is not None and surface_m2 > asked.maxSurface:
        raise CamaraRefusal(
            422,
            "LOCATION_RETRIEVAL.UNABLE_TO_FULFILL_MAX_SURFACE",
            f"The area that holds the device with 95 % has {surface_m2:.0f} square metres.",
        )
    return Location(
        lastLocationTime=rfc3339(record.time_s),
        area=Circle(
            center=Center(latitude=round(record.lat, 7), longitude=round(record.lon, 7)),
            radius=round(radius_m, 2),
        ),
    )
