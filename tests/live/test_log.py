"""What both homes of the live log promise, checked on each."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rayfix.errors import ArtefactError
from rayfix.live.log import LiveLog, LiveLogUnavailableError, LogState, Retention
from rayfix.live.record import FIX_ID_PATTERN, FixRecord, new_fix_id
from rayfix.live.redis_log import RedisLog
from rayfix.live.sqlite_log import SqliteLog

MakeLog = Callable[..., LiveLog]
MakeRecord = Callable[..., FixRecord]


def without_detail(record: FixRecord, offset: int) -> FixRecord:
    return dataclasses.replace(record, detail="", offset=offset)


def test_fix_ids_are_ulids_in_order_of_time() -> None:
    first = new_fix_id()
    time.sleep(0.002)
    second = new_fix_id()
    assert FIX_ID_PATTERN.match(first) and FIX_ID_PATTERN.match(second)
    assert first < second


def test_records_come_back_in_order_with_offsets_from_one(
    make_log: MakeLog, make_record: MakeRecord
) -> None:
    log = make_log()
    records = [make_record(ue_id=name) for name in ("a", "b:c", None)]
    assert log.state().last == log.state().floor == 0
    log.append(records[:2])
    log.append(records[2:])
    assert log.since(0, 10) == [without_detail(r, i + 1) for i, r in enumerate(records)]
    assert log.since(1, 1) == [without_detail(records[1], 2)]
    assert (log.state().floor, log.state().last) == (0, 3)


def test_a_retried_append_changes_nothing(make_log: MakeLog, make_record: MakeRecord) -> None:
    log = make_log()
    first, second = make_record(), make_record()
    log.append([first])
    log.append([first, second])
    assert [r.fix_id for r in log.since(0, 10)] == [first.fix_id, second.fix_id]
    assert [r.offset for r in log.since(0, 10)] == [1, 2]


def test_get_gives_the_detail_and_none_for_unknown_ids(
    make_log: MakeLog, make_record: MakeRecord
) -> None:
    log = make_log()
    record = make_record(detail='{"text":"Grüße\\n:"}')
    log.append([record])
    assert log.get(record.fix_id) == dataclasses.replace(record, offset=1)
    assert log.get(new_fix_id()) is None


def test_latest_is_the_newest_of_each_ue_and_leaves_out_nameless_fixes(
    make_log: MakeLog, make_record: MakeRecord
) -> None:
    log = make_log()
    log.append([make_record("a"), make_record("b"), make_record("a"), make_record(None)])
    state, records = log.latest()
    assert [(r.ue_id, r.offset) for r in records] == [("b", 2), ("a", 3)]
    assert state == log.state()


def test_track_is_ordered_by_time_bounded_and_keeps_the_newest(
    make_log: MakeLog, make_record: MakeRecord
) -> None:
    log = make_log()
    times = [10.5, 30.0, 20.0, 40.0]
    log.append([make_record("a", t) for t in times] + [make_record("b", 25.0)])
    assert [r.time_s for r in log.track("a", None, None, 10)] == [10.5, 20.0, 30.0, 40.0]
    assert [r.time_s for r in log.track("a", 10.5, 30.0, 10)] == [10.5, 20.0, 30.0]
    assert [r.time_s for r in log.track("a", None, None, 2)] == [30.0, 40.0]
    assert log.track("nobody", None, None, 10) == []


def test_wait_returns_when_something_is_appended(
    make_log: MakeLog, make_record: MakeRecord
) -> None:
    log = make_log()
    started = time.monotonic()
    assert log.wait(0, 0.05) == []
    assert time.monotonic() - started >= 0.04
    timer = threading.Timer(0.1, log.append, [[make_record()]])
    timer.start()
    assert [r.offset for r in log.wait(0, 2.0)] == [1]
    assert time.monotonic() - started < 1.5
    timer.join()


def test_a_restart_keeps_epoch_offsets_and_history(
    make_log: MakeLog, make_record: MakeRecord
) -> None:
    log = make_log()
    log.append([make_record(), make_record()])
    before = log.state()
    log.close()
    again = make_log()
    assert again.state() == before
    again.append([make_record()])
    assert [r.offset for r in again.since(0, 10)] == [1, 2, 3]


def test_an_epoch_begins_once_for_all_who_ask(make_log: MakeLog, make_record: MakeRecord) -> None:
    one, other = make_log(), make_log()
    one.append([make_record()])
    old = one.state().epoch
    one.begin_epoch(old)
    new = one.state().epoch
    other.begin_epoch(old)
    assert new != old and other.state() == LogState(new, 0, 1)


def test_retention_by_age_drops_the_old_end_everywhere(
    make_log: MakeLog, make_record: MakeRecord
) -> None:
    log = make_log(max_age_s=100.0)
    old = [make_record("a", 1.0, received_s=10.0), make_record("b", 2.0, received_s=11.0)]
    new = [make_record("a", 3.0, received_s=500.0)]
    log.append(old + new)
    assert log.trim(now_s=520.0) == 2
    state = log.state()
    assert (state.floor, state.last) == (2, 3)
    assert [r.offset for r in log.since(0, 10)] == [3]
    assert [r.ue_id for r in log.latest()[1]] == ["a"]
    assert [r.time_s for r in log.track("a", None, None, 10)] == [3.0]
    assert log.track("b", None, None, 10) == []
    assert log.get(old[0].fix_id) is None
    assert state.can_resume(state.epoch, 2) and state.can_resume(state.epoch, 3)
    assert not state.can_resume(state.epoch, 1)
    assert not state.can_resume(state.epoch, 4)
    assert not state.can_resume("another", 3)
    assert log.trim(now_s=1000.0) == 1
    assert (log.state().floor, log.state().last) == (3, 3)
    log.append([make_record()])
    assert log.since(0, 10)[0].offset == 4


def test_retention_by_size(make_log: MakeLog, make_record: MakeRecord) -> None:
    log = make_log(max_bytes=4_000_000)
    log.append([make_record(detail="x" * 2000) for _ in range(2000)])
    dropped = log.trim(time.time())
    assert 500 <= dropped < 2000
    assert log.trim(time.time()) == 0
    assert log.since(0, 1)[0].offset == dropped + 1
    assert len(log.latest()[1]) == 1


def test_sqlite_refuses_a_file_that_is_no_log_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "live.sqlite"
    path.write_bytes(b"not a database, but long enough to have a header of a hundred bytes" * 3)
    with pytest.raises(ArtefactError, match=r"live\.sqlite"):
        SqliteLog(path, Retention(60, 10_000_000))


def test_redis_that_is_not_there_is_an_error_of_its_own(make_record: MakeRecord) -> None:
    log = RedisLog("redis://127.0.0.1:9/0", Retention(60, 10_000_000))
    for call in (log.state, log.latest, lambda: log.append([make_record()])):
        with pytest.raises(LiveLogUnavailableError, match="Redis"):
            call()


def test_a_log_file_of_the_first_version_is_taken_over(
    tmp_path: Path, make_record: Callable[..., FixRecord]
) -> None:
    path = tmp_path / "live.sqlite"
    log = SqliteLog(path, Retention(1e9, 10**9))
    log.append([make_record()])
    log.close()
    with sqlite3.connect(path) as file:
        file.execute("ALTER TABLE fix DROP COLUMN truth_lat")
        file.execute("ALTER TABLE fix DROP COLUMN truth_lon")
        file.execute("ALTER TABLE fix DROP COLUMN serving_cell")
        file.execute("ALTER TABLE fix DROP COLUMN track")
        file.execute("PRAGMA user_version = 1")
    log = SqliteLog(path, Retention(1e9, 10**9))
    log.append([dataclasses.replace(make_record(), truth_lat=48.1, truth_lon=11.5)])
    first, second = log.since(0, 10)
    log.close()
    assert (first.truth_lat, first.truth_lon) == (None, None)
    assert (second.truth_lat, second.truth_lon) == (48.1, 11.5)
