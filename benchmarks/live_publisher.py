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

from rayfix.api.app import create_app
from rayfix.api.request_log import configure_logging
from rayfix.api.server import server_of
from rayfix.api.services import spare_from_collection
from rayfix.config import Settings
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


async def publish(hub: LiveHub, rate: float, begin: asyncio.Event) -> None:
    """Put fixes into the feed, in small groups, for ever."""
    await begin.wait()
    started, number = time.monotonic(), 0
    while True:
        await asyncio.sleep(TICK_S)
        while number < rate * (time.monotonic() - started):
            hub.publish(record(number))
            number += 1


async def serve(port: int, rate: float, folder: Path) -> None:
    settings = Settings(threads=1, port=port, live_log=folder / "live.sqlite")
    app = create_app(settings)
    server = server_of(app, settings)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.05)
    begin = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, begin.set)
    spare_from_collection()
    publishing = asyncio.create_task(publish(app.state.services.hub, rate, begin))
    print("ready", flush=True)
    await serving
    publishing.cancel()


if __name__ == "__main__":
    configure_logging("json")
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])))
