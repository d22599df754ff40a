"""What a reader of the live feed gets, over WebSocket or as server-sent events.

Frames are JSON texts: `hello`, then `snapshot` unless the gap could be recovered, then `fixes`, and
`ping` when nothing happens.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

from rayfix.errors import InvalidInputError
from rayfix.live.feature import rfc3339
from rayfix.live.hub import LiveHub
from rayfix.live.log import LiveLogUnavailableError
from rayfix.live.resume import begin
from rayfix.live.subscription import FeedFilter, LiveFeature, Subscription

PING_S = 10.0
MAX_OFFSET = 2**53
"""Offsets stay exact in a JavaScript number."""


class Frame(NamedTuple):
    """One frame; with epoch and offset a reader goes on after it, a ping has neither."""

    kind: str
    text: str
    epoch: str | None = None
    offset: int | None = None


async def frames(
    hub: LiveHub, subscription: Subscription, epoch: str | None, offset: int | None
) -> AsyncIterator[Frame]:
    """hello, what was missed, then what happens.

    Raises:
        LiveLogUnavailableError: after a hello that says so.
        ReaderClosedError: the feed ended this subscription.
    """
    try:
        start = await asyncio.to_thread(begin, hub.log, subscription.wanted, epoch, offset)
    except LiveLogUnavailableError:
        position = hub.position
        yield _hello(position.epoch, position.last, recovered=False, stale=True)
        raise
    now = start.state.epoch
    reached = offset if start.recovered and offset is not None else start.state.last
    yield _hello(now, reached, start.recovered, hub.stale)
    while (page := await asyncio.to_thread(next, start.pages, None)) is not None:
        if not start.recovered:
            yield _features("snapshot", now, start.state.last, page)
        elif page:
            yield _features("fixes", now, page[-1].offset, page)
    subscription.after = max(subscription.after, start.state.last)
    while True:
        features = await subscription.take(PING_S)
        if features:
            yield _features("fixes", now, features[-1].offset, features)
        else:
            ping = {"type": "ping", "time": rfc3339(time.time()), "stale": hub.stale}
            yield Frame("ping", _text(ping))


def _features(kind: str, epoch: str, offset: int, features: Sequence[LiveFeature]) -> Frame:
    """A frame of features that are encoded already."""
    head = _text({"type": kind, "epoch": epoch, "offset": offset})
    text = f'{head[:-1]},"features":[{",".join(f.text for f in features)}]}}'
    return Frame(kind, text, epoch, offset)


def _hello(epoch: str, offset: int, recovered: bool, stale: bool) -> Frame:
    text = _text(
        {
            "type": "hello",
            "epoch": epoch,
            "offset": offset,
            "recovered": recovered,
            "stale": stale,
        }
    )
    return Frame("hello", text, epoch, offset)


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, allow_nan=False, separators=(",", ":"))


def parse_query(query: Mapping[str, str]) -> tuple[FeedFilter, str | None, int | None]:
    """Filter, epoch and offset of a reader's query.

    Raises:
        InvalidInputError: a value breaks a rule; names it.
    """
    offset = query.get("offset") or None
    if offset is not None and not (offset.isascii() and offset.isdigit()):
        raise InvalidInputError("offset", "a whole number from 0 is expected")
    if offset is not None and int(offset[:20]) > MAX_OFFSET:
        raise InvalidInputError("offset", f"at most {MAX_OFFSET}")
    conflate = query.get("conflate") or "false"
    if conflate not in ("true", "false"):
        raise InvalidInputError("conflate", "true or false is expected")
    bbox = _parse_bbox(query.get("bbox") or None)
    return (
        FeedFilter(query.get("ue_id") or None, bbox, conflate == "true"),
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
