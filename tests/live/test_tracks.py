"""Tracks: smoother than fixes, honest about it, and not led astray by odd reports."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rayfix.live.hub import LiveHub
from rayfix.live.log import LiveLog
from rayfix.live.motion_filter import Ellipse, covariance_of, ellipse_of
from rayfix.live.record import FixRecord
from rayfix.live.tracks import NEW_TRACK_AFTER_S, Tracks, UeTrack

MakeLog = Callable[..., LiveLog]
MakeRecord = Callable[..., FixRecord]
LAT, LON = 48.13, 11.57
NORTH_DEG_PER_M = 1.0 / 111_202.0
EAST_DEG_PER_M = 1.0 / 74_450.0
NOW_S = 1.7e9


def at(
    make_record: MakeRecord, seconds: float, east_m: float, north_m: float, late_s: float = 0.0
) -> FixRecord:
    """A fix of six metres (95 %) in every direction, some metres from a corner of Munich."""
    record = make_record(
        "a",
        time_s=NOW_S + seconds,
        received_s=NOW_S + seconds + late_s + 0.1,
        lat=LAT + north_m * NORTH_DEG_PER_M,
        lon=LON + east_m * EAST_DEG_PER_M,
    )
    return replace(record, semi_major_m=6.0, semi_minor_m=6.0, orientation_deg=0.0)


def metres(lat: float, lon: float) -> tuple[float, float]:
    return (lon - LON) / EAST_DEG_PER_M, (lat - LAT) / NORTH_DEG_PER_M


@pytest.mark.parametrize("bearing", [0.0, 30.0, 90.0, 135.0, 179.0])
def test_an_ellipse_and_its_covariance_are_the_same_thing(bearing: float) -> None:
    ellipse = Ellipse(12.0, 5.0, bearing)
    back = ellipse_of(covariance_of(ellipse, 0.95), 0.95)
    assert back == pytest.approx(ellipse, abs=1e-6)
    east = covariance_of(Ellipse(12.0, 5.0, 90.0), 0.95)
    assert east[0, 0] > east[1, 1] and east[0, 1] == pytest.approx(0.0, abs=1e-9)


def test_a_walk_is_smoother_than_its_fixes_and_its_ellipse_holds(make_record: MakeRecord) -> None:
    random = np.random.default_rng(3)
    track, raw_m, filtered_m, inside = UeTrack(), [], [], []
    sigma_m = 6.0 / math.sqrt(-2.0 * math.log(0.05))
    for second in range(300):
        truth = np.array([1.2 * second, 0.5 * second])
        fix = truth + random.normal(0.0, sigma_m, 2)
        point = track.add(at(make_record, second, *fix))
        assert point is not None
        error = np.hypot(*(np.array(metres(point.lat, point.lon)) - truth))
        if second >= 20:
            raw_m.append(np.hypot(*(fix - truth)))
            filtered_m.append(error)
            inside.append(error <= point.semi_major_m)
    assert np.median(filtered_m) < 0.75 * np.median(raw_m)
    assert np.mean(inside) > 0.93
    assert point.speed_mps == pytest.approx(1.3, abs=0.6)
    assert point.bearing_deg == pytest.approx(math.degrees(math.atan2(1.2, 0.5)), abs=30)


def test_an_outlier_is_told_and_changes_nothing(make_record: MakeRecord) -> None:
    track = UeTrack()
    for second in range(10):
        track.add(at(make_record, second, second, 0))
    far = track.add(at(make_record, 10, 300, 0))
    assert far is not None and far.outlier
    assert metres(far.lat, far.lon)[0] == pytest.approx(10, abs=1.5)
    after = track.add(at(make_record, 11, 11, 0))
    assert after is not None and not after.outlier
    assert metres(after.lat, after.lon)[0] == pytest.approx(11, abs=1.5)


def test_three_fixes_in_a_row_elsewhere_begin_the_track_anew(make_record: MakeRecord) -> None:
    track = UeTrack()
    for second in range(10):
        track.add(at(make_record, second, 0, 0))
    points = [track.add(at(make_record, 10 + i, 300, 0)) for i in range(3)]
    assert [p.outlier for p in points if p] == [True, True, False]
    assert points[2] is not None and metres(points[2].lat, points[2].lon)[0] == pytest.approx(300)


def test_a_late_fix_takes_its_place(make_record: MakeRecord) -> None:
    walk = [at(make_record, i, 2.0 * i + (-1) ** i, 0.5 * i) for i in range(8)]
    in_order, late = UeTrack(), UeTrack()
    for record in walk:
        last = in_order.add(record)
    for record in [*walk[:4], *walk[5:7]]:
        late.add(record)
    point = late.add(replace(walk[4], received_s=NOW_S + 7.1))
    assert point is not None
    assert metres(point.lat, point.lon)[0] == pytest.approx(8.0, abs=2.0)
    assert late.add(walk[7]) == last


def test_a_report_from_the_future_is_no_part_of_the_track(make_record: MakeRecord) -> None:
    track = UeTrack()
    for second in range(5):
        track.add(at(make_record, second, second, 0))
    ahead = replace(at(make_record, 3600, 900, 0), received_s=NOW_S + 5)
    assert track.add(ahead) is None
    point = track.add(at(make_record, 5, 5, 0))
    assert point is not None and not point.outlier
    assert metres(point.lat, point.lon)[0] == pytest.approx(5, abs=1.0)
    assert UeTrack().add(replace(at(make_record, 60, 0, 0), received_s=NOW_S)) is None


def test_a_clock_that_was_set_begins_the_track_anew(make_record: MakeRecord) -> None:
    """A sender whose clock starts at zero again, after a restart."""
    track = UeTrack()
    for second in range(100):
        track.add(
            replace(at(make_record, 0, 0, 0), time_s=1000.0 + second, received_s=NOW_S + second)
        )
    again = [
        track.add(replace(at(make_record, 0, 0, 0), time_s=float(i), received_s=NOW_S + 100 + i))
        for i in range(4)
    ]
    assert [p is None for p in again] == [True, True, False, False]


def test_after_a_long_silence_nothing_is_known_of_the_motion(make_record: MakeRecord) -> None:
    track = UeTrack()
    for second in range(10):
        track.add(at(make_record, second, 10.0 * second, 0))
    point = track.add(at(make_record, 10 + NEW_TRACK_AFTER_S + 1, 0, 0))
    assert point is not None and not point.outlier and point.speed_mps == 0.0


def test_processes_that_share_a_log_share_the_track(make_record: MakeRecord) -> None:
    walk = [at(make_record, i, 3.0 * i, (-1.0) ** i) for i in range(10)]
    alone, here = Tracks(), Tracks()
    alone.begin("a", [])
    here.begin("a", walk[:4])
    for record in walk[:9]:
        alone.followed(record)
    here.learn([make_record("b"), make_record(None), *walk[2:9]])
    assert here.followed(walk[9]) == alone.followed(walk[9])


def test_raw_and_filtered_are_both_kept_also_across_a_restart(
    make_log: MakeLog, make_record: MakeRecord
) -> None:
    walk = [at(make_record, i, 3.0 * i, (-1.0) ** i) for i in range(10)]

    async def run(records: list[FixRecord]) -> list[FixRecord]:
        hub = LiveHub(make_log(max_age_s=1e9), 1_000_000)
        hub.start()
        for record in records:
            hub.publish(record)
        deadline = time.monotonic() + 5
        while hub.pending:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        kept = hub.log.track("a", None, None, 100)
        await hub.stop(5)
        return kept

    asyncio.run(run(walk[:6]))
    kept = asyncio.run(run([*walk[6:], make_record(None)]))
    assert [(r.lat, r.lon) for r in kept] == [(r.lat, r.lon) for r in walk]
    once = UeTrack()
    assert [r.track for r in kept] == [once.add(record) for record in walk]
