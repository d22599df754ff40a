"""The service of `live_fanout.py`: the application with fixes of 1,000 UEs put into its feed.

    python benchmarks/live_publisher.py PORT RATE FOLDER

Publishes from SIGUSR1 on. The time of publishing [ns] stands in each record's `scene`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

from fed_service import serve_fed

from rayfix.api.request_log import configure_logging
from rayfix.live.hub import LiveHub
from rayfix.live.record import FixRecord, new_fix_id

UES = 1000
TICK_S = 0.02


def record(number: int) -> FixRecord:
    """A fix of one of the UEs, which stand side by side from 10 to 11 degrees east."""
    ue = number % UES
    return FixRecord(
        fix_id=new_fix_id(), ue_id=f"ue-{ue}", scene=str(time.time_ns()), time_s=time.time(),
        received_s=time.time(), lat=48.5, lon=10.0 + ue / UES, accuracy_m=5.0, confidence=1.0,
        semi_major_m=6.0, semi_minor_m=3.0, orientation_deg=30.0, ellipse_confidence=0.95,
        detail="{}",
    )  # fmt: skip


async def publish(hub: LiveHub, rate: float) -> None:
    """Put fixes into the feed from SIGUSR1 on, in small groups, for ever."""
    begin = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, begin.set)
    await begin.wait()
    started, number = time.monotonic(), 0
    while True:
        await asyncio.sleep(TICK_S)
        while number < rate * (time.monotonic() - started):
            hub.publish(record(number))
            number += 1


if __name__ == "__main__":
    configure_logging("json")
    rate = float(sys.argv[2])
    asyncio.run(serve_fed(int(sys.argv[1]), Path(sys.argv[3]), lambda hub: publish(hub, rate)))
