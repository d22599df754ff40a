"""Runs the application under uvicorn, with the timeouts that uvicorn does not have."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rayfix.api.app import create_app, open_live_log
from rayfix.api.identity import Identity
from rayfix.api.request_log import configure_logging
from rayfix.api.services import spare_from_collection
from rayfix.config import Settings
from rayfix.locator.locator import Locator

GRACEFUL_S = 5
"""Time for running requests after SIGTERM; then the worker and the live log have DRAIN_S each:
9 s in all, so that a supervisor that waits 10 s kills nothing."""
MAX_CLIENT_FRAME_BYTES = 4096
"""Readers of the live feed send nothing; a larger message closes the socket."""
PING_S = 20.0
KEEP_ALIVE_S = 30
"""How long an idle connection stays open: longer than a client or a proxy pauses between two
requests, which would otherwise meet a connection that is just being closed."""
MAX_HEADER_BYTES = 65_536
"""Request line and headers of one request together."""


def header_timeout_protocol(timeout_s: float) -> type[HttpToolsProtocol]:
    """An HTTP protocol that closes a connection whose request headers do not arrive in time, or
    are more than `MAX_HEADER_BYTES`."""

    class HeaderTimeoutProtocol(HttpToolsProtocol):
        _timer: asyncio.TimerHandle | None = None
        _header_bytes = 0

        def _arm(self) -> None:
            if self._timer is None:
                self._timer = self.loop.call_later(timeout_s, self._expire)

        def _disarm(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _expire(self) -> None:
            self._timer = None
            if not self.transport.is_closing():
                self.transport.close()

        def data_received(self, data: bytes) -> None:
            self._header_bytes += len(data)
            super().data_received(data)
            if self._timer is not None and self._header_bytes > MAX_HEADER_BYTES:
                self._expire()

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._arm()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._header_bytes = 0
            self._arm()

        def on_headers_complete(self) -> None:
            self._header_bytes = 0
            self._disarm()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._disarm()
            super().connection_lost(exc)

    return HeaderTimeoutProtocol


class Server(uvicorn.Server):
    """Tells the application when it is to stop, so that answers without an end come to one."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        assert isinstance(self.config.app, FastAPI)
        self.config.app.state.services.stopping.set()
        await super().shutdown(sockets)


def server_of(app: FastAPI, settings: Settings) -> Server:
    """A uvicorn server with our limits; `run` serves until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=header_timeout_protocol(settings.header_timeout_s),
        ws="websockets-sansio",
        ws_max_size=MAX_CLIENT_FRAME_BYTES,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACEFUL_S,
        access_log=False,
        log_config=None,
        server_header=False,
    )
    return Server(config)


def serve(settings: Settings) -> None:
    """Load model and maps, then serve until SIGTERM or SIGINT.

    Raises:
        ConfigError: others could reach the service and nothing protects it.
        ArtefactError: a model, map or log file is missing or damaged; nothing was served.
    """
    configure_logging(settings.log_format)
    Identity(settings)  # refuses now rather than after model and maps are loaded
    locator = Locator.load_apart(settings)
    try:
        app = create_app(settings, locator, open_live_log(settings))
        spare_from_collection()
        server_of(app, settings).run()
    finally:
        locator.close()
