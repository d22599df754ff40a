"""A real server for sockets: in a thread, or in a process of its own for signals and restarts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import httpx

from rayfix.api.app import create_app
from rayfix.api.server import server_of
from rayfix.config import Settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """A real server in a thread of this process; its address."""
    settings = settings.model_copy(update={"port": free_port()})
    server = server_of(create_app(settings), settings)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{settings.port}"
    finally:
        server.should_exit = True
        thread.join(15)
        assert not thread.is_alive()


class Server:
    """`rayfix serve` with given settings; use as context manager."""

    def __init__(self, settings: Settings, **more: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.live_url = f"ws://127.0.0.1:{self.port}/api/v1/live"
        self.log = settings.live_log.with_suffix(".log")
        self._environment = os.environ | {
            "RAYFIX_MODELS_DIR": str(settings.models_dir),
            "RAYFIX_RADIO_MAPS_DIR": str(settings.radio_maps_dir),
            "RAYFIX_MODEL": settings.model,
            "RAYFIX_SCENES": ",".join(settings.scenes),
            "RAYFIX_DEVICE": "cpu",
            "RAYFIX_THREADS": "1",
            "RAYFIX_LIVE_LOG": str(settings.live_log),
            "RAYFIX_FRONTEND_DIR": str(settings.frontend_dir),
            **more,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        command = [str(Path(sys.executable).with_name("rayfix")), "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self._environment, stderr=log, stdout=log, cwd=self.log.parent
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Signal and wait; returns how long it took [s]."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(20)
        return time.monotonic() - started

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
