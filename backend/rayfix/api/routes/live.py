"""WS /api/v1/live: fixes as they happen; a reader that comes back gets exactly what it missed.

Frames are JSON texts: `hello`, then `snapshot` unless the gap could be recovered, then `fixes`, and
`ping` when nothing happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from rayfix.api.services import ServicesOf
from rayfix.config import Settings
from rayfix.errors import InvalidInputError
from rayfix.live.feature import rfc3339
from rayfix.live.hub import LiveHub
from rayfix.live.log import LiveLogUnavailableError
from rayfix.live.resume import begin
from rayfix.live.subscription import FeedFilter, LiveFeature, ReaderClosedError, Subscription

router = APIRouter(prefix="/api/v1", tags=["live"])

PING_S = 10.0
CLOSE_TIMEOUT_S = 1.0
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
MAX_OFFSET = 2**53
"""Offsets stay exact in a JavaScript number."""


@router.websocket("/live")
async def live(socket: WebSocket, services: ServicesOf) -> None:
    """Query: `epoch` and `offset` of the last frame, `ue_id`, `bbox` (west,south,east,north)."""
    await socket.accept()
    try:
        _check_origin(socket, services.settings)
        wanted, epoch, offset = _parse(socket.query_params)
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
    """hello, what was missed, then what happens."""
    try:
        start = await asyncio.to_thread(begin, hub.log, subscription.wanted, epoch, offset)
    except LiveLogUnavailableError:
        position = hub.position
        await socket.send_text(_hello(position.epoch, position.last, False, True))
        raise
    now = start.state.epoch
    reached = offset if start.recovered and offset is not None else start.state.last
    await socket.send_text(_hello(now, reached, start.recovered, hub.stale))
    while (page := await asyncio.to_thread(next, start.pages, None)) is not None:
        if not start.recovered:
            await socket.send_text(frame("snapshot", now, start.state.last, page))
        elif page:
            await socket.send_text(frame("fixes", now, page[-1].offset, page))
    subscription.after = max(subscription.after, start.state.last)
    while True:
        features = await subscription.take(PING_S)
        if features:
            await socket.send_text(frame("fixes", now, features[-1].offset, features))
        else:
            await socket.send_text(
                _text({"type": "ping", "time": rfc3339(time.time()), "stale": hub.stale})
            )


async def _receive(socket: WebSocket) -> None:
    """Readers have nothing to say; reading is what notices that they left."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return


def frame(kind: str, epoch: str, offset: int, features: Sequence[LiveFeature]) -> str:
    """A frame of features that are encoded already."""
    head = _text({"type": kind, "epoch": epoch, "offset": offset})
    return f'{head[:-1]},"features":[{",".join(f.text for f in features)}]}}'


def _hello(epoch: str, offset: int, recovered: bool, stale: bool) -> str:
    return _text(
        {
            "type": "hello",
            "epoch": epoch,
            "offset": offset,
            "recovered": recovered,
            "stale": stale,
        }
    )


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, allow_nan=False, separators=(",", ":"))


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


def _parse(query: Mapping[str, str]) -> tuple[FeedFilter, str | None, int | None]:
    offset = query.get("offset") or None
    if offset is not None and not (offset.isascii() and offset.isdigit()):
        raise InvalidInputError("offset", "a whole number from 0 is expected")
    if offset is not None and int(offset[:20]) > MAX_OFFSET:
        raise InvalidInputError("offset", f"at most {MAX_OFFSET}")
    return (
        FeedFilter(query.get("ue_id") or None, _parse_bbox(query.get("bbox") or None)),
        query.get("epoch") or None,
        None if offset is None else int(offset),
    )


def _parse_bbox(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidInputError("bbox", "west,south,east,north in degrees is expected") from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InvalidInputError("bbox", "west <= east and south <= north in degrees must hold")
    return west, south, east, north
