"""Whether the live feed loses, repeats or reorders anything when everything around it fails.

    python benchmarks/live_chaos.py --json

Two services share one feed through Redis. Fixes are posted to both, while clients with different
filters (all, one UE, an area) drop their socket, stop reading for seconds, and come back with
{epoch, offset}, to either service. After a third of the fixes one service is killed (SIGKILL) and
started again; after two thirds Redis is stopped for 10 s. In the end each client's sequence is
compared with what the log holds for its filter. Keys:

    clients, complete           clients, and those whose sequence is complete, ordered and free of
                                duplicates from the first offset that they were told
    fixes, in_log               fixes answered with 200, and how many of them the log holds
    lost_with_worker            answered by the killed service and not yet written: at most what
                                it collects for one commit (30 ms)
    drops, pauses, snapshots    what the clients went through; `snapshots` after the first are 0
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import redis
from load import TEST_FILE, free_port, give_way, load_sequences
from provenance import machine
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from rayfix.config import Settings
from rayfix.live.log import Retention
from rayfix.live.record import FixRecord
from rayfix.live.redis_log import RedisLog
from rayfix.live.subscription import FeedFilter
from rayfix.measurement.report import Report

UES = 40
BATCH = 16
REDIS_AWAY_S = 10.0
SETTLE_S = 30.0


@dataclass
class Backend:
    """`rayfix serve` on a port that it keeps over restarts."""

    settings: Settings
    redis_url: str
    folder: Path
    port: int = field(default_factory=free_port)

    def start(self) -> None:
        environment = {
            "RAYFIX_REDIS_URL": self.redis_url,
            "RAYFIX_LIVE_LOG": str(self.folder / f"{self.port}.sqlite"),
            "RAYFIX_THREADS": "1",
            "RAYFIX_LIVE_CLIENT_BYTES": "100000",
        }
        command = [str(Path(sys.executable).with_name("rayfix")), "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(
            command, env=os.environ | environment, stdout=subprocess.DEVNULL,
            stderr=(self.folder / f"{self.port}.log").open("ab"),
        )  # fmt: skip

    async def ready(self) -> None:
        async with httpx.AsyncClient() as client:
            for _ in range(600):
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"http://127.0.0.1:{self.port}/readyz")).is_success:
                        return
                await asyncio.sleep(0.2)
        raise SystemExit("a service did not become ready")


class RedisProcess:
    """A redis-server with an append-only file, which stops and comes back."""

    def __init__(self, folder: Path) -> None:
        self.port, self._folder = free_port(), folder
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir",
             str(self._folder), "--appendonly", "yes", "--save", "", "--loglevel", "warning"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        while True:
            try:
                redis.Redis(port=self.port).ping()
                return
            except redis.ConnectionError:
                time.sleep(0.05)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@dataclass
class Client:
    """A reader with a filter, and everything that it was given."""

    wanted: FeedFilter
    drops: int = 0
    pauses: int = 0
    snapshots: int = 0
    first: int | None = None
    epoch: str | None = None
    offset: int = 0
    got: list[int] = field(default_factory=list)
    stale_told: bool = False

    async def run(self, ports: Sequence[int], calm: asyncio.Event, seed: int) -> None:
        """Read, drop, pause and come back, until cancelled; calmly once `calm` is set."""
        chance = random.Random(seed)
        while True:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                async with connect(self._url(chance.choice(ports)), max_queue=4) as socket:
                    await self._read(socket, calm, chance)
            self.drops += 1
            await asyncio.sleep(chance.uniform(0.05, 0.5))

    def _url(self, port: int) -> str:
        query: dict[str, str] = {}
        if self.epoch is not None:
            query |= {"epoch": self.epoch, "offset": str(self.offset)}
        if self.wanted.ue_id is not None:
            query["ue_id"] = self.wanted.ue_id
        if self.wanted.bbox is not None:
            query["bbox"] = ",".join(map(str, self.wanted.bbox))
        return f"ws://127.0.0.1:{port}/api/v1/live?{urlencode(query)}"

    async def _read(self, socket: Any, calm: asyncio.Event, chance: random.Random) -> None:
        leave_s = time.monotonic() + chance.uniform(0.5, 6.0)
        while calm.is_set() or time.monotonic() < leave_s:
            frame = json.loads(await asyncio.wait_for(socket.recv(), 30.0))
            if frame["type"] == "snapshot":
                self.snapshots += 1
                self.epoch, self.offset = frame["epoch"], frame["offset"]
                self.first = self.offset if self.first is None else self.first
            elif frame["type"] == "fixes":
                self.epoch, self.offset = frame["epoch"], frame["offset"]
                self.got += [f["properties"]["offset"] for f in frame["features"]]
            self.stale_told |= bool(frame.get("stale"))
            if not calm.is_set() and chance.random() < 0.02:
                self.pauses += 1
                await asyncio.sleep(chance.uniform(0.5, 3.0))

    def complete(self, held: Sequence[FixRecord]) -> bool:
        """Whether it got exactly what the log holds for its filter, in order."""
        first = self.first
        expected = [
            r.offset
            for r in held
            if first is not None
            and r.offset > first
            and r.ue_id is not None
            and self.wanted.wants(r.lon, r.lat, r.ue_id)
        ]
        return self.got == expected


class Poster:
    """Posts batches to one service and remembers what was answered."""

    def __init__(self, backend: Backend, sequences: Sequence[Sequence[Report]]) -> None:
        self._backend, self._sequences = backend, sequences
        self.answered: list[str] = []

    async def run(self, name: int, enough: asyncio.Event) -> None:
        """Post until there is enough; a service that is away is asked again."""
        url = f"http://127.0.0.1:{self._backend.port}/api/v1/locate/batch"
        number = 0
        async with httpx.AsyncClient(timeout=20) as client:
            while not enough.is_set():
                requests = []
                for _ in range(BATCH):
                    report = self._sequences[number % len(self._sequences)][-1]
                    dated = report.model_copy(update={"time": time.time()})
                    requests.append(
                        {
                            "ue_id": f"ue-{(number * 2 + name) % UES}",
                            "reports": [dated.model_dump(exclude_none=True)],
                            "refine": False,
                        }
                    )
                    number += 1
                try:
                    reply = await client.post(url, json={"requests": requests})
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
                    continue
                if reply.is_success:
                    self.answered += [r["fix_id"] for r in reply.json()["results"] if "fix_id" in r]
                else:
                    await asyncio.sleep(float(reply.headers.get("retry-after", "0.2")))


async def chaos(settings: Settings, count: int, clients: int, folder: Path) -> dict[str, Any]:
    """Run everything; see the module's docstring for the keys."""
    sequences = load_sequences(TEST_FILE, settings, 300)
    server = RedisProcess(folder)
    server.start()
    backends = [Backend(settings, server.url, folder) for _ in range(2)]
    for backend in backends:
        backend.start()
    give_way()
    await asyncio.gather(*(backend.ready() for backend in backends))
    ports = [backend.port for backend in backends]
    area = (11.5759, 48.1370, 11.5800, 48.1400)
    filters = [FeedFilter(), FeedFilter(ue_id="ue-3"), FeedFilter(bbox=area)]
    readers = [Client(filters[i % len(filters)]) for i in range(clients)]
    calm, enough = asyncio.Event(), asyncio.Event()
    reading = [asyncio.create_task(r.run(ports, calm, i)) for i, r in enumerate(readers)]
    while any(reader.first is None for reader in readers):
        await asyncio.sleep(0.1)
    posters = [Poster(backend, sequences) for backend in backends]
    posting = [asyncio.create_task(p.run(i, enough)) for i, p in enumerate(posters)]

    async def reach(answered: float) -> None:
        while sum(len(poster.answered) for poster in posters) < answered:
            await asyncio.sleep(0.05)

    await reach(count / 3)
    backends[1].process.send_signal(signal.SIGKILL)
    backends[1].process.wait()
    killed_after = len(posters[1].answered)
    backends[1].start()
    await reach(2 * count / 3)
    server.stop()
    before = sum(len(poster.answered) for poster in posters)
    await asyncio.sleep(REDIS_AWAY_S)
    while_away = sum(len(poster.answered) for poster in posters) - before
    server.start()
    await reach(count)
    enough.set()
    await asyncio.gather(*posting)
    calm.set()
    log = RedisLog(server.url, Retention(1e9, 10**10))
    answered = [fix_id for poster in posters for fix_id in poster.answered]
    held: list[FixRecord] = []
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        held += log.since(held[-1].offset if held else 0, 5000)
        if all(reader.complete(held) for reader in readers) and len(held) >= len(answered) - BATCH:
            break
        await asyncio.sleep(0.2)
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    in_log = {record.fix_id for record in held}
    missing = [fix_id for fix_id in answered if fix_id not in in_log]
    by_killed = set(posters[1].answered[:killed_after])
    for backend in backends:
        backend.process.terminate()
        backend.process.wait(15)
    log.close()
    server.stop()
    return {
        "machine": machine(),
        "clients": len(readers),
        "complete": sum(reader.complete(held) for reader in readers),
        "fixes": len(answered),
        "in_log": len(answered) - len(missing),
        "log_records": len(held),
        "offsets_without_gap": [r.offset for r in held] == list(range(1, len(held) + 1)),
        "lost_with_worker": sum(fix_id in by_killed for fix_id in missing),
        "lost_otherwise": sum(fix_id not in by_killed for fix_id in missing),
        "answered_while_redis_was_away": while_away,
        "clients_told_stale": sum(reader.stale_told for reader in readers),
        "drops": sum(reader.drops for reader in readers),
        "pauses": sum(reader.pauses for reader in readers),
        "snapshots": sum(reader.snapshots - 1 for reader in readers),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--fixes", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=30)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = asyncio.run(
            chaos(Settings(threads=1), arguments.fixes, arguments.clients, Path(folder))
        )
    if arguments.json:
        print(json.dumps(results, indent=1, allow_nan=False))
        return
    for name, value in results.items():
        print(f"{name:32}{value}")


if __name__ == "__main__":
    main()
