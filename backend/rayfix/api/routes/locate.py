"""POST /api/v1/locate and /api/v1/locate/batch."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response

from rayfix.api.guard import charge
from rayfix.api.json_body import JsonRoute
from rayfix.api.problems import BODY_STATUSES, describe_error, responses
from rayfix.api.replies import query_of, record_of, reply_of
from rayfix.api.schemas import ApiModel, LocateBatchRequest, LocateReply, LocateRequest
from rayfix.api.schemas_lmf import LocationData, location_data, serving_cell
from rayfix.api.schemas_problem import Problem
from rayfix.api.services import Services, ServicesOf
from rayfix.errors import RayFixError
from rayfix.live.record import new_fix_id
from rayfix.locator.fix import LocateResult

router = APIRouter(prefix="/api/v1", tags=["locate"], route_class=JsonRoute)

PATHS = ("/api/v1/locate", "/api/v1/locate/batch")

EXAMPLES = {
    "one report": {
        "summary": "One report of two cells",
        "value": {
            "ue_id": "ue-07",
            "reports": [
                {
                    "time": "2026-11-24T12:00:00Z",
                    "cells": [
                        {"cell_id": "MUC01-1", "rsrp_dbm": -81, "toa_ns": 420, "aoa_deg": 132.5},
                        {"cell_id": "MUC02-3", "rsrp_dbm": -97, "sinr_db": 3.5},
                    ],
                }
            ],
        },
    },
    "why": {
        "summary": "Without refinement, with what explains the answer",
        "value": {
            "reports": [{"time": 0, "cells": [{"cell_id": "MUC01-1", "rsrp_dbm": -81}]}],
            "refine": False,
            "include": ["posterior", "attention", "residuals"],
        },
    },
}


class LocateBatchReply(ApiModel):
    """One answer per request, in their order: a fix, or the problem that this request met."""

    results: list[LocateReply | Problem]


class ReplyFormat(StrEnum):
    """Whose reply: ours, or the LocationData of a 3GPP LMF."""

    RAYFIX = "rayfix"
    LMF = "lmf"


@router.post(
    "/locate",
    response_model=LocateReply | LocationData,
    responses=responses(*BODY_STATUSES, 404, 503),
)
async def locate(
    request: Annotated[LocateRequest, Body(openapi_examples=EXAMPLES)],
    services: ServicesOf,
    format: Annotated[
        ReplyFormat, Query(description="`lmf`: LocationData of TS 29.572")
    ] = ReplyFormat.RAYFIX,
) -> Response:
    """Where a phone is, from one sequence of reports."""
    started = time.perf_counter()
    scene = services.scene(request.scene)
    result = await services.locate_one(query_of(request, scene.name))
    reply = _answer(services, request, result, started)
    if format is ReplyFormat.RAYFIX:
        return _json(reply)
    cells = {cell.cell_id: cell for cell in scene.radio_map.cells}
    serving = cells.get(serving_cell(request.reports) or "")
    return _json(location_data(reply.fix, request.reports, serving.identity if serving else None))


@router.post(
    "/locate/batch", response_model=LocateBatchReply, responses=responses(*BODY_STATUSES, 503)
)
async def locate_batch(
    request: LocateBatchRequest, services: ServicesOf, connection: Request
) -> Response:
    """Many sequences at once. A sequence that cannot be located does not fail the others."""
    started = time.perf_counter()
    charge(connection, services.limits, len(request.requests) - 1)
    default = services.settings.scenes[0]
    outcomes = await services.locate([query_of(r, r.scene or default) for r in request.requests])
    results = [
        describe_error(outcome)
        if isinstance(outcome, RayFixError)
        else _answer(services, single, outcome, started)
        for single, outcome in zip(request.requests, outcomes, strict=True)
    ]
    return _json(LocateBatchReply(results=results))


def _json(body: ApiModel) -> Response:
    """A checked body as it is, not checked once more."""
    return Response(body.model_dump_json(), media_type="application/json")


def _answer(
    services: Services, request: LocateRequest, result: LocateResult, started: float
) -> LocateReply:
    total_ms = 1e3 * (time.perf_counter() - started)
    reply = reply_of(new_fix_id(), result, request.reports, total_ms)
    services.hub.publish(record_of(request, reply))
    return reply
