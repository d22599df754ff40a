"""The service of `console_load.py`: the application with moving UEs put into its feed.

    python benchmarks/console_publisher.py PORT UES INTERVAL FOLDER

Every UE gets a fix each INTERVAL seconds, spread evenly over it. The UEs start all over the middle
of Munich and go straight on, at the pace of a pedestrian or a car, until they turn at the edge.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from pathlib import Path

import numpy as np
from fed_service import serve_fed

from rayfix.api.request_log import configure_logging
from rayfix.live.hub import LiveHub
from rayfix.live.record import FixRecord, new_fix_id

TICK_S = 0.02
CENTRE_LAT, CENTRE_LON = 48.1379, 11.5759
HALF_WIDTH_M = 250.0
METRES_PER_DEGREE = 111_195.0
SPEEDS_MPS = (1.4, 9.0)
ERROR_M = 1.5


class Walkers:
    """Places of UEs that go straight on and are reflected at the edges of a square."""

    def __init__(self, count: int, seed: int = 6) -> None:
        self._random = np.random.default_rng(seed)
        self._start = self._random.uniform(-HALF_WIDTH_M, HALF_WIDTH_M, (count, 2))
        heading = self._random.uniform(0, 2 * np.pi, count)
        speed = self._random.choice(SPEEDS_MPS, count)
        self._velocity = np.stack([np.cos(heading), np.sin(heading)], axis=1) * speed[:, None]

    def record(self, ue: int, elapsed_s: float) -> FixRecord:
        """The fix of a UE now, with its truth."""
        free = self._start[ue] + self._velocity[ue] * elapsed_s + HALF_WIDTH_M
        width = 2 * HALF_WIDTH_M
        truth = width - np.abs(free % (2 * width) - width) - HALF_WIDTH_M
        fix = truth + self._random.normal(0, ERROR_M, 2)
        lat, lon = _degrees(fix)
        truth_lat, truth_lon = _degrees(truth)
        now = time.time()
        return FixRecord(
            fix_id=new_fix_id(), ue_id=f"ue-{ue:04d}", scene="munich", time_s=now, received_s=now,
            lat=lat, lon=lon, accuracy_m=2.3, confidence=1.0, semi_major_m=4.5, semi_minor_m=3.0,
            orientation_deg=ue * 37 % 180, ellipse_confidence=0.95, detail="{}",
            truth_lat=truth_lat, truth_lon=truth_lon,
        )  # fmt: skip


def _degrees(east_north_m: np.ndarray) -> tuple[float, float]:
    """Latitude and longitude of a place near the centre."""
    east_m, north_m = (float(value) for value in east_north_m)
    narrow = math.cos(math.radians(CENTRE_LAT))
    return (
        CENTRE_LAT + north_m / METRES_PER_DEGREE,
        CENTRE_LON + east_m / (METRES_PER_DEGREE * narrow),
    )


async def publish(hub: LiveHub, ues: int, interval_s: float) -> None:
    """Put fixes into the feed, in small groups, for ever."""
    walkers = Walkers(ues)
    started, number = time.monotonic(), 0
    while True:
        elapsed_s = time.monotonic() - started
        while number < ues * elapsed_s / interval_s:
            hub.publish(walkers.record(number % ues, elapsed_s))
            number += 1
        await asyncio.sleep(TICK_S)


if __name__ == "__main__":
    configure_logging("json")
    ues, interval_s = int(sys.argv[2]), float(sys.argv[3])
    asyncio.run(
        serve_fed(int(sys.argv[1]), Path(sys.argv[4]), lambda hub: publish(hub, ues, interval_s))
    )
