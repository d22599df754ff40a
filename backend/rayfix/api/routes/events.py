"""GET /api/v1/live/events: the live feed as server-sent events (HTML standard, 9.2).

The same frames as the WebSocket's, `event` their type, `id` = `<epoch>:<offset>`: a browser's
EventSource sends the last one as `Last-Event-ID` when it reconnects, and gets exactly what it
missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import StreamingResponse

from rayfix.api.live_frames import Frame, frames, parse_query
from rayfix.api.problems import responses
from rayfix.api.services import Services, ServicesOf
from rayfix.errors import InvalidInputError
from rayfix.live.log import LiveLogUnavailableError
from rayfix.live.subscription import FeedFilter, ReaderClosedError

router = APIRouter(prefix="/api/v1", tags=["live"])

RETRY_MS = 2000
"""How long an EventSource waits before it reconnects."""


class EventStream(StreamingResponse):
    """A stream of server-sent events."""

    media_type = "text/event-stream"


@router.get("/live/events", response_class=EventStream, responses=responses(422))
async def events(
    services: ServicesOf,
    ue_id: Annotated[str | None, Query(max_length=64, description="only this UE")] = None,
    bbox: Annotated[str | None, Query(description="west,south,east,north [deg]")] = None,
    epoch: Annotated[str | None, Query(max_length=64, description="of the last frame")] = None,
    offset: Annotated[str | None, Query(description="of the last frame")] = None,
    conflate: Annotated[
        bool, Query(description="a slow reader gets only the newest waiting fix of each UE")
    ] = False,
    last_event_id: Annotated[
        str | None, Header(description="`<epoch>:<offset>` of the last event; goes before a query")
    ] = None,
) -> EventStream:
    """Fixes as they happen, as server-sent events; resumes by `Last-Event-ID`."""
    if last_event_id:
        epoch, colon, offset = last_event_id.rpartition(":")
        if not colon:
            raise InvalidInputError("Last-Event-ID", "<epoch>:<offset> is expected")
    given = {"ue_id": ue_id, "bbox": bbox, "epoch": epoch, "offset": offset}
    given["conflate"] = "true" if conflate else None
    wanted, after_epoch, after = parse_query({k: v for k, v in given.items() if v is not None})
    stream = _stream(services, wanted, after_epoch, after)
    return EventStream(stream, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def _stream(
    services: Services, wanted: FeedFilter, epoch: str | None, offset: int | None
) -> AsyncIterator[str]:
    subscription = services.hub.subscribe(wanted)
    source = frames(services.hub, subscription, epoch, offset)
    stopping = asyncio.ensure_future(services.stopping.wait())
    try:
        yield f"retry: {RETRY_MS}\n\n"
        while True:
            following = asyncio.ensure_future(anext(source))
            await asyncio.wait([following, stopping], return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                following.cancel()
                return
            yield _event(following.result())
    except (ReaderClosedError, LiveLogUnavailableError) as reason:
        yield f": {reason}\n\n"  # then the stream ends, and the reader comes back
    finally:
        stopping.cancel()
        services.hub.unsubscribe(subscription)


def _event(frame: Frame) -> str:
    """Lines of one event; a ping is a comment, which leaves the reader's last id as it is."""
    if frame.epoch is None:
        return f": ping {frame.text}\n\n"
    return f"id: {frame.epoch}:{frame.offset}\nevent: {frame.kind}\ndata: {frame.text}\n\n"
