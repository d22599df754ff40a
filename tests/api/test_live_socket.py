"""The live WebSocket on a real server: resume across restarts, slow readers, SIGTERM, timeouts."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.api.server import Server, free_port
from tests.conftest import Town, settings_of
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from rayfix.api.app import create_app
from rayfix.api.server import server_of
from rayfix.config import Settings
from rayfix.live.record import FixRecord


@pytest.fixture(scope="module")
def server(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = settings_of(town, tmp_path_factory.mktemp("server"))
    limits = {
        "RAYFIX_HEADER_TIMEOUT_S": "1",
        "RAYFIX_BODY_TIMEOUT_S": "1",
    }
    with Server(settings, **limits) as server:
        yield server


def frame(connection: ClientConnection) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(connection.recv(timeout=10))
    return parsed


def features(connection: ClientConnection, count: int) -> list[dict[str, Any]]:
    """The next `count` features, and that frames say the offset of their last one."""
    got: list[dict[str, Any]] = []
    while len(got) < count:
        message = frame(connection)
        assert message["type"] == "fixes"
        assert message["offset"] == message["features"][-1]["properties"]["offset"]
        got += message["features"]
    assert len(got) == count
    return got


def post(server: Server, town: Town, ue_id: str, count: int = 1, x_m: float = 0.0) -> None:
    request = {"ue_id": ue_id, "reports": [town.report(x_m, -20, time.time())], "refine": False}
    response = httpx.post(
        f"{server.url}/api/v1/locate/batch", json={"requests": [request] * count}, timeout=30
    )
    assert response.status_code == 200, response.text


def in_flight(server: Server) -> int:
    """Requests that the server is answering, the one that asks included."""
    text = httpx.get(f"{server.url}/metrics").text
    name = "rayfix_http_requests_in_flight "
    return int(float(next(x for x in text.splitlines() if x.startswith(name)).split()[1]))


def test_hello_snapshot_then_fixes(server: Server, town: Town) -> None:
    post(server, town, "first")
    time.sleep(0.3)
    with connect(server.live_url) as reader:
        hello, snapshot = frame(reader), frame(reader)
        assert hello["type"] == "hello" and hello["recovered"] is False
        assert hello["stale"] is False
        assert snapshot["type"] == "snapshot"
        assert (snapshot["epoch"], snapshot["offset"]) == (hello["epoch"], hello["offset"])
        assert "first" in [f["id"] for f in snapshot["features"]]
        post(server, town, "second")
        (feature,) = features(reader, 1)
        assert feature["id"] == "second"
        latest = httpx.get(f"{server.url}/api/v1/ues").json()
        assert feature in latest["features"]


def test_sigterm_answers_everything_and_a_reader_resumes_after_the_restart(
    town_settings: Settings, town: Town
) -> None:
    request = {"reports": [town.report(0, 0)], "ue_id": "b"}
    answers: list[int] = []

    def ask(server: Server) -> None:
        body = {"requests": [request] * 20}
        response = httpx.post(f"{server.url}/api/v1/locate/batch", json=body, timeout=30)
        answers.append(len(response.json()["results"]))

    with Server(town_settings) as server, connect(server.live_url) as reader:
        epoch = frame(reader)["epoch"]
        assert frame(reader)["features"] == []
        post(server, town, "a", count=5)
        offset = features(reader, 5)[2]["properties"]["offset"]
        assert offset == 3
        asking = [threading.Thread(target=ask, args=[server]) for _ in range(3)]
        for thread in asking:
            thread.start()
        while in_flight(server) - 1 + len(answers) < 3:
            time.sleep(0.01)
        assert server.stop(signal.SIGTERM) < 10
        for thread in asking:
            thread.join()
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                reader.recv(timeout=5)
    assert answers == [20, 20, 20]
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012

    with Server(town_settings) as server:
        with connect(f"{server.live_url}?epoch={epoch}&offset={offset}") as reader:
            hello = frame(reader)
            assert (hello["recovered"], hello["offset"]) == (True, 3)
            post(server, town, "c", count=2)
            got = [f["properties"]["offset"] for f in features(reader, 64)]
            assert got == list(range(4, 68))
        with connect(f"{server.live_url}?epoch=other&offset={offset}") as reader:
            assert frame(reader)["recovered"] is False
            snapshot = frame(reader)
            assert [f["id"] for f in snapshot["features"]] == ["a", "b", "c"]


def test_filters(server: Server, town: Town) -> None:
    with (
        connect(f"{server.live_url}?ue_id=wanted") as one,
        connect(f"{server.live_url}?bbox=0,0,1,1") as nowhere,
    ):
        for reader in (one, nowhere):
            frame(reader), frame(reader)
        post(server, town, "unwanted")
        post(server, town, "wanted")
        assert [f["id"] for f in features(one, 1)] == ["wanted"]
        with pytest.raises(TimeoutError):
            nowhere.recv(timeout=0.3)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("offset=-1", "offset"),
        ("offset=x", "offset"),
        ("offset=99999999999999999999999", "offset"),
        ("bbox=1,2,3", "bbox"),
        ("bbox=nan,0,1,1", "bbox"),
        ("bbox=2,0,1,1", "bbox"),
    ],
)
def test_a_query_that_breaks_a_rule_closes_with_its_name(
    server: Server, query: str, named: str
) -> None:
    with connect(f"{server.live_url}?{query}") as reader, pytest.raises(ConnectionClosed) as closed:
        reader.recv(timeout=5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    assert closed.value.rcvd.reason.startswith(named)


def test_pages_of_other_sites_may_not_read(server: Server) -> None:
    with (
        connect(server.live_url, origin="https://elsewhere.example") as reader,  # type: ignore[arg-type]
        pytest.raises(ConnectionClosed) as closed,
    ):
        reader.recv(timeout=5)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008
    with connect(server.live_url, origin="http://127.0.0.1:5173") as reader:  # type: ignore[arg-type]
        assert frame(reader)["type"] == "hello"


def test_an_unknown_socket_path_is_refused(server: Server) -> None:
    with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{server.port}/api/v1/lives"):
        pass


def test_a_reader_that_never_reads_is_closed_and_slows_nobody(
    town_settings: Settings, make_record: Callable[..., FixRecord]
) -> None:
    settings = town_settings.model_copy(update={"port": free_port(), "live_client_bytes": 100_000})
    app = create_app(settings)
    server = server_of(app, settings)
    serving = threading.Thread(target=server.run)
    serving.start()
    while not server.started:
        time.sleep(0.01)
    hub = app.state.services.hub
    lazy = socket.create_connection(("127.0.0.1", settings.port))
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.sendall(
        b"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with lazy, connect(f"ws://127.0.0.1:{settings.port}/api/v1/live", max_queue=None) as reader:
        frame(reader), frame(reader)
        while hub.subscribers < 2:
            time.sleep(0.01)
        deadline = time.monotonic() + 30
        while hub.subscribers == 2:
            started = time.monotonic()
            for _ in range(500):
                hub.publish(make_record("ue"))
            features(reader, 500)
            assert time.monotonic() - started < 5
            assert time.monotonic() < deadline, "the lazy reader is still there"
        hub.publish(make_record("ue"))
        features(reader, 1)
    server.should_exit = True
    serving.join(10)
    assert not serving.is_alive()


def test_a_damaged_model_ends_the_command_with_one_line_that_names_the_file(
    town_settings: Settings, tmp_path: Path
) -> None:
    models = shutil.copytree(town_settings.models_dir, tmp_path / "models")
    weights = models / "town" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    server = Server(town_settings, RAYFIX_MODELS_DIR=str(models))
    with pytest.raises(AssertionError), server:
        pass
    assert server.process is not None and server.process.wait(10) == 2
    said = server.log.read_text()
    assert len(said.splitlines()) == 1
    assert str(weights) in said


@pytest.mark.parametrize(
    "opening",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHo",
    ],
)
def test_headers_that_do_not_come_close_the_connection(server: Server, opening: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.settimeout(8)
        slow.sendall(opening)
        started = time.monotonic()
        while slow.recv(65536):
            pass
        assert time.monotonic() - started < 6


def test_a_body_that_does_not_come_is_408(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.settimeout(8)
        slow.sendall(
            b"POST /api/v1/locate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        answer = b""
        while part := slow.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body_timeout"' in answer
