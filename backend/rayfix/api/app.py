"""The application: routes, guards, and what lives from start to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from rayfix import __version__
from rayfix.api import problems
from rayfix.api.body_limit import BodyLimit
from rayfix.api.console import Console
from rayfix.api.describe import complete
from rayfix.api.guard import Guard
from rayfix.api.identity import Identity
from rayfix.api.limits import Limits
from rayfix.api.metrics import Metrics
from rayfix.api.queue_guard import QueueGuard
from rayfix.api.request_log import REQUEST_ID, RequestLog
from rayfix.api.routes import (
    admin,
    camara,
    events,
    fixes,
    geolocate,
    ground,
    health,
    live,
    locate,
    models,
    radio_maps,
    scenes,
    tiles,
    ues,
)
from rayfix.api.services import Services
from rayfix.api.watch import watch
from rayfix.config import Settings
from rayfix.live.hub import LiveHub
from rayfix.live.log import LiveLog, Retention
from rayfix.live.redis_log import RedisLog
from rayfix.live.sqlite_log import SqliteLog
from rayfix.locator.locator import Locator
from rayfix.locator.worker import LocateWorker

log = structlog.get_logger(__name__)

DRAIN_S = 2.0
"""Time for accepted sequences, and again for unwritten fixes, after the last connection closed."""

COMPRESS_FROM_BYTES = 4096
"""Smaller answers, such as a fix, are faster sent as they are."""

ROUTES = (
    locate, fixes, ues, live, events, scenes, ground, radio_maps, tiles, models, geolocate, health,
    admin,
)  # fmt: skip

DESCRIPTION = """
Finds where a phone is from what it hears of the cell sites around it.

Angles are bearings, clockwise from true north, in degrees. Units are in the names. Every measured
quantity is optional; what is missing is masked. Errors are RFC 9457 problem documents.

The live feed is a WebSocket at `/api/v1/live?epoch=&offset=&ue_id=&bbox=&conflate=`.
"""


def create_app(
    settings: Settings, locator: Locator | None = None, live_log: LiveLog | None = None
) -> FastAPI:
    """The application. What is not given is loaded when it starts.

    Raises:
        ConfigError: others could reach the service and nothing protects it.
    Raises (when it starts):
        ArtefactError: a model, map or log file is missing or damaged; the message names it.
    """
    metrics = Metrics()
    identity = Identity(settings)
    limits = Limits()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = _start(
            settings,
            locator or Locator.load(settings),
            live_log or open_live_log(settings),
            metrics,
            identity,
            limits,
        )
        app.state.services = services
        log.info("ready", model=services.locator.model, scenes=list(settings.scenes))
        watching = (
            asyncio.create_task(watch(services, settings.watch_s)) if settings.watch_s else None
        )
        yield
        if watching is not None:
            watching.cancel()
        await asyncio.to_thread(services.worker.stop, DRAIN_S)
        await services.hub.stop(DRAIN_S)
        log.info("stopped")

    app = FastAPIOffline(
        title="RayFix",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    problems.install(app)
    for module in ROUTES + ((camara,) if settings.camara else ()):
        app.include_router(module.router)
    app.router.default = Console(settings.frontend_dir)
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_body_bytes,
        timeout_s=settings.body_timeout_s,
    )
    app.add_middleware(QueueGuard, paths=(*locate.PATHS, *geolocate.PATHS))
    app.add_middleware(Guard, identity=identity, limits=limits)
    app.add_middleware(
        GZipMiddleware, minimum_size=COMPRESS_FROM_BYTES, compresslevel=5,
        exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, "font/*", "image/*"),
    )  # fmt: skip
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-api-key", REQUEST_ID],
        )
    app.add_middleware(RequestLog, metrics=metrics)
    complete(app)
    return app


def _start(
    settings: Settings,
    locator: Locator,
    live_log: LiveLog,
    metrics: Metrics,
    identity: Identity,
    limits: Limits,
) -> Services:
    worker = LocateWorker(
        locator, settings.max_batch, settings.queue_size, metrics.batch_size.observe
    )
    hub = LiveHub(live_log, settings.live_client_bytes, metrics.feed_lag.observe)
    for name, description, read in (
        ("rayfix_queue_length", "sequences waiting", lambda: worker.waiting),
        ("rayfix_live_subscribers", "open live sockets", lambda: hub.subscribers),
        ("rayfix_live_pending", "fixes not in the live log yet", lambda: hub.pending),
        ("rayfix_live_dropped", "fixes that never got into the log", lambda: hub.dropped),
        ("rayfix_live_stale", "1 while the log cannot be reached", lambda: int(hub.stale)),
    ):
        metrics.watch(name, description, read)
    worker.start()
    hub.start()
    return Services(settings, locator, worker, hub, metrics, identity, limits)


def open_live_log(settings: Settings) -> LiveLog:
    """The live log's home by the settings: Redis when there is a URL, else the SQLite file.

    Raises:
        ArtefactError: the SQLite file cannot be used.
    """
    retention = Retention(settings.live_max_age_s, settings.live_max_bytes)
    if settings.redis_url is not None and settings.redis_url.get_secret_value():
        return RedisLog(settings.redis_url.get_secret_value(), retention)
    return SqliteLog(settings.live_log, retention)
