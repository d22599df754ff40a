"""A thousand readers of the live feed in one process.

    python benchmarks/live_fanout.py --json

Starts the application with SQLite in a process of its own, which publishes `--rate` fixes a second
of 1,000 UEs straight into the feed (no model: the feed alone is measured). 1,000 WebSocket clients
read; each wants one UE, a district or everything: 2 %, 8 %, 90 % of them get everything, a tenth
and a hundredth of the fixes. Then the same again beside one client that never reads. Keys:

    lag_p50_ms, lag_p99_ms      from publishing a fix until a client has its frame
    memory_mb, memory_per_client_kb
    lazy_lag_p99_ms             the 99th percentile beside the client that never reads
    lazy_memory_mb              what that client costs (<= 5 MB)
    frames_per_s, updates_per_s what all clients got together
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from load import free_port, resident_bytes
from provenance import machine
from websockets.asyncio.client import ClientConnection, connect

UES = 1000
SCENE = b'"scene":"'
SETTLE_S = 3.0
UPGRADE = (
    b"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@dataclass
class Tally:
    """What the clients got: the time of publishing a frame's last fix stands in its `scene`."""

    frames: int = 0
    updates: int = 0
    lags_ms: list[float] = field(default_factory=list)


async def read(socket: ClientConnection, tally: Tally) -> None:
    """Read until cancelled."""
    while True:
        frame = await socket.recv(decode=False)
        now_ns = time.time_ns()
        if not frame.startswith(b'{"type":"fixes"'):
            continue
        # Cut out, not parsed: the client must not be what is measured.
        tally.frames += 1
        tally.updates += frame.count(b'"type":"Feature"')
        published_ns = int(frame[frame.rindex(SCENE) + len(SCENE) :][:19])
        tally.lags_ms.append((now_ns - published_ns) / 1e6)


def query_of(client: int, clients: int) -> str:
    """2 % of the clients want everything, 8 % a tenth of the area, the others one UE."""
    if client < 0.02 * clients:
        return ""
    if client < 0.10 * clients:
        tenth = client % 10
        return f"?bbox={10 + tenth / 10},48,{10 + (tenth + 1) / 10 - 1e-6},49"
    return f"?ue_id=ue-{client % UES}"


async def clients_on(port: int, count: int) -> list[ClientConnection]:
    sockets: list[ClientConnection] = []
    for start in range(0, count, 50):
        wanted = range(start, min(count, start + 50))
        sockets += await asyncio.gather(
            *(
                connect(f"ws://127.0.0.1:{port}/api/v1/live{query_of(c, count)}", compression=None)
                for c in wanted
            )
        )
    return sockets


async def listen(sockets: Sequence[ClientConnection], seconds: float) -> Tally:
    """Read on all sockets for a time."""
    tally = Tally()
    tasks = [asyncio.create_task(read(s, tally)) for s in sockets]
    await asyncio.sleep(SETTLE_S)
    tally.frames = tally.updates = 0
    tally.lags_ms.clear()
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return tally


async def measure(port: int, pid: int, clients: int, seconds: float) -> dict[str, Any]:
    """Run everything; see the module's docstring for the keys."""
    empty_mb = resident_bytes(pid) / 1e6
    sockets = await clients_on(port, clients)
    os.kill(pid, signal.SIGUSR1)  # begins to publish
    usual = await listen(sockets, seconds)
    memory_mb = resident_bytes(pid) / 1e6
    with socket.create_connection(("127.0.0.1", port)) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(UPGRADE)
        beside = await listen(sockets, seconds)
        lazy_mb = resident_bytes(pid) / 1e6 - memory_mb
    for opened in sockets:
        opened.transport.abort()
    return {
        "machine": machine(),
        "clients": clients,
        "frames_per_s": usual.frames / seconds,
        "updates_per_s": usual.updates / seconds,
        "lag_p50_ms": float(np.quantile(usual.lags_ms, 0.5)),
        "lag_p99_ms": float(np.quantile(usual.lags_ms, 0.99)),
        "memory_mb": memory_mb,
        "memory_per_client_kb": 1e3 * (memory_mb - empty_mb) / clients,
        "lazy_lag_p99_ms": float(np.quantile(beside.lags_ms, 0.99)),
        "lazy_memory_mb": lazy_mb,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=2000.0, help="fixes a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(__file__).with_name("live_publisher.py")
        process = subprocess.Popen(
            [sys.executable, str(script), str(port), str(arguments.rate), folder],
            stderr=subprocess.DEVNULL, stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            process.stdout.readline()  # says that it is ready
            results = {"rate_per_s": arguments.rate} | asyncio.run(
                measure(port, process.pid, arguments.clients, arguments.seconds)
            )
        finally:
            process.terminate()
            process.wait(15)
    if arguments.json:
        print(json.dumps(results, indent=1, allow_nan=False))
        return
    for name, value in results.items():
        print(f"{name:24}{value:.1f}" if isinstance(value, float) else f"{name:24}{value}")


if __name__ == "__main__":
    main()
