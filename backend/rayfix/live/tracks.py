"""Tracks: successive fixes of a UE, filtered in the order of their reports.

Every fix stays as it was located; beside it stands what the track says at its time. A fix that
comes late takes its place among the others, and the track is filtered again from there. A fix dated
ahead of its reception, or from before everything that is remembered, is no part of the track,
unless three in a row agree: then the sender's clock was set, and the track begins anew.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from statistics import median

import numpy as np

from rayfix.live.motion_filter import (
    Ellipse,
    Float64,
    MotionState,
    begin,
    covariance_of,
    ellipse_of,
    step,
)
from rayfix.live.record import FixRecord, TrackPoint

REMEMBERED_FIXES = 16
"""Fixes of a UE that a late one can be sorted in among."""
REMEMBERED_UES = 20_000
NEW_TRACK_AFTER_S = 60.0
"""Silence after which nothing is known of the motion."""
NEW_TRACK_AFTER_MISSES = 3
"""Fixes in a row that the track does not explain: it was wrong, or the clock was set."""
AHEAD_S = 2.0
"""How far a report may be dated ahead of its reception, beyond what is usual for its sender."""
ABSOLUTE_CLOCK_S = 86_400.0
"""A first report this close to its reception has a clock that means the time of day."""
CONFIDENCE = 0.95

_SEMI_MAJOR_AXIS_M, _ECCENTRICITY_SQUARED = 6_378_137.0, 6.694_379_990_14e-3
"""The ellipsoid of WGS 84."""


class _Plane:
    """East-north metres around a place: radii of curvature of the ellipsoid there."""

    def __init__(self, lat_deg: float, lon_deg: float) -> None:
        self._origin = (lat_deg, lon_deg)
        latitude = math.radians(lat_deg)
        flat = 1.0 - _ECCENTRICITY_SQUARED * math.sin(latitude) ** 2
        meridian = _SEMI_MAJOR_AXIS_M * (1.0 - _ECCENTRICITY_SQUARED) / flat**1.5
        parallel = max(1.0, _SEMI_MAJOR_AXIS_M / math.sqrt(flat) * math.cos(latitude))
        self._metres_per_deg = (math.radians(1.0) * meridian, math.radians(1.0) * parallel)

    def to_metres(self, lat_deg: float, lon_deg: float) -> Float64:
        north = (lat_deg - self._origin[0]) * self._metres_per_deg[0]
        east = (lon_deg - self._origin[1]) * self._metres_per_deg[1]
        return np.array([east, north])

    def to_degrees(self, east_m: float, north_m: float) -> tuple[float, float]:
        lat = self._origin[0] + north_m / self._metres_per_deg[0]
        return lat, self._origin[1] + east_m / self._metres_per_deg[1]


@dataclass(slots=True)
class _Step:
    """A fix of the track, and the state after it."""

    fix_id: str
    time_s: float
    lead_s: float
    fix_2: Float64
    covariance_22: Float64
    state: MotionState = field(init=False)
    used: bool = field(init=False)


class UeTrack:
    """The last fixes of one UE, in the order of their time."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._strays: list[FixRecord] = []

    def holds(self, fix_id: str) -> bool:
        """Whether a fix is part of what is remembered."""
        return any(known.fix_id == fix_id for known in self._steps)

    def add(self, record: FixRecord) -> TrackPoint | None:
        """Take a fix in; what the track says at its time, None = it is no part of the track."""
        if self._is_stray(record):
            self._strays.append(record)
            if not self._clock_was_set():
                return None
            self._steps = []
        self._strays = []
        if not self._steps:
            self._plane = _Plane(record.lat, record.lon)
        place = bisect_right(self._steps, record.time_s, key=lambda known: known.time_s)
        ellipse = Ellipse(record.semi_major_m, record.semi_minor_m, record.orientation_deg)
        fix_2 = self._plane.to_metres(record.lat, record.lon)
        covariance_22 = covariance_of(ellipse, record.ellipse_confidence)
        lead_s = record.time_s - record.received_s
        added = _Step(record.fix_id, record.time_s, lead_s, fix_2, covariance_22)
        self._steps.insert(place, added)
        self._filter_from(place)
        del self._steps[: max(0, len(self._steps) - REMEMBERED_FIXES)]
        return self._point(added)

    def _is_stray(self, record: FixRecord) -> bool:
        lead_s = record.time_s - record.received_s
        if not self._steps:
            return AHEAD_S < lead_s < ABSOLUTE_CLOCK_S
        usual_s = median(known.lead_s for known in self._steps)
        full = len(self._steps) >= REMEMBERED_FIXES
        first_s = self._steps[0].time_s - (0.0 if full else NEW_TRACK_AFTER_S)
        return lead_s > usual_s + AHEAD_S or record.time_s < first_s

    def _clock_was_set(self) -> bool:
        last = self._strays[-NEW_TRACK_AFTER_MISSES:]
        del self._strays[: -len(last)]
        leads = [stray.time_s - stray.received_s for stray in last]
        return len(last) == NEW_TRACK_AFTER_MISSES and max(leads) - min(leads) < AHEAD_S

    def _filter_from(self, place: int) -> None:
        for index in range(place, len(self._steps)):
            now = self._steps[index]
            before = self._steps[index - 1].state if index else None
            if before is None or now.time_s - before.time_s > NEW_TRACK_AFTER_S:
                now.state, now.used = begin(now.time_s, now.fix_2, now.covariance_22), True
                continue
            now.state, now.used = step(before, now.time_s, now.fix_2, now.covariance_22)
            if now.state.missed >= NEW_TRACK_AFTER_MISSES:
                now.state, now.used = begin(now.time_s, now.fix_2, now.covariance_22), True

    def _point(self, at: _Step) -> TrackPoint:
        east_m, north_m, east_mps, north_mps = at.state.mean_4.tolist()
        lat, lon = self._plane.to_degrees(east_m, north_m)
        ellipse = ellipse_of(at.state.covariance_44[:2, :2], CONFIDENCE)
        return TrackPoint(
            lat=round(lat, 8),
            lon=round(lon, 8),
            semi_major_m=round(ellipse.semi_major_m, 3),
            semi_minor_m=round(ellipse.semi_minor_m, 3),
            orientation_deg=round(ellipse.orientation_deg, 2) % 180.0,
            speed_mps=round(math.hypot(east_mps, north_mps), 3),
            bearing_deg=round(math.degrees(math.atan2(east_mps, north_mps)) % 360.0, 2) % 360.0,
            outlier=not at.used,
        )


