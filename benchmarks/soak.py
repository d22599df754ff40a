"""Memory of the service over time, under a steady low load.

    python benchmarks/soak.py --minutes 30 --json

Posts real reports of 200 UEs at a fixed rate, with a live reader that reads and one that leaves and
comes back, and samples the resident memory of all processes of the service. The first `--warm-up`
share of the time is left out: the live log, its pages and the tracks of all UEs are filled then.
Retention is set so short that the log stops growing within the warm-up. Keys:

    rss_slope_mb_per_h          least-squares slope after the warm-up
    rss_first_mb, rss_last_mb   mean of the first and last tenth after the warm-up
    answered, not_answered      requests
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np
from load import TEST_FILE, give_way, load_sequences, resident_bytes, service
from provenance import machine
from websockets.asyncio.client import connect

from rayfix.config import Settings
from rayfix.measurement.report import Report

UES = 200
READER_STAYS_S = 20.0


async def post(port: int, sequences: Sequence[Sequence[Report]], rate: float, until: float) -> Any:
    """Post at a fixed rate; returns how many were answered and how many were not."""
    answered = missed = 0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        number = 0
        started = time.monotonic()
        while time.monotonic() < until:
            reports = sequences[number % len(sequences)]
            shift_s = time.time() - reports[-1].time
            body = {
                "ue_id": f"ue-{number % UES}",
                "reports": [
                    r.model_copy(update={"time": r.time + shift_s}).model_dump(exclude_none=True)
                    for r in reports
                ],
                "refine": number % 2 == 0,
            }
            reply = await client.post("/api/v1/locate", json=body)
            answered, missed = answered + reply.is_success, missed + reply.is_error
            number += 1
            await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
    return answered, missed


async def read(port: int, until: float, stays_s: float) -> int:
    """Read the live feed, leaving every `stays_s`; returns the frames read."""
    frames = 0
    while time.monotonic() < until:
        async with connect(f"ws://127.0.0.1:{port}/api/v1/live") as reader:
            leave = min(until, time.monotonic() + stays_s)
            while time.monotonic() < leave:
                try:
                    await asyncio.wait_for(reader.recv(), max(0.01, leave - time.monotonic()))
                    frames += 1
                except TimeoutError:
                    break
    return frames


async def sample(pid: int, until: float, interval_s: float) -> list[tuple[float, float]]:
    """(seconds, MB) of the service's memory."""
    samples, started = [], time.monotonic()
    while time.monotonic() < until:
        samples.append((time.monotonic() - started, resident_bytes(pid) / 1e6))
        await asyncio.sleep(interval_s)
    return samples


def slope_mb_per_h(samples: Sequence[tuple[float, float]]) -> float:
    """Least-squares slope."""
    seconds, megabytes = np.array(samples).T
    return float(np.polyfit(seconds, megabytes, 1)[0] * 3600.0)


def measure(settings: Settings, minutes: float, rate: float, warm_up: float) -> dict[str, Any]:
    """Run the soak; see the module's docstring for the keys."""
    sequences = load_sequences(TEST_FILE, settings, 300)
    give_way()
    short_log = {"RAYFIX_LIVE_MAX_AGE_S": str(0.25 * warm_up * minutes * 60.0)}
    with service(settings, **short_log) as served:

        async def run() -> Any:
            until = time.monotonic() + 60.0 * minutes
            return await asyncio.gather(
                post(served.port, sequences, rate, until),
                read(served.port, until, float("inf")),
                read(served.port, until, READER_STAYS_S),
                sample(served.pid, until, min(5.0, 0.6 * minutes)),
            )

        (answered, missed), frames, _, samples = asyncio.run(run())
    settled = samples[int(warm_up * len(samples)) :]
    tenth = max(1, len(settled) // 10)
    return {
        "machine": machine(),
        "minutes": minutes,
        "rate_per_s": rate,
        "warm_up_share": warm_up,
        "rss_slope_mb_per_h": slope_mb_per_h(settled),
        "rss_first_mb": float(np.mean([mb for _, mb in settled[:tenth]])),
        "rss_last_mb": float(np.mean([mb for _, mb in settled[-tenth:]])),
        "rss_start_mb": samples[0][1],
        "answered": answered,
        "not_answered": missed,
        "live_frames": frames,
        "samples": [(round(s), round(mb, 2)) for s, mb in samples],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=10.0, help="requests per second")
    parser.add_argument("--warm-up", type=float, default=0.33, help="share that is left out")
    arguments = parser.parse_args()
    results = measure(Settings(threads=1), arguments.minutes, arguments.rate, arguments.warm_up)
    if arguments.json:
        print(json.dumps(results, allow_nan=False))
        return
    for name, value in results.items():
        if name != "samples":
            print(f"{name:20}{value}")


if __name__ == "__main__":
    main()
