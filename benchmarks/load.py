"""What the load programs share: real reports as HTTP requests, a service of their own, its memory.

The programs that ask give way to the service that they ask (`give_way`): clients of a real service
have machines of their own, and do not take its processor whenever it writes to them.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rayfix.config import Settings
from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.dataset import aligned_with
from rayfix.measurement.dataset_file import load_dataset
from rayfix.measurement.impairments import to_reports
from rayfix.measurement.report import Report
from rayfix.scene.cell import load_cells

ROOT = Path(__file__).parents[1]
TEST_FILE = ROOT / "benchmarks" / "data" / "munich-test.zarr.zip"
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


@dataclass(frozen=True)
class Service:
    """A running service."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid


def give_way() -> None:
    """Schedule this process as a batch job: it gets its share of the processor, but being woken by
    an answer does not interrupt the process that wrote it."""
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def service(settings: Settings, **more: str) -> Iterator[Service]:
    """`rayfix serve` with these settings on a free port, with a live log of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "RAYFIX_MODELS_DIR": str(settings.models_dir),
            "RAYFIX_RADIO_MAPS_DIR": str(settings.radio_maps_dir),
            "RAYFIX_MODEL": settings.model,
            "RAYFIX_SCENES": ",".join(settings.scenes),
            "RAYFIX_THREADS": str(settings.threads),
            "RAYFIX_LIVE_LOG": f"{folder}/live.sqlite",
            **more,
        }
        command = [str(Path(sys.executable).with_name("rayfix")), "serve", "--port", str(port)]
        with running(command, environment, port, "/readyz") as started:
            yield started


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], port: int, ready_path: str
) -> Iterator[Service]:
    """A server process, from when it is ready to when it has ended."""
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}{ready_path}", process)
        yield Service(port, process)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=2)
            return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{url} did not become ready") from None
            time.sleep(0.1)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and of those it started [bytes]: the network has its own."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    children = [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(map(resident_bytes, children))