class Tracks:
    """The tracks of all UEs that one process locates. Safe to use from several threads."""

    def __init__(self) -> None:
        self._tracks: OrderedDict[str, UeTrack] = OrderedDict()
        self._lock = threading.Lock()

    def knows(self, ue_id: str) -> bool:
        """Whether a UE's track is remembered."""
        return ue_id in self._tracks

    def begin(self, ue_id: str, records: Iterable[FixRecord]) -> None:
        """Start a UE's track from what is kept of it."""
        with self._lock:
            track = self._tracks[ue_id] = UeTrack()
            for record in records:
                track.add(record)
            while len(self._tracks) > REMEMBERED_UES:
                self._tracks.popitem(last=False)

    def followed(self, record: FixRecord) -> FixRecord:
        """The record of a UE whose track has begun, with what its track says."""
        assert record.ue_id is not None
        with self._lock:
            self._tracks.move_to_end(record.ue_id)
            return replace(record, track=self._tracks[record.ue_id].add(record))

    def learn(self, records: Iterable[FixRecord]) -> None:
        """Take in what other processes located of the UEs that are remembered."""
        with self._lock:
            for record in records:
                track = None if record.ue_id is None else self._tracks.get(record.ue_id)
                if track is not None and not track.holds(record.fix_id):
                    track.add(record)
