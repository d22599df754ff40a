"""What a reader of the feed gets first: exactly what it missed, or everything anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rayfix.live.log import LiveLog, LiveLogUnavailableError, LogState
from rayfix.live.subscription import FeedFilter, LiveFeature, encode

MAX_GAP = 20_000
"""Fixes that a reader may have missed and still get one by one; beyond it, a snapshot."""
PAGE = 500


@dataclass(frozen=True)
class Beginning:
    """The first answer to a reader.

    Attributes:
        recovered: True = `pages` holds the gap after the reader's offset; False = the newest fix
            of each UE, in one page.
        state: the log's epoch, and in `last` the offset that the pages reach.
        pages: features that the reader's filter wants, ascending by offset.
    """

    recovered: bool
    state: LogState
    pages: Iterator[list[LiveFeature]]


def begin(log: LiveLog, wanted: FeedFilter, epoch: str | None, offset: int | None) -> Beginning:
    """Blocking. Without epoch and offset, or when the gap is not held whole: a snapshot.

    Raises:
        LiveLogUnavailableError: the log cannot be reached; also while reading pages, when
            retention drops what is missed before it was read.
    """
    state = log.state()
    if offset is not None and state.can_resume(epoch, offset) and state.last - offset <= MAX_GAP:
        return Beginning(True, state, _gap(log, wanted, offset, state.last))
    state, records = log.latest()
    return Beginning(False, state, iter([_wanted(encode(records), wanted)]))


def _gap(log: LiveLog, wanted: FeedFilter, offset: int, last: int) -> Iterator[list[LiveFeature]]:
    while offset < last:
        records = [r for r in log.since(offset, min(PAGE, last - offset)) if r.offset <= last]
        if not records or records[0].offset != offset + 1:
            raise LiveLogUnavailableError("what was missed has just been dropped: reconnect")
        offset = records[-1].offset
        yield _wanted(encode(records), wanted)


def _wanted(features: list[LiveFeature], wanted: FeedFilter) -> list[LiveFeature]:
    return [f for f in features if wanted.wants(f.lon, f.lat, f.ue_id)]
