"""GET /api/v1/fixes/{fix_id}, with attention and posterior: a kept fix, and why."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from rayfix.api.problems import UnknownFixError, responses
from rayfix.api.replies import (
    attention_of,
    kept_fix,
    kept_request,
    posterior_of,
    query_of,
    residual_bodies,
    residuals_of,
)
from rayfix.api.schemas import AttentionBody, KeptFix, LocateRequest, PosteriorBody, ResidualBody
from rayfix.api.services import Services, ServicesOf
from rayfix.live.record import FIX_ID_PATTERN, FixRecord
from rayfix.locator.fix import LocateResult

router = APIRouter(prefix="/api/v1/fixes", tags=["fixes"], responses=responses(404, 422, 503))

FixId = Annotated[str, Path(pattern=FIX_ID_PATTERN.pattern, description="ULID of the fix")]


@dataclass(frozen=True)
class _LocatedAgain:
    record: FixRecord
    request: LocateRequest
    result: LocateResult


async def _locate_again(services: Services, fix_id: str, include: str) -> _LocatedAgain:
    """A kept fix located once more from its reports: the same model and map give the same answer,
    so nothing large has to be kept."""
    record = await asyncio.to_thread(services.hub.get, fix_id)
    if record is None:
        raise UnknownFixError(f"no fix '{fix_id}' is kept")
    request = kept_request(record).model_copy(update={"include": (include,)})
    result = await services.locate_one(query_of(request, record.scene))
    return _LocatedAgain(record, request, result)


@router.get("/{fix_id}", response_model_exclude_unset=True)
async def fix(fix_id: FixId, services: ServicesOf) -> KeptFix:
    """The reply of a fix, with its reports and residuals."""
    again = await _locate_again(services, fix_id, "residuals")
    return kept_fix(again.record, residuals_of(again.result))


@router.get("/{fix_id}/attention")
async def attention(fix_id: FixId, services: ServicesOf) -> AttentionBody:
    """Where the network looked: on the map, and among the measurements."""
    again = await _locate_again(services, fix_id, "attention")
    body = attention_of(fix_id, again.result, again.request.reports)
    assert body is not None
    return body


@router.get("/{fix_id}/posterior")
async def posterior(
    fix_id: FixId,
    services: ServicesOf,
    detail: Annotated[
        Literal["coarse", "pixels"],
        Query(
            description="`coarse`: the network's coarse grid over the whole map; `pixels`: the "
            "map's own resolution, over the rectangle where anything is worth showing"
        ),
    ] = "coarse",
) -> PosteriorBody:
    """How probable each place is."""
    include = {"coarse": "posterior", "pixels": "pixel_posterior"}[detail]
    again = await _locate_again(services, fix_id, include)
    body = posterior_of(fix_id, again.result)
    assert body is not None
    return body


@router.get("/{fix_id}/residuals", response_model=list[ResidualBody])
async def residuals(
    fix_id: FixId,
    services: ServicesOf,
    lat: Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False)],
    lon: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)],
) -> list[ResidualBody]:
    """What the fix's reports would differ by from the map if the phone were at a place."""
    record = await asyncio.to_thread(services.hub.get, fix_id)
    if record is None:
        raise UnknownFixError(f"no fix '{fix_id}' is kept")
    query = query_of(kept_request(record), record.scene)
    return residual_bodies(await asyncio.to_thread(services.locator.residuals, query, lat, lon))
