"""Proxy, two workers and Redis as plain processes: what docker-compose.yml starts in containers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.api.server import Server, free_port
from tests.conftest import Town, settings_of
from tests.live.conftest import RedisServer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).parents[2]
PROXY = ROOT / "configs" / "proxy"


def haproxy(folder: Path, port: int, *options: str, backends: Path) -> list[str]:
    command = ["haproxy", *options, "-f", str(PROXY / "haproxy.cfg"), "-f", str(backends)]
    return ["env", f"RAYFIX_PROXY_BIND=127.0.0.1:{port}", *command]


@dataclass
class Topology:
    """The proxy's port and the workers behind it."""

    port: int
    workers: list[Server]

    def live(self, query: str = "") -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.port}/api/v1/live{query}")

    def post(self, town: Town, ue_id: str) -> int:
        body = {"ue_id": ue_id, "reports": [town.report(0, 0, time.time())], "refine": False}
        url = f"http://127.0.0.1:{self.port}/api/v1/locate"
        return httpx.post(url, json=body, timeout=30).status_code

    def fixes_by_worker(self) -> list[float]:
        texts = [httpx.get(f"{worker.url}/metrics").text for worker in self.workers]
        lines = [[x for x in t.splitlines() if x.startswith("rayfix_fixes_total{")] for t in texts]
        return [float(found[0].split()[1]) if found else 0.0 for found in lines]


@pytest.fixture(scope="module")
def topology(
    town: Town, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Topology]:
    folder = tmp_path_factory.mktemp("topology")
    url = redis_server.url.removesuffix("/0") + "/7"  # a database of its own
    settings = [settings_of(town, folder / name) for name in ("a", "b")]
    workers = [Server(own, RAYFIX_REDIS_URL=url) for own in settings]
    backends = folder / "backends.cfg"
    backends.write_text(
        "backend rayfix\n"
        + "".join(f"  server w{i} 127.0.0.1:{w.port}\n" for i, w in enumerate(workers))
    )
    port = free_port()
    with workers[0], workers[1]:
        log = (folder / "proxy.log").open("wb")
        proxy = subprocess.Popen(haproxy(folder, port, "-db", backends=backends), stderr=log)
        try:
            deadline = time.monotonic() + 20
            while not _answers(port):
                assert proxy.poll() is None and time.monotonic() < deadline
                time.sleep(0.1)
            yield Topology(port, workers)
        finally:
            proxy.terminate()
            proxy.wait(10)
            log.close()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def frame(reader: ClientConnection) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(reader.recv(timeout=20))
    return parsed


def fixes(reader: ClientConnection, count: int) -> list[dict[str, Any]]:
    got: list[dict[str, Any]] = []
    while len(got) < count:
        message = frame(reader)
        if message["type"] == "fixes":
            got += [feature["properties"] for feature in message["features"]]
    return got


def test_workers_share_the_load_and_one_feed(topology: Topology, town: Town) -> None:
    with topology.live() as one, topology.live() as other:
        for reader in (one, other):
            assert [frame(reader)["type"] for _ in range(2)] == ["hello", "snapshot"]
        assert [topology.post(town, f"ue-{i}") for i in range(20)] == [200] * 20
        seen = [[(f["offset"], f["ue_id"]) for f in fixes(reader, 20)] for reader in (one, other)]
    assert seen[0] == seen[1]
    assert [offset for offset, _ in seen[0]] == list(range(1, 21))
    assert {ue for _, ue in seen[0]} == {f"ue-{i}" for i in range(20)}
    assert all(count > 0 for count in topology.fixes_by_worker())


def test_metrics_are_not_public(topology: Topology) -> None:
    assert httpx.get(f"http://127.0.0.1:{topology.port}/metrics").status_code == 404


def test_a_worker_leaves_under_load_and_nobody_loses_anything(
    topology: Topology, town: Town
) -> None:
    statuses: list[int] = []
    enough = threading.Event()

    def ask(name: int) -> None:
        while not enough.is_set():
            statuses.append(topology.post(town, f"asks-{name}"))

    asking = [threading.Thread(target=ask, args=[i]) for i in range(4)]
    with topology.live() as reader:
        hello = frame(reader)
        epoch, got = hello["epoch"], []
        assert frame(reader)["type"] == "snapshot"
        offset = first = hello["offset"]
        for thread in asking:
            thread.start()
        got += fixes(reader, 10)
        took_s = topology.workers[0].stop()
        assert took_s < 10
        try:
            while len(got) < 40:
                got += fixes(reader, 1)
        except ConnectionClosed:  # it was the one that left: come back to the other
            offset = got[-1]["offset"]
            with topology.live(f"?epoch={epoch}&offset={offset}") as again:
                assert frame(again)["recovered"] is True
                got += fixes(again, 30)
        enough.set()
    for thread in asking:
        thread.join()
    assert set(statuses) == {200}
    assert [f["offset"] for f in got] == list(range(first + 1, first + 1 + len(got)))


def test_the_compose_file_is_valid() -> None:
    """Against the schema of the Compose Specification, as `docker compose config` does."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run(
        [*command, ROOT / "docker-compose.yml"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_compose_file_holds_together() -> None:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = document["services"]
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "USER rayfix" in dockerfile and "HEALTHCHECK" in dockerfile
    for name, service in services.items():
        assert ("image" in service) != ("build" in service), name
        assert service["read_only"] is True, name
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] == "service_healthy", name
            assert "healthcheck" in services[other] or services[other].get("build"), other
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in document["volumes"] or (ROOT / source).is_dir(), volume
    port = services["proxy"]["environment"]["RAYFIX_PROXY_BIND"].rpartition(":")[2]
    assert services["proxy"]["ports"][0].endswith(f":{port}")


def test_the_proxy_takes_both_files_of_the_compose_topology(tmp_path: Path) -> None:
    backends = PROXY / "compose-backends.cfg"
    checked = subprocess.run(
        haproxy(tmp_path, 8000, "-c", backends=backends), capture_output=True, text=True,
        env=os.environ, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
