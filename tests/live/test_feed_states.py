"""Whatever readers and writers do, in any order: each reader ends with the complete, ordered,
duplicate-free sequence for its filter. Hypothesis looks for an order that breaks it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule

from rayfix.api.live_frames import Frame, frames
from rayfix.live.hub import LiveHub
from rayfix.live.log import Retention
from rayfix.live.record import FixRecord, new_fix_id
from rayfix.live.sqlite_log import SqliteLog
from rayfix.live.subscription import FeedFilter, ReaderClosedError, Subscription

FILTERS = (FeedFilter(), FeedFilter(ue_id="ue-1"), FeedFilter(bbox=(11.0, 48.0, 11.5, 49.0)))
CLIENT_BYTES = 20_000
WITHIN_S = 10.0


def record(ue: int, lon: float) -> FixRecord:
    return FixRecord(
        fix_id=new_fix_id(), ue_id=f"ue-{ue}", scene="munich", time_s=time.time(),
        received_s=time.time(), lat=48.1, lon=lon, accuracy_m=4.0, confidence=1.0,
        semi_major_m=6.0, semi_minor_m=3.0, orientation_deg=30.0, ellipse_confidence=0.95,
    )  # fmt: skip


class Reader:
    """A reader of the feed that may be connected, away, or not reading."""

    def __init__(self, wanted: FeedFilter) -> None:
        self.wanted = wanted
        self.epoch: str | None = None
        self.offset: int | None = None
        self.first: int | None = None
        self.got: list[int] = []
        self.recovered: list[bool] = []
        self.subscription: Subscription | None = None
        self.frames: AsyncIterator[Frame]

    def connect(self, hub: LiveHub) -> None:
        self.subscription = hub.subscribe(self.wanted)
        self.frames = frames(hub, self.subscription, self.epoch, self.offset)

    async def read(self, until: int) -> None:
        """Read until everything up to an offset was given; when closed, be away."""
        assert self.subscription is not None
        try:
            while (self.got[-1] if self.got else 0) < until:
                frame = await asyncio.wait_for(anext(self.frames), WITHIN_S)
                self._take(frame)
        except ReaderClosedError:
            self.subscription = None

    def _take(self, frame: Frame) -> None:
        if frame.kind == "hello":
            self.recovered.append('"recovered":true' in frame.text)
            return
        assert frame.kind != "ping"
        self.epoch, self.offset = frame.epoch, frame.offset
        if frame.kind == "snapshot":
            self.first = frame.offset
        else:
            self.got += offsets_in(frame.text)


def offsets_in(text: str) -> list[int]:
    return [int(part.split(",")[0].rstrip("}]")) for part in text.split('"offset":')[2:]]


class Feed(RuleBasedStateMachine):
    """One log, one process at a time, readers that come and go."""

    readers: Bundle[Reader] = Bundle("readers")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.published: list[FixRecord] = []
        self.all_readers: list[Reader] = []
        self.loop.run_until_complete(self._start())

    async def _start(self) -> None:
        path = Path(self.folder.name) / "live.sqlite"
        self.hub = LiveHub(SqliteLog(path, Retention(1e6, 10**8)), CLIENT_BYTES)
        self.hub.start()
        while not self.hub.position.epoch:
            await asyncio.sleep(0.001)

    async def _written(self) -> None:
        """Wait until what was published is in the log and was handed to the readers."""
        deadline = time.monotonic() + WITHIN_S
        while self.hub.position.last < len(self.published):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)

    @rule(target=readers, wanted=st.sampled_from(FILTERS))
    def arrive(self, wanted: FeedFilter) -> Reader:
        reader = Reader(wanted)

        async def run() -> None:
            await self._written()
            reader.connect(self.hub)
            while reader.first is None:
                reader._take(await asyncio.wait_for(anext(reader.frames), WITHIN_S))

        self.loop.run_until_complete(run())
        self.all_readers.append(reader)
        return reader

    @rule(count=st.integers(1, 60), ue=st.integers(0, 2), lon=st.sampled_from((11.2, 11.8)))
    def publish(self, count: int, ue: int, lon: float) -> None:
        added = [record(ue, lon) for _ in range(count)]
        self.published += added
        for one in added:
            self.hub.publish(one)
        self.loop.run_until_complete(asyncio.sleep(0.001))

    @rule(reader=readers)
    def drop(self, reader: Reader) -> None:
        if reader.subscription is not None:
            self.hub.unsubscribe(reader.subscription)
            reader.subscription = None

    @rule(reader=readers)
    def come_back(self, reader: Reader) -> None:
        if reader.subscription is None:
            reader.connect(self.hub)

    @rule(reader=readers)
    def catch_up(self, reader: Reader) -> None:
        async def run() -> None:
            await self._written()
            if reader.subscription is not None:
                await reader.read(self._last_for(reader))

        self.loop.run_until_complete(run())

    @rule()
    def restart(self) -> None:
        """The process stops in good order and another one takes over."""

        async def run() -> None:
            await self.hub.stop(WITHIN_S)
            for reader in self.all_readers:
                reader.subscription = None
            await self._start()

        self.loop.run_until_complete(run())

    @rule(reader=consumes(readers))
    def leave_for_good(self, reader: Reader) -> None:
        self.drop(reader)
        self.all_readers.remove(reader)

    def _expected(self, reader: Reader) -> list[int]:
        assert reader.first is not None
        return [
            offset
            for offset, one in enumerate(self.published, 1)
            if offset > reader.first and reader.wanted.wants(one.lon, one.lat, one.ue_id or "")
        ]

    def _last_for(self, reader: Reader) -> int:
        return max(self._expected(reader), default=0)

    def teardown(self) -> None:
        async def finish() -> None:
            await self._written()
            for reader in self.all_readers:
                for _ in range(2):  # a slow one is closed, comes back, and reads on
                    if reader.subscription is None:
                        reader.connect(self.hub)
                    await reader.read(self._last_for(reader))
                assert reader.got == self._expected(reader)
                assert all(reader.recovered[1:])
            await self.hub.stop(WITHIN_S)

        try:
            self.loop.run_until_complete(finish())
        finally:
            self.loop.close()
            self.folder.cleanup()


TestFeed: Any = Feed.TestCase
TestFeed.settings = settings(
    max_examples=10, stateful_step_count=15, deadline=None, derandomize=True, database=None
)
