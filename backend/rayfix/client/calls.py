"""Every request that the clients make, in one place for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from rayfix.api.schemas import (
    AttentionBody,
    KeptFix,
    LocateBatchRequest,
    LocateReply,
    LocateRequest,
    PosteriorBody,
)
from rayfix.api.schemas_live import LatestFixes, Track
from rayfix.api.schemas_problem import Problem
from rayfix.api.schemas_scenes import Buildings, Cells, Probe, Roads, SceneBody, Scenes, Water
from rayfix.client.call import Call, reads, written
from rayfix.errors import InvalidInputError
from rayfix.measurement.report import Report

ReportLike = Report | Mapping[str, Any]
RequestLike = LocateRequest | Mapping[str, Any]


class _BatchReply(BaseModel):
    results: list[LocateReply | Problem]


def _path(*segments: str) -> str:
    return "/api/v1/" + "/".join(quote(segment, safe="") for segment in segments)


def request_of(reports: Sequence[ReportLike], given: Mapping[str, Any]) -> LocateRequest:
    """A request, checked before it is sent.

    Raises:
        InvalidInputError: a value breaks a rule; names it.
    """
    try:
        return LocateRequest.model_validate({"reports": list(reports), **given})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidInputError(field, first["msg"]) from None


def locate(request: LocateRequest) -> Call[LocateReply]:
    return Call("POST", _path("locate"), reads(LocateReply), body=written(request))


def locate_batch(requests: Sequence[RequestLike]) -> Call[list[LocateReply | Problem]]:
    checked = tuple(
        request
        if isinstance(request, LocateRequest)
        else request_of(request.get("reports", ()), {**request})
        for request in requests
    )
    body = written(LocateBatchRequest.model_construct(requests=checked))
    read = reads(_BatchReply)
    return Call("POST", _path("locate", "batch"), lambda text: read(text).results, body=body)


def scenes() -> Call[Scenes]:
    return Call("GET", _path("scenes"), reads(Scenes))


def scene(name: str) -> Call[SceneBody]:
    return Call("GET", _path("scenes", name), reads(SceneBody))


def cells(scene: str) -> Call[Cells]:
    return Call("GET", _path("scenes", scene, "cells.geojson"), reads(Cells))


def buildings(scene: str) -> Call[Buildings]:
    return Call("GET", _path("scenes", scene, "buildings.geojson"), reads(Buildings))


def roads(scene: str) -> Call[Roads]:
    return Call("GET", _path("scenes", scene, "roads.geojson"), reads(Roads))


def water(scene: str) -> Call[Water]:
    return Call("GET", _path("scenes", scene, "water.geojson"), reads(Water))


def probe(scene: str, lat: float, lon: float) -> Call[Probe]:
    query = {"lat": lat, "lon": lon}
    return Call("GET", _path("scenes", scene, "probe"), reads(Probe), query)


def radio_map(scene: str, feature: str, format: str, cell: str) -> Call[bytes]:
    path = _path("scenes", scene, "radio-maps", f"{feature}.{format}")
    return Call("GET", path, bytes, {"cell": cell} if format == "png" else {})


def ues() -> Call[LatestFixes]:
    return Call("GET", _path("ues"), reads(LatestFixes))


def track(ue_id: str, since: float | str | None, until: float | str | None) -> Call[Track]:
    given = {"since": since, "until": until}
    query = {name: value for name, value in given.items() if value is not None}
    return Call("GET", _path("ues", ue_id, "track"), reads(Track), query)


def fix(fix_id: str) -> Call[KeptFix]:
    return Call("GET", _path("fixes", fix_id), reads(KeptFix))


def posterior(fix_id: str, detail: str) -> Call[PosteriorBody]:
    query = {"detail": detail}
    return Call("GET", _path("fixes", fix_id, "posterior"), reads(PosteriorBody), query)


def attention(fix_id: str) -> Call[AttentionBody]:
    return Call("GET", _path("fixes", fix_id, "attention"), reads(AttentionBody))
