"""From the locator's answers to reply bodies, and to what is kept of a fix."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict

from rayfix.api.schemas import (
    AttentionBody,
    EllipseBody,
    FixBody,
    GridBody,
    HypothesisBody,
    KeptFix,
    LocateReply,
    LocateRequest,
    PosteriorBody,
    RefinementBody,
    ResidualBody,
    TokenBody,
)
from rayfix.live.feature import rfc3339
from rayfix.live.record import FixRecord
from rayfix.locator.fix import Fix, Grid, LocateOptions, LocateQuery, LocateResult
from rayfix.measurement.report import Report

NOT_KEPT = {"posterior", "attention", "residuals"}
"""Parts of a reply that are computed again from the kept reports when somebody looks."""


def query_of(request: LocateRequest, scene: str) -> LocateQuery:
    """The locator's question of a request."""
    options = LocateOptions(refine_steps=request.refine.steps, include=request.include)
    return LocateQuery(scene, request.reports, options)


def reply_of(
    fix_id: str, result: LocateResult, reports: Sequence[Report], total_ms: float
) -> LocateReply:
    """The reply body of a result."""
    timing = {**result.timing_ms, "total": total_ms}
    refinement = result.refinement
    return LocateReply(
        fix_id=fix_id,
        fix=_fix(result.fix),
        unrefined_fix=None if result.unrefined_fix is None else _fix(result.unrefined_fix),
        hypotheses=[
            HypothesisBody(lat=h.lat, lon=h.lon, weight=h.weight) for h in result.hypotheses
        ],
        refinement=None
        if refinement is None
        else RefinementBody(
            steps=refinement.steps,
            path=list(refinement.path),
            energy_before=refinement.energy_before,
            energy_after=refinement.energy_after,
        ),
        model=result.model,
        scene=result.scene,
        unknown_cells=list(result.unknown_cells),
        timing_ms={name: round(milliseconds, 3) for name, milliseconds in timing.items()},
        posterior=posterior_of(fix_id, result),
        attention=attention_of(fix_id, result, reports),
        residuals=residuals_of(result),
    )


def _fix(fix: Fix) -> FixBody:
    return FixBody(
        lat=fix.lat,
        lon=fix.lon,
        x_m=fix.x_m,
        y_m=fix.y_m,
        accuracy_m=fix.accuracy_m,
        ellipse=EllipseBody(**asdict(fix.ellipse)),
        confidence=fix.confidence,
    )


def residuals_of(result: LocateResult) -> list[ResidualBody] | None:
    """Residuals of a result, when they were asked for."""
    if result.residuals is None:
        return None
    return [ResidualBody(**asdict(residual)) for residual in result.residuals]


def posterior_of(fix_id: str, result: LocateResult) -> PosteriorBody | None:
    """The posterior of a result, when it was asked for."""
    posterior = result.posterior
    if posterior is None:
        return None
    return PosteriorBody(
        fix_id=fix_id,
        scene=result.scene,
        grid=_grid(posterior.grid),
        probability=posterior.probability.tolist(),
    )


def attention_of(
    fix_id: str, result: LocateResult, reports: Sequence[Report]
) -> AttentionBody | None:
    """The attention weights of a result, when they were asked for."""
    attention = result.attention
    if attention is None:
        return None
    layers, heads, _ = attention.map_LHG.shape
    return AttentionBody(
        fix_id=fix_id,
        scene=result.scene,
        grid=_grid(attention.grid),
        layers=layers,
        heads=heads,
        map_attention=attention.map_LHG.tolist(),
        tokens=[
            TokenBody(report=index, time=rfc3339(reports[index].time), cell_id=cell_id)
            for index, cell_id in attention.tokens
        ],
        token_attention=attention.token_LHN.tolist(),
    )


def _grid(grid: Grid) -> GridBody:
    return GridBody(rows=grid.rows, columns=grid.columns, corners=list(grid.corners))


def record_of(request: LocateRequest, reply: LocateReply) -> FixRecord:
    """What the live log keeps of an answered request."""
    fix = reply.fix
    return FixRecord(
        fix_id=reply.fix_id,
        ue_id=request.ue_id,
        scene=reply.scene,
        time_s=max(report.time for report in request.reports),
        received_s=time.time(),
        lat=fix.lat,
        lon=fix.lon,
        accuracy_m=fix.accuracy_m,
        confidence=fix.confidence,
        semi_major_m=fix.ellipse.semi_major_m,
        semi_minor_m=fix.ellipse.semi_minor_m,
        orientation_deg=fix.ellipse.orientation_deg,
        ellipse_confidence=fix.ellipse.confidence,
        detail=_joined(
            reply=reply.model_dump_json(exclude=NOT_KEPT),
            request=request.model_dump_json(include={"reports", "refine"}, exclude_none=True),
        ),
    )


def _joined(**texts: str) -> str:
    """One JSON object of values that are JSON texts already."""
    return "{" + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}"


def kept_request(record: FixRecord) -> LocateRequest:
    """The request of a kept fix."""
    return LocateRequest.model_validate(json.loads(record.detail)["request"])


def kept_fix(record: FixRecord, residuals: list[ResidualBody] | None) -> KeptFix:
    """A kept fix as a body."""
    detail = json.loads(record.detail)
    return KeptFix.model_validate(
        {
            **detail["reply"],
            "residuals": residuals,
            "ue_id": record.ue_id,
            "time": rfc3339(record.time_s),
            "reports": detail["request"]["reports"],
        }
    )
