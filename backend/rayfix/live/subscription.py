"""One reader of the live feed: its filter and its bounded buffer."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rayfix.live.feature import to_feature
from rayfix.live.record import FixRecord

FEATURE_OVERHEAD_BYTES = 120
"""Rough size of the Python objects around one waiting feature."""


@dataclass(frozen=True)
class FeedFilter:
    """Which fixes a reader wants: one UE, an area, or all.

    Attributes:
        ue_id: only this UE.
        bbox: west, south, east, north [deg], borders included.
        conflate: of the fixes that wait for a slow reader, only the newest of each UE.
    """

    ue_id: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    conflate: bool = False

    def wants(self, lon: float, lat: float, ue_id: str) -> bool:
        if self.ue_id is not None and ue_id != self.ue_id:
            return False
        if self.bbox is None:
            return True
        west, south, east, north = self.bbox
        return west <= lon <= east and south <= lat <= north


EVERYTHING = FeedFilter()


@dataclass(frozen=True, slots=True)
class LiveFeature:
    """A fix encoded once for every reader."""

    offset: int
    ue_id: str
    lon: float
    lat: float
    text: str


def encode(records: Iterable[FixRecord]) -> list[LiveFeature]:
    """The features of the records that belong to a UE."""
    return [
        LiveFeature(
            record.offset,
            record.ue_id,
            record.lon,
            record.lat,
            json.dumps(to_feature(record), allow_nan=False, separators=(",", ":")),
        )
        for record in records
        if record.ue_id is not None
    ]


class ReaderClosedError(Exception):
    """The feed ended this subscription; `code` and `reason` go into the close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


SLOW_READER = 4008
"""Close code: more unread bytes than one reader may hold; resume from the last offset."""
NEW_EPOCH = 4009
"""Close code: the log began anew; reconnect for a snapshot."""


class Subscription:
    """Features that wait for one reader, in order; used from one event loop only.

    Attributes:
        after: offset after which features are wanted; raised when a gap or snapshot was sent.
    """

    def __init__(self, wanted: FeedFilter, after: int, max_bytes: int) -> None:
        self.wanted = wanted
        self.after = after
        self._max_bytes = max_bytes
        self._waiting: deque[LiveFeature] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._closed: ReaderClosedError | None = None

    def offer(self, features: Sequence[LiveFeature]) -> None:
        """Keep what the reader wants; a reader that left too much unread is closed instead.

        Only what was left counts, not the features offered now: a burst closes nobody who reads.
        Where the reader asked for it, newer fixes of a UE replace those that wait.
        """
        if self._closed is not None:
            return
        if self._bytes > self._max_bytes:
            self.close(SLOW_READER, "too much unread: reconnect with the last epoch and offset")
            return
        if self.wanted != EVERYTHING:
            wants = self.wanted.wants
            features = [f for f in features if wants(f.lon, f.lat, f.ue_id)]
        self._waiting.extend(features)
        added: Iterable[LiveFeature] = features
        if self.wanted.conflate:
            self._waiting, self._bytes = _newest_of_each_ue(self._waiting), 0
            added = self._waiting
        self._bytes += sum(len(f.text) + FEATURE_OVERHEAD_BYTES for f in added)
        if self._waiting:
            self._changed.set()

    def close(self, code: int, reason: str) -> None:
        """End the subscription; what waits is dropped, so that its memory is free at once."""
        self._closed = ReaderClosedError(code, reason)
        self._waiting.clear()
        self._changed.set()
        self._ended.set()

    async def ended(self) -> None:
        """Wait until the feed ends this subscription.

        Raises:
            ReaderClosedError: always, in the end.
        """
        await self._ended.wait()
        assert self._closed is not None
        raise self._closed

    async def take(self, timeout_s: float) -> list[LiveFeature]:
        """All waiting features with an offset beyond `after`; none after `timeout_s`.

        Raises:
            ReaderClosedError: the feed ended this subscription.
        """
        if not self._waiting and self._closed is None:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), timeout_s)
            except TimeoutError:
                return []
        if self._closed is not None:
            raise self._closed
        taken = [feature for feature in self._waiting if feature.offset > self.after]
        self._waiting.clear()
        self._bytes = 0
        if taken:
            self.after = taken[-1].offset
        return taken


def _newest_of_each_ue(features: Iterable[LiveFeature]) -> deque[LiveFeature]:
    """In the order of their offsets, which is the order that they came in."""
    newest: dict[str, LiveFeature] = {}
    for feature in features:
        newest.pop(feature.ue_id, None)
        newest[feature.ue_id] = feature
    return deque(newest.values())
