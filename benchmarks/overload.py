"""What the service does with four times the load that it can carry.

    python benchmarks/overload.py --json

The peak rate is measured first: 64 connections, each with one request at a time. Then requests
arrive at four times that rate, whether or not earlier ones were answered, each on a connection that
is free. Keys:

    accepted_over_peak          answered with a fix per second, over the peak rate (>= 0.90)
    refused_p50_ms, refused_p99_ms, refused_max_ms
                                time to a 429 or 503 with Retry-After (<= 20 ms)
    lost                        requests with no answer, or any other (0)

Latencies are taken in the process that asks, so they hold its own waiting for a processor as well.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Sequence
from typing import Any

from load import TEST_FILE, Outcome, give_way, load, load_sequences, requests_of, service
from provenance import machine

from rayfix.config import Settings

TIMES = 4.0
FILL_S = 3.0
ANSWER_WITHIN_S = 20.0
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Arrivals:
    """Requests that arrive by the clock, on as many connections as that takes."""

    def __init__(self, port: int, requests: Sequence[bytes]) -> None:
        self._port = port
        self._requests = itertools.cycle(requests)
        self._free: list[Connection] = []
        self.outcome = Outcome()
        self.lost = 0

    async def run(self, rate: float, seconds: float) -> None:
        """Let requests arrive until the queue is full and then for a time, which is measured;
        in the end, wait for every answer."""
        started = time.perf_counter()
        pending: set[asyncio.Task[None]] = set()
        answered_before = 0
        for number in range(int(rate * (FILL_S + seconds))):
            due = number / rate
            await asyncio.sleep(max(0.0, started + due - time.perf_counter()))
            task = asyncio.create_task(self._ask(next(self._requests)))
            pending.add(task)
            task.add_done_callback(pending.discard)
            if due < FILL_S:
                answered_before = len(self.outcome.latencies_ms)
                measured_from = time.perf_counter()
        answered = len(self.outcome.latencies_ms) - answered_before
        self.outcome.seconds = time.perf_counter() - started
        self.accepted_per_s = answered / (time.perf_counter() - measured_from)
        if pending:
            _, late = await asyncio.wait(pending, timeout=ANSWER_WITHIN_S)
            self.lost += len(late)
        for _, writer in self._free:
            writer.close()

    async def _ask(self, request: bytes) -> None:
        try:
            if self._free:
                reader, writer = self._free.pop()
            else:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            started = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(
                int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            )
        except (OSError, asyncio.IncompleteReadError):
            self.lost += 1
            return
        elapsed_ms = 1e3 * (time.perf_counter() - started)
        self._free.append((reader, writer))
        status = int(head.split(b" ", 2)[1])
        if status == 200:
            self.outcome.latencies_ms.append(elapsed_ms)
        elif status in (429, 503) and b"retry-after" in head.lower():
            self.outcome.refused_ms.append(elapsed_ms)
        else:
            self.outcome.other += 1


def measure(settings: Settings, seconds: float) -> dict[str, Any]:
    """Run everything; see the module's docstring for the keys."""
    sequences = load_sequences(TEST_FILE, settings, 300)
    give_way()
    with service(settings) as served:
        requests = requests_of(sequences, served.port, refine=False)
        load(served.port, requests, 64, 2.0)
        peak = load(served.port, requests, 64, seconds).rate
        arrivals = Arrivals(served.port, requests)
        asyncio.run(arrivals.run(TIMES * peak, seconds))
        after = load(served.port, requests, 64, seconds).rate
    refused = sorted(arrivals.outcome.refused_ms)
    return {
        "machine": machine(),
        "peak_per_s": peak,
        "offered_per_s": TIMES * peak,
        "accepted_per_s": arrivals.accepted_per_s,
        "accepted_over_peak": arrivals.accepted_per_s / peak,
        "after_over_peak": after / peak,
        "accepted": len(arrivals.outcome.latencies_ms),
        "refused": len(refused),
        "refused_p50_ms": refused[len(refused) // 2],
        "refused_p99_ms": refused[int(0.99 * len(refused))],
        "refused_max_ms": refused[-1],
        "accepted_p50_ms": arrivals.outcome.quantile(0.5),
        "accepted_p99_ms": arrivals.outcome.quantile(0.99),
        "lost": arrivals.lost + arrivals.outcome.other,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each load")
    arguments = parser.parse_args()
    results = measure(Settings(threads=1), arguments.seconds)
    if arguments.json:
        print(json.dumps(results, indent=1, allow_nan=False))
        return
    for name, value in results.items():
        print(f"{name:20}{value:.3f}" if isinstance(value, float) else f"{name:20}{value}")


if __name__ == "__main__":
    main()
