"""What the routes share: one object per application, made at start."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

import structlog
from fastapi import Depends
from opentelemetry import trace
from starlette.requests import HTTPConnection

from rayfix.api.identity import Identity
from rayfix.api.limits import Limits
from rayfix.api.metrics import Metrics
from rayfix.config import Settings
from rayfix.errors import RayFixError
from rayfix.live.hub import LiveHub
from rayfix.locator.fix import LocateQuery, LocateResult
from rayfix.locator.loaded_scene import LoadedScene
from rayfix.locator.locator import Locator, Prepared
from rayfix.locator.worker import LocateWorker

log = structlog.get_logger(__name__)

tracer = trace.get_tracer("rayfix")
"""Does nothing until OpenTelemetry is set up, such as by `opentelemetry-instrument rayfix serve`;
spans of requests come from FastAPI, which asks the same provider."""

YOUNG_OBJECTS = 20_000
"""Allocations between two looks for garbage cycles: some requests, instead of several a request."""


def spare_from_collection() -> None:
    """Leave what is loaded by now (modules, model, maps: 300,000 objects that stay) out of every
    later search for garbage cycles, which otherwise costs more than validating a request."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)


class Reloading:
    """Who loads anew: one at a time, and once for all who asked before it began."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.begun_s = float("-inf")

    async def once(self, load: Callable[[], None]) -> bool:
        """Run `load` in a thread; False when a load that began since this call has done its work.

        Whatever `load` raises, with the next in line loading for itself.
        """
        asked_s = time.monotonic()
        async with self.lock:
            if self.begun_s >= asked_s:
                return False
            begun_s = time.monotonic()
            await asyncio.to_thread(load)
            self.begun_s = begun_s
        return True


@dataclass(frozen=True)
class Services:
    """Settings, locator with its thread, live feed, metrics, callers and what they used.

    Attributes:
        stopping: set when the service is told to stop; answers without an end then end.
        reloading: loads model and maps anew.
    """

    settings: Settings
    locator: Locator
    worker: LocateWorker
    hub: LiveHub
    metrics: Metrics
    identity: Identity
    limits: Limits
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    reloading: Reloading = field(default_factory=Reloading)

    def scene(self, name: str | None) -> LoadedScene:
        """A scene by name; None = the first.

        Raises:
            UnknownSceneError: no such scene is loaded.
        """
        return self.locator.scene(name or self.settings.scenes[0])

    async def reload(self) -> None:
        """Load the model and the maps anew; requests are answered all the while. Calls that wait
        for the same load share it.

        Raises:
            ArtefactError: a file is missing or damaged; the present model and maps stay.
        """
        if not await self.reloading.once(partial(self.locator.reload, self.settings)):
            return
        spare_from_collection()
        self.metrics.reloads.inc()
        log.info("reloaded", model=self.locator.model, scenes=list(self.settings.scenes))

    async def locate(self, queries: Sequence[LocateQuery]) -> list[LocateResult | RayFixError]:
        """Locate through the queue; each query has its result or the error that it met.

        Raises:
            OverloadedError: the queue has no room; nothing was queued.
        """
        started = time.perf_counter()
        outcomes: list[LocateResult | RayFixError | None] = [None] * len(queries)
        accepted: dict[int, Prepared] = {}
        for index, query in enumerate(queries):
            try:
                accepted[index] = self.locator.prepare(query)
            except RayFixError as error:
                outcomes[index] = error
        futures = self.worker.submit(list(accepted.values()), self.settings.locate_timeout_s)
        with tracer.start_as_current_span("locate", attributes={"rayfix.sequences": len(futures)}):
            try:
                for index, future in zip(accepted, futures, strict=True):
                    try:
                        outcomes[index] = await future
                    except RayFixError as error:
                        outcomes[index] = error
            finally:  # when nobody waits any more, what is not located yet need not be
                for future in futures:
                    future.cancel()
        self._observe(outcomes, time.perf_counter() - started)
        return [outcome for outcome in outcomes if outcome is not None]

    async def locate_one(self, query: LocateQuery) -> LocateResult:
        """Locate one sequence through the queue.

        Raises:
            RayFixError: whatever the sequence met.
        """
        (outcome,) = await self.locate([query])
        if isinstance(outcome, RayFixError):
            raise outcome
        return outcome

    def _observe(
        self, outcomes: Sequence[LocateResult | RayFixError | None], seconds: float
    ) -> None:
        self.metrics.stages.labels("total").observe(seconds)
        for outcome in outcomes:
            if not isinstance(outcome, LocateResult):
                continue
            self.metrics.fixes.labels(outcome.scene).inc()
            self.metrics.accuracy.observe(outcome.fix.accuracy_m)
            self.metrics.unknown_cells.inc(len(outcome.unknown_cells))
            for stage, milliseconds in outcome.timing_ms.items():
                self.metrics.stages.labels(stage).observe(milliseconds / 1e3)


async def _services(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(_services)]
"""Route parameter that receives the application's services."""
