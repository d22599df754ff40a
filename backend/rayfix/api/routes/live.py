"""WS /api/v1/live: fixes as they happen; a reader that comes back gets exactly what it missed.

Frames are those of `live_frames`, one JSON text each.
"""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from rayfix.api.live_frames import frames, parse_query
from rayfix.api.services import ServicesOf
from rayfix.config import Settings
from rayfix.errors import InvalidInputError
from rayfix.live.hub import LiveHub
from rayfix.live.log import LiveLogUnavailableError
from rayfix.live.subscription import ReaderClosedError, Subscription

router = APIRouter(prefix="/api/v1", tags=["live"])

CLOSE_TIMEOUT_S = 1.0
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013


@router.websocket("/live")
async def live(socket: WebSocket, services: ServicesOf) -> None:
    """Query: `epoch` and `offset` of the last frame, `ue_id`, `bbox` (west,south,east,north),
    `conflate=true`."""
    await socket.accept()
    try:
        _check_origin(socket, services.settings)
        wanted, epoch, offset = parse_query(socket.query_params)
    except InvalidInputError as error:
        await _close(socket, POLICY_VIOLATION, str(error))
        return
    subscription = services.hub.subscribe(wanted)
    tasks = [
        asyncio.create_task(_send(socket, services.hub, subscription, epoch, offset)),
        asyncio.create_task(_receive(socket)),
        asyncio.create_task(subscription.ended()),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await _end(socket, task.exception())
    finally:
        services.hub.unsubscribe(subscription)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _end(socket: WebSocket, reason: BaseException | None) -> None:
    """Close the socket for the reason that ended one of its tasks; None = the reader left."""
    if isinstance(reason, ReaderClosedError):
        await _close(socket, reason.code, reason.reason)
    elif isinstance(reason, LiveLogUnavailableError):
        await _close(socket, TRY_AGAIN_LATER, "the live log cannot be reached")
    elif reason is not None and not isinstance(reason, WebSocketDisconnect):
        raise reason


async def _send(
    socket: WebSocket,
    hub: LiveHub,
    subscription: Subscription,
    epoch: str | None,
    offset: int | None,
) -> None:
    async for frame in frames(hub, subscription, epoch, offset):
        await socket.send_text(frame.text)


async def _receive(socket: WebSocket) -> None:
    """Readers have nothing to say; reading is what notices that they left."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    """Close with a reason (123 bytes fit); a reader that does not read is not waited for."""
    cut = reason.encode()[:120].decode(errors="ignore")
    with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
        await asyncio.wait_for(socket.close(code, cut), CLOSE_TIMEOUT_S)


def _check_origin(socket: WebSocket, settings: Settings) -> None:
    """Browsers send cookies to any site's sockets, CORS does not apply: other sites are refused."""
    origin = socket.headers.get("origin")
    if origin is None or origin in settings.cors_origins:
        return
    if urlsplit(origin).hostname != urlsplit(f"//{socket.headers.get('host', '')}").hostname:
        raise InvalidInputError("Origin", "pages of other sites may not read the live feed")
