"""Both homes of the live log, for tests that must hold for each."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from rayfix.live.log import LiveLog, Retention
from rayfix.live.redis_log import RedisLog
from rayfix.live.sqlite_log import SqliteLog

MakeLog = Callable[..., LiveLog]


class RedisServer:
    """A redis-server of our own, with an append-only file, that can stop and come back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir",
             str(self.folder), "--appendonly", "yes", "--save", "", "--loglevel", "warning"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while True:
            try:
                redis.Redis(port=self.port).ping()
                return
            except redis.ConnectionError:
                assert time.monotonic() < deadline, "redis-server did not start"
                time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "redis"])
def make_log(
    request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer
) -> Iterator[MakeLog]:
    """Opens the same log again with every call, as a restarted service does."""
    opened: list[LiveLog] = []
    if request.param == "redis":
        redis.Redis(port=redis_server.port).flushall()

    def make(max_age_s: float = 3600.0, max_bytes: int = 100_000_000) -> LiveLog:
        retention = Retention(max_age_s, max_bytes)
        log: LiveLog = (
            SqliteLog(tmp_path / "live.sqlite", retention)
            if request.param == "sqlite"
            else RedisLog(redis_server.url, retention)
        )
        opened.append(log)
        return log

    yield make
    for log in opened:
        log.close()
