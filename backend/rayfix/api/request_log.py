"""One log line and one measurement per request; unexpected errors end here."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import sys
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rayfix.api.access import caller_of
from rayfix.api.metrics import Metrics
from rayfix.api.problems import SCOPE_KEY, error_response, problem
from rayfix.locator.worker import StoppingError

log = structlog.get_logger("rayfix.request")

REQUEST_ID = "x-request-id"
_ACCEPTED_ID = re.compile(r"^[A-Za-z0-9._:/+=-]{1,128}$")
_QUIET = ("/healthz", "/readyz", "/metrics")
_SECRET = re.compile(r"([?&]key=)[^&\s\"'\\]+")


def _redacting(render: structlog.typing.Processor) -> structlog.typing.Processor:
    """A renderer whose lines, whoever wrote them, have the keys in addresses struck out."""

    def render_redacted(
        logger: structlog.typing.WrappedLogger, method: str, event: structlog.typing.EventDict
    ) -> str:
        return _SECRET.sub(r"\1***", str(render(logger, method, event)))

    return render_redacted


class _LineLogger:
    """Writes finished lines on stderr: the standard library's loggers cost ten times as much."""

    def __init__(self, name: str) -> None:
        self.name = name

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = exception = msg


def configure_logging(log_format: str) -> None:
    """JSON lines (or text for a terminal) on stderr, standard library loggers included."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, _redacting(structlog.processors.JSONRenderer())]
        if log_format == "json"
        else [_redacting(structlog.dev.ConsoleRenderer())]
    )
    structlog.configure(
        processors=[*shared, *render],
        logger_factory=_LineLogger,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)


class RequestLog:
    """ASGI middleware: request id in, out and in every log line; duration by route and status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _ACCEPTED_ID.match(given) else secrets.token_hex(8)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0
        self._metrics.in_flight.inc()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).append(REQUEST_ID, request_id)
                MutableHeaders(scope=message).append("x-content-type-options", "nosniff")
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except asyncio.CancelledError:
            if not status:
                stopping = StoppingError("the service stopped before this was answered", 1)
                await error_response(stopping)(scope, receive, send_with_id)
            raise
        except Exception:
            log.exception("unexpected_error", path=scope["path"])
            if status:
                raise
            detail = f"An unexpected error, logged with request id {request_id}."
            await problem(500, "internal_error", detail)(scope, receive, send_with_id)
        finally:
            self._metrics.in_flight.dec()
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(scope["method"], route, str(status)).observe(seconds)
        code = scope.get(SCOPE_KEY)
        if code is not None:
            self._metrics.problems.labels(code).inc()
        if scope["path"] not in _QUIET:
            log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                code=code,
                caller=caller_of(scope),
                ms=round(1e3 * seconds, 2),
            )
