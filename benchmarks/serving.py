"""How much of the model's own speed the service gives to its clients.

    python benchmarks/serving.py --json

Starts `rayfix serve` in a process of its own and asks it over HTTP with real reports (10 reports a
request) of the test file; the same model, map and number of torch threads are timed in this process
without a service. Ratios:

    served_over_raw             fixes/s at 64 connections over that of bare batches of 32, unrefined
    served_over_raw_refined     the same with the model's refinement
    p50_over_bare, p99_over_bare    latency at one connection over one bare locate (both medians)

and, for a reader, rates and latencies at 1, 16 and 64 connections.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rayfix.config import Settings
from rayfix.locator.fix import LocateOptions, LocateQuery
from rayfix.locator.locator import Locator
from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.dataset import aligned_with, load_dataset
from rayfix.measurement.impairments import to_reports
from rayfix.measurement.report import Report
from rayfix.scene.cell import load_cells

ROOT = Path(__file__).parents[1]
BATCH = 32
READY_WITHIN_S = 120.0


@dataclass
class Outcome:
    """Answers of one load: status and latency of each request."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    other: int = 0

    @property
    def rate(self) -> float:
        """Answered requests per second."""
        return len(self.latencies_ms) / self.seconds

    def quantile(self, share: float) -> float:
        """Latency quantile [ms]."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def load_sequences(path: Path, settings: Settings, count: int) -> list[tuple[Report, ...]]:
    """Sequences of ten reports of the test file under the standard condition."""
    cells = load_cells(settings.radio_maps_dir / settings.scenes[0] / "cells.yaml")
    dataset = aligned_with(load_dataset(path), cells, settings.scenes[0])[:count]
    condition = load_conditions(ROOT / "configs" / "conditions.yaml").conditions["standard"]
    batch = dataset.draw(condition, seed=0)
    sequences = to_reports(batch, [cell.cell_id for cell in cells], time.time())
    return [tuple(reports) for reports in sequences if reports]


def requests_of(sequences: Sequence[tuple[Report, ...]], port: int, refine: bool) -> list[bytes]:
    """HTTP requests, ready to be written to a socket."""
    requests = []
    for reports in sequences:
        body = json.dumps(
            {
                "reports": [r.model_dump(mode="json", exclude_none=True) for r in reports],
                "refine": refine,
            }
        ).encode()
        head = (
            f"POST /api/v1/locate HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


async def _ask(port: int, requests: Iterator[bytes], until: float, outcome: Outcome) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        started = time.perf_counter()
        writer.write(next(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        elapsed_ms = 1e3 * (time.perf_counter() - started)
        status = int(head.split(b" ", 2)[1])
        if status == 200:
            outcome.latencies_ms.append(elapsed_ms)
        elif status in (429, 503) and b"retry-after" in head.lower():
            outcome.refused_ms.append(elapsed_ms)
        else:
            outcome.other += 1
    writer.close()


def load(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Outcome:
    """Ask with a number of connections, each with one request at a time."""

    def endless() -> Iterator[bytes]:
        while True:
            yield from requests

    async def run() -> Outcome:
        outcome, source = Outcome(), endless()
        started = time.perf_counter()
        until = started + seconds
        await asyncio.gather(*(_ask(port, source, until, outcome) for _ in range(connections)))
        outcome.seconds = time.perf_counter() - started
        return outcome

    return asyncio.run(run())


def raw_rate(
    locator: Locator, queries: Sequence[LocateQuery], batch: int, seconds: float
) -> tuple[float, float]:
    """Fixes per second and median milliseconds per call, without a service."""
    times: list[float] = []
    place = 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        chunk = [queries[(place + i) % len(queries)] for i in range(batch)]
        place += batch
        started = time.perf_counter()
        locator.locate(chunk)
        times.append(time.perf_counter() - started)
    return batch * len(times) / sum(times), 1e3 * statistics.median(times)


@contextmanager
def service(settings: Settings) -> Iterator[int]:
    """`rayfix serve` with these settings on a free port, with a live log of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "RAYFIX_MODELS_DIR": str(settings.models_dir),
            "RAYFIX_RADIO_MAPS_DIR": str(settings.radio_maps_dir),
            "RAYFIX_MODEL": settings.model,
            "RAYFIX_SCENES": ",".join(settings.scenes),
            "RAYFIX_THREADS": str(settings.threads),
            "RAYFIX_LIVE_LOG": f"{folder}/live.sqlite",
        }
        command = [str(Path(sys.executable).with_name("rayfix")), "serve", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            _wait_until_ready(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(15)


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2)
            return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the service did not become ready") from None
            time.sleep(0.1)


def measure(settings: Settings, reports: Path, seconds: float) -> dict[str, Any]:
    """Run everything; see the module's docstring for the keys."""
    sequences = load_sequences(reports, settings, 300)
    locator = Locator.load(settings)
    results: dict[str, Any] = {"threads": settings.threads, "sequences": len(sequences)}
    scene = settings.scenes[0]

    def queries(steps: int | None) -> list[LocateQuery]:
        return [LocateQuery(scene, r, LocateOptions(refine_steps=steps)) for r in sequences]

    plain, refined = queries(0), queries(None)
    raw_rate(locator, plain, BATCH, 1.0)
    raw, _ = raw_rate(locator, plain, BATCH, seconds)
    raw_refined, _ = raw_rate(locator, refined, BATCH, seconds)
    _, bare_ms = raw_rate(locator, plain, 1, seconds)
    results |= {"raw_per_s": raw, "raw_refined_per_s": raw_refined, "bare_ms": bare_ms}

    with service(settings) as port:
        requests = requests_of(sequences, port, refine=False)
        load(port, requests, 16, 2.0)
        one = load(port, requests, 1, seconds)
        sixteen = load(port, requests, 16, seconds)
        full = load(port, requests, 64, seconds)
        refined_load = load(port, requests_of(sequences, port, refine=True), 64, seconds)
        results |= {
            "served_over_raw": full.rate / raw,
            "served_over_raw_refined": refined_load.rate / raw_refined,
            "p50_over_bare": one.quantile(0.5) / bare_ms,
            "p99_over_bare": one.quantile(0.99) / bare_ms,
            "served_per_s": full.rate,
            "served_refined_per_s": refined_load.rate,
        }
        for name, outcome in (("1", one), ("16", sixteen), ("64", full)):
            results[f"connections_{name}"] = {
                "per_s": outcome.rate,
                "p50_ms": outcome.quantile(0.5),
                "p99_ms": outcome.quantile(0.99),
                "not_answered": outcome.other + len(outcome.refused_ms),
            }
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each load")
    parser.add_argument("--threads", type=int, default=1, help="torch threads on both sides")
    parser.add_argument(
        "--reports", type=Path, default=ROOT / "benchmarks" / "data" / "munich-test.zarr.zip"
    )
    arguments = parser.parse_args()
    settings = Settings(threads=arguments.threads)
    results = measure(settings, arguments.reports, arguments.seconds)
    if arguments.json:
        print(json.dumps(results, indent=1, allow_nan=False))
        return
    for name, value in results.items():
        print(f"{name:26}{value:.3f}" if isinstance(value, float) else f"{name:26}{value}")


if __name__ == "__main__":
    main()
