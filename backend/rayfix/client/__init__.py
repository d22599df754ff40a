"""Client of a RayFix service, with the service's own types.

    from rayfix.client import Client

    with Client("http://localhost:8000", key="rfx_...") as client:
        reply = client.locate([{"time": 0, "cells": [{"cell_id": "MUC01-1", "rsrp_dbm": -81}]}])
        print(reply.fix.lat, reply.fix.lon, reply.fix.accuracy_m)
        for event in client.live():
            ...

`AsyncClient` is the same with `await` and `async for`. See docs/api.md.
"""

from __future__ import annotations

from rayfix.api.schemas import (
    AttentionBody,
    FixBody,
    KeptFix,
    LocateReply,
    LocateRequest,
    PosteriorBody,
    RefineOptions,
)
from rayfix.api.schemas_live import LatestFixes, LiveFix, Track
from rayfix.api.schemas_problem import Problem
from rayfix.api.schemas_scenes import Buildings, Cells, Probe, Roads, SceneBody, Scenes, Water
from rayfix.client.asynchronous import AsyncClient
from rayfix.client.call import ServiceError, UnreachableError
from rayfix.client.live import LiveEvent
from rayfix.client.synchronous import Client
from rayfix.measurement.report import CellMeasurement, Report

__all__ = [
    "AsyncClient",
    "AttentionBody",
    "Buildings",
    "CellMeasurement",
    "Cells",
    "Client",
    "FixBody",
    "KeptFix",
    "LatestFixes",
    "LiveEvent",
    "LiveFix",
    "LocateReply",
    "LocateRequest",
    "PosteriorBody",
    "Probe",
    "Problem",
    "RefineOptions",
    "Report",
    "Roads",
    "SceneBody",
    "Scenes",
    "ServiceError",
    "Track",
    "UnreachableError",
    "Water",
]
