"""The live feed as server-sent events: same frames, same ids, resumed by Last-Event-ID."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from tests.api.server import Server, served
from tests.api.test_locate import problem_of
from tests.conftest import Town, settings_of
from websockets.sync.client import connect

from rayfix.config import Settings


@pytest.fixture(scope="module")
def service(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(settings_of(town, tmp_path_factory.mktemp("events"))) as url:
        yield url


def post(url: str, town: Town, ue_id: str, count: int = 1) -> None:
    request = {"ue_id": ue_id, "reports": [town.report(0.0, -20.0, time.time())], "refine": False}
    body = {"requests": [request] * count}
    assert httpx.post(f"{url}/api/v1/locate/batch", json=body, timeout=30).status_code == 200


class Events:
    """Reads a stream of server-sent events as the HTML standard tells."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.iter_lines()

    def next(self) -> dict[str, Any]:
        event: dict[str, Any] = {}
        for line in self._lines:
            if not line:
                if "data" in event:
                    return event
                event = {}
                continue
            name, _, value = line.partition(": ")
            if name:
                event[name] = json.loads(value) if name == "data" else value
        raise EOFError


def test_the_frames_of_the_socket_with_ids_that_resume(service: str, town: Town) -> None:
    url = f"{service}/api/v1/live/events"
    live_url = service.replace("http", "ws") + "/api/v1/live"
    with connect(live_url) as socket, httpx.stream("GET", url, timeout=20) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        events = Events(stream)
        for kind in ("hello", "snapshot"):
            event = events.next()
            assert event["event"] == kind
            assert event["data"] == json.loads(socket.recv(timeout=10))
        post(service, town, "a", count=3)
        got: list[dict[str, Any]] = []
        while len(got) < 3:
            event = events.next()
            assert event["event"] == "fixes"
            epoch, _, offset = event["id"].rpartition(":")
            assert (epoch, int(offset)) == (event["data"]["epoch"], event["data"]["offset"])
            got += event["data"]["features"]
    first = got[0]["properties"]["offset"]
    resume = {"last-event-id": f"{epoch}:{first}"}
    with httpx.stream("GET", url, headers=resume, timeout=20) as stream:
        events = Events(stream)
        hello = events.next()["data"]
        assert (hello["recovered"], hello["offset"]) == (True, first)
        missed = events.next()["data"]["features"]
        assert missed == got[1:]


def test_filters_and_rules(service: str, client: TestClient, town: Town) -> None:
    url = f"{service}/api/v1/live/events?ue_id=wanted"
    with httpx.stream("GET", url, timeout=20) as stream:
        events = Events(stream)
        events.next(), events.next()
        post(service, town, "unwanted")
        post(service, town, "wanted")
        assert [f["id"] for f in events.next()["data"]["features"]] == ["wanted"]
    for query in ("offset=-1", "bbox=1,2,3", "bbox=nan,0,1,1"):
        problem_of(client.get(f"/api/v1/live/events?{query}"), 422, "invalid_input")
    odd = client.get("/api/v1/live/events", headers={"last-event-id": "x"})
    problem_of(odd, 422, "invalid_input")


def test_a_stream_ends_at_once_when_the_service_stops(town_settings: Settings) -> None:
    with Server(town_settings) as server:
        url = f"{server.url}/api/v1/live/events"
        with httpx.stream("GET", url, timeout=20) as stream:
            events = Events(stream)
            events.next(), events.next()
            started = time.monotonic()
            assert server.stop(signal.SIGTERM) < 4
            with pytest.raises(EOFError):
                events.next()
            assert time.monotonic() - started < 5
