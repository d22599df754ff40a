"""Fan-out and resume: nothing lost, nothing twice, whoever is slow or away; on both homes."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from tests.live.conftest import RedisServer

from rayfix.live.hub import LiveHub
from rayfix.live.log import LiveLog, LogState, Retention
from rayfix.live.record import FixRecord
from rayfix.live.redis_log import RedisLog
from rayfix.live.resume import begin
from rayfix.live.subscription import (
    NEW_EPOCH,
    SLOW_READER,
    FeedFilter,
    LiveFeature,
    ReaderClosedError,
    Subscription,
)

MakeLog = Callable[..., LiveLog]
MakeRecord = Callable[..., FixRecord]
EVERYTHING = FeedFilter()


async def take(subscription: Subscription, count: int) -> list[LiveFeature]:
    got: list[LiveFeature] = []
    deadline = time.monotonic() + 10
    while len(got) < count:
        got += await subscription.take(0.5)
        assert time.monotonic() < deadline, f"{len(got)} of {count} arrived"
    return got


async def started(log: LiveLog, client_bytes: int = 1_000_000) -> LiveHub:
    hub = LiveHub(log, client_bytes)
    hub.start()
    deadline = time.monotonic() + 5
    while not hub.position.epoch:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    return hub


def test_subscribers_get_everything_in_order(make_log: MakeLog, make_record: MakeRecord) -> None:
    async def run() -> None:
        log = make_log()
        log.append([make_record("before")])
        hub = await started(log)
        readers = [hub.subscribe(EVERYTHING) for _ in range(3)]
        for i in range(200):
            hub.publish(make_record(f"ue-{i % 7}"))
            if i % 50 == 0:
                await asyncio.sleep(0.05)
        hub.publish(make_record(None))
        for reader in readers:
            assert [f.offset for f in await take(reader, 200)] == list(range(2, 202))
        await hub.stop(5)

    asyncio.run(run())


def test_filters_by_ue_and_area(make_log: MakeLog, make_record: MakeRecord) -> None:
    async def run() -> None:
        hub = await started(make_log())
        one = hub.subscribe(FeedFilter(ue_id="b"))
        area = hub.subscribe(FeedFilter(bbox=(11.0, 48.0, 11.5, 48.2)))
        for lon in (10.9, 11.0, 11.5, 11.6):
            hub.publish(make_record("a", lon=lon))
        hub.publish(make_record("b", lon=12.0))
        assert [f.ue_id for f in await take(one, 1)] == ["b"]
        assert [f.lon for f in await take(area, 2)] == [11.0, 11.5]
        await hub.stop(5)

    asyncio.run(run())


def test_a_slow_reader_that_asked_for_it_gets_only_the_newest_of_each_ue() -> None:
    async def run() -> None:
        conflated = Subscription(FeedFilter(conflate=True), after=0, max_bytes=3_000)
        complete = Subscription(EVERYTHING, after=0, max_bytes=3_000)
        for offset in range(1, 101):
            feature = LiveFeature(offset, f"ue-{offset % 3}", 11.5, 48.1, "x" * 100)
            conflated.offer([feature])
            complete.offer([feature])
        waiting = await conflated.take(0.1)
        assert [(f.offset, f.ue_id) for f in waiting] == [
            (98, "ue-2"), (99, "ue-0"), (100, "ue-1")
        ]  # fmt: skip
        with pytest.raises(ReaderClosedError):
            await complete.take(0.1)
        conflated.offer([LiveFeature(101, "ue-2", 11.5, 48.1, "x")])
        assert [f.offset for f in await conflated.take(0.1)] == [101]

    asyncio.run(run())


def test_conflation_does_not_lift_the_cap_on_unread_bytes() -> None:
    async def run() -> None:
        reader = Subscription(FeedFilter(conflate=True), after=0, max_bytes=3_000)
        for offset in range(1, 101):
            reader.offer([LiveFeature(offset, f"ue-{offset}", 11.5, 48.1, "x" * 100)])
        with pytest.raises(ReaderClosedError) as closed:
            await reader.take(0.1)
        assert closed.value.code == SLOW_READER

    asyncio.run(run())


def test_a_slow_reader_is_closed_and_costs_the_others_nothing(
    make_log: MakeLog, make_record: MakeRecord
) -> None:
    async def run() -> None:
        hub = await started(make_log(), client_bytes=20_000)
        slow, quick = hub.subscribe(EVERYTHING), hub.subscribe(EVERYTHING)
        got = 0
        for _ in range(10):
            for i in range(20):
                hub.publish(make_record(f"ue-{i}"))
            got += len(await take(quick, 20))
        assert got == 200
        with pytest.raises(ReaderClosedError) as closed:
            await slow.take(0.1)
        assert closed.value.code == SLOW_READER
        with pytest.raises(ReaderClosedError):
            await asyncio.wait_for(slow.ended(), 0.1)
        await hub.stop(5)

    asyncio.run(run())


def test_a_reader_that_comes_back_gets_exactly_the_gap(
    make_log: MakeLog, make_record: MakeRecord
) -> None:
    log = make_log(max_age_s=100)
    log.append([make_record(f"ue-{i % 3}", received_s=1000.0 + i) for i in range(1200)])
    epoch = log.state().epoch
    back = begin(log, EVERYTHING, epoch, 100)
    assert back.recovered
    assert [f.offset for page in back.pages for f in page] == list(range(101, 1201))
    one = begin(log, FeedFilter(ue_id="ue-1"), epoch, 1190)
    assert [f.offset for page in one.pages for f in page] == [1193, 1196, 1199]
    current = begin(log, EVERYTHING, epoch, 1200)
    assert current.recovered and [f for page in current.pages for f in page] == []
    for gone_epoch, gone_offset in ((epoch, 1201), ("other", 100), (None, None), (epoch, None)):
        anew = begin(log, EVERYTHING, gone_epoch, gone_offset)
        assert not anew.recovered
        assert [[f.offset for f in page] for page in anew.pages] == [[1198, 1199, 1200]]
        assert anew.state == LogState(epoch, 0, 1200)
    log.trim(now_s=1000.0 + 600)
    assert not begin(log, EVERYTHING, epoch, 100).recovered
    assert begin(log, EVERYTHING, epoch, log.state().floor).recovered


def test_a_restarted_service_continues_the_offsets(
    make_log: MakeLog, make_record: MakeRecord
) -> None:
    async def first() -> tuple[str, int]:
        hub = await started(make_log())
        reader = hub.subscribe(EVERYTHING)
        hub.publish(make_record())
        (feature,) = await take(reader, 1)
        for _ in range(4):  # what is accepted but not yet written survives an orderly stop
            hub.publish(make_record())
        await hub.stop(5)
        return hub.position.epoch, feature.offset

    async def second(epoch: str, offset: int) -> list[int]:
        hub = await started(make_log())
        reader = hub.subscribe(EVERYTHING)
        back = begin(hub.log, EVERYTHING, epoch, offset)
        assert back.recovered
        missed = [f.offset for page in back.pages for f in page]
        reader.after = back.state.last
        hub.publish(make_record())
        live = [f.offset for f in await take(reader, 1)]
        await hub.stop(5)
        return missed + live

    epoch, offset = asyncio.run(first())
    assert asyncio.run(second(epoch, offset)) == [2, 3, 4, 5, 6]


def test_a_fix_is_found_before_it_is_written(make_log: MakeLog, make_record: MakeRecord) -> None:
    hub = LiveHub(make_log(), 1_000_000)
    record = make_record()
    hub.publish(record)
    assert hub.get(record.fix_id) == record


def test_redis_away_makes_the_feed_stale_and_it_catches_up(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    async def run() -> None:
        server = RedisServer(tmp_path)
        server.start()
        hub = await started(RedisLog(server.url, Retention(3600, 100_000_000)))
        reader = hub.subscribe(EVERYTHING)
        hub.publish(make_record())
        assert [f.offset for f in await take(reader, 1)] == [1]
        server.stop()
        for _ in range(5):
            hub.publish(make_record())
        deadline = time.monotonic() + 5
        while not hub.stale:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert hub.pending == 5
        server.start()
        assert [f.offset for f in await take(reader, 5)] == [2, 3, 4, 5, 6]
        while hub.stale:
            assert time.monotonic() < deadline + 10
            await asyncio.sleep(0.05)
        await hub.stop(5)
        server.stop()

    asyncio.run(run())


def test_a_redis_that_lost_everything_sends_readers_for_a_snapshot(
    redis_server: RedisServer, make_record: MakeRecord
) -> None:
    async def run() -> None:
        connection = redis.Redis(port=redis_server.port)
        connection.flushall()
        hub = await started(RedisLog(redis_server.url, Retention(3600, 100_000_000)))
        hub.publish(make_record())
        reader = hub.subscribe(EVERYTHING)
        await take(reader, 1)
        before = hub.position.epoch
        connection.flushall()
        with pytest.raises(ReaderClosedError) as closed:
            await asyncio.wait_for(reader.ended(), 5)
        assert closed.value.code == NEW_EPOCH
        assert hub.position.epoch != before
        again = hub.subscribe(EVERYTHING)
        hub.publish(make_record())
        assert [f.offset for f in await take(again, 1)] == [1]
        await hub.stop(5)

    asyncio.run(run())


def test_a_redis_restored_from_a_copy_is_another_epoch(
    tmp_path: Path, make_record: MakeRecord
) -> None:
    async def run() -> None:
        server = RedisServer(tmp_path)
        server.start()
        hub = await started(RedisLog(server.url, Retention(3600, 100_000_000)))
        reader = hub.subscribe(EVERYTHING)
        for _ in range(2):
            hub.publish(make_record())
        await take(reader, 2)
        await asyncio.sleep(1.1)  # the append-only file is synced every second
        copy = shutil.copytree(tmp_path / "appendonlydir", tmp_path / "copy")
        for _ in range(3):
            hub.publish(make_record())
        await take(reader, 3)
        before = hub.position
        server.stop()
        shutil.rmtree(tmp_path / "appendonlydir")
        shutil.move(copy, tmp_path / "appendonlydir")
        server.start()
        with pytest.raises(ReaderClosedError) as closed:
            await asyncio.wait_for(reader.ended(), 10)
        assert closed.value.code == NEW_EPOCH
        again = hub.subscribe(EVERYTHING)
        for _ in range(9):
            hub.publish(make_record())
        assert [f.offset for f in await take(again, 9)] == list(range(3, 12))
        assert not begin(hub.log, EVERYTHING, before.epoch, before.last).recovered
        await hub.stop(5)
        server.stop()

    asyncio.run(run())


def test_two_services_share_one_feed_through_redis(
    redis_server: RedisServer, make_record: MakeRecord
) -> None:
    async def run() -> None:
        redis.Redis(port=redis_server.port).flushall()
        hubs = [
            await started(RedisLog(redis_server.url, Retention(3600, 100_000_000)))
            for _ in range(2)
        ]
        readers = [hub.subscribe(EVERYTHING) for hub in hubs]
        for i in range(100):
            hubs[i % 2].publish(make_record(f"ue-{i}"))
        seen = [[(f.offset, f.ue_id) for f in await take(reader, 100)] for reader in readers]
        assert seen[0] == seen[1]
        assert [offset for offset, _ in seen[0]] == list(range(1, 101))
        for hub in hubs:
            await hub.stop(5)

    asyncio.run(run())
