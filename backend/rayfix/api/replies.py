"""From the locator's answers to reply bodies, and to what is kept of a fix."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

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
from rayfix.locator.fix import (
    Fix,
    Grid,
    LocateOptions,
    LocateQuery,
    LocateResult,
    Refinement,
    Residual,
)
from rayfix.measurement.report import Report

NOT_KEPT = {"posterior", "attention", "residuals"}
"""Parts of a reply that are computed again from the kept reports when somebody looks."""


def query_of(request: LocateRequest, scene: str) -> LocateQuery:
    """The locator's question of a request."""
    options = LocateOptions(request.refine.steps, frozenset(request.include))
    return LocateQuery(scene, request.reports, options)


def reply_of(
    fix_id: str, result: LocateResult, reports: Sequence[Report], total_ms: float
) -> LocateReply:
    """The reply body of a result; rounded to 0.1 mm and such, so that it stays readable."""
    timing = {**result.timing_ms, "total": total_ms}
    return LocateReply(
        fix_id=fix_id,
        fix=_fix(result.fix),
        unrefined_fix=None if result.unrefined_fix is None else _fix(result.unrefined_fix),
        hypotheses=[
            HypothesisBody(lat=round(h.lat, 8), lon=round(h.lon, 8), weight=round(h.weight, 6))
            for h in result.hypotheses
        ],
        refinement=None if result.refinement is None else _refinement(result.refinement),
        model=result.model,
        scene=result.scene,
        unknown_cells=list(result.unknown_cells),
        timing_ms={name: round(milliseconds, 3) for name, milliseconds in timing.items()},
        posterior=posterior_of(fix_id, result),
        attention=attention_of(fix_id, result, reports),
        residuals=residuals_of(result),
    )


def _fix(fix: Fix) -> FixBody:
    ellipse = fix.ellipse
    return FixBody(
        lat=round(fix.lat, 8),
        lon=round(fix.lon, 8),
        x_m=round(fix.x_m, 3),
        y_m=round(fix.y_m, 3),
        accuracy_m=round(fix.accuracy_m, 3),
        ellipse=EllipseBody(
            semi_major_m=round(ellipse.semi_major_m, 3),
            semi_minor_m=round(ellipse.semi_minor_m, 3),
            orientation_deg=round(ellipse.orientation_deg, 2) % 180.0,
            confidence=ellipse.confidence,
        ),
        confidence=round(fix.confidence, 6),
    )


def _refinement(refinement: Refinement) -> RefinementBody:
    return RefinementBody(
        steps=refinement.steps,
        path=[(round(lat, 8), round(lon, 8)) for lat, lon in refinement.path],
        energy_before=round(refinement.energy_before, 4),
        energy_after=round(refinement.energy_after, 4),
        energies=[round(energy, 4) for energy in refinement.energies],
    )


def residuals_of(result: LocateResult) -> list[ResidualBody] | None:
    """Residuals of a result, when they were asked for."""
    return None if result.residuals is None else residual_bodies(result.residuals)


def residual_bodies(residuals: Sequence[Residual]) -> list[ResidualBody]:
    """Residuals as bodies."""
    return [
        ResidualBody(
            report=r.report,
            cell_id=r.cell_id,
            feature=r.feature,
            unit=r.unit,
            observed=round(r.observed, 3),
            expected=None if r.expected is None else round(r.expected, 3),
            difference=None if r.difference is None else round(r.difference, 3),
            sigma=round(r.sigma, 3),
        )
        for r in residuals
    ]


def _weights(array: npt.NDArray[np.float32]) -> Any:
    """Nested lists of weights, rounded to 1e-7: a tenth of the text of float32 digits."""
    return np.round(array.astype(np.float64), 7).tolist()


def posterior_of(fix_id: str, result: LocateResult) -> PosteriorBody | None:
    """The posterior of a result, when it was asked for."""
    posterior = result.posterior
    if posterior is None:
        return None
    return PosteriorBody(
        fix_id=fix_id,
        scene=result.scene,
        grid=_grid(posterior.grid),
        probability=_weights(posterior.probability),
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
        map_attention=_weights(attention.map_LHG),
        tokens=[
            TokenBody(report=index, time=rfc3339(reports[index].time), cell_id=cell_id)
            for index, cell_id in attention.tokens
        ],
        token_attention=_weights(attention.token_LHN),
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
        serving_cell=serving_cell(request.reports),
        truth_lat=None if request.truth is None else request.truth.lat,
        truth_lon=None if request.truth is None else request.truth.lon,
        detail=_joined(
            reply=reply.model_dump_json(exclude=NOT_KEPT),
            request=request.model_dump_json(include={"reports", "refine"}, exclude_none=True),
        ),
    )


def serving_cell(reports: Sequence[Report]) -> str | None:
    """The cell heard strongest in the last report."""
    last = max(reports, key=lambda report: report.time)
    heard = [(cell.rsrp_dbm, cell.cell_id) for cell in last.cells if cell.rsrp_dbm is not None]
    return max(heard)[1] if heard else None


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
