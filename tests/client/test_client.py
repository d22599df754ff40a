"""The client against a real server: every method, errors, retries."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tests.client.conftest import Service
from tests.conftest import Town

from rayfix.client import (
    AsyncClient,
    Client,
    LocateReply,
    LocateRequest,
    Problem,
    Report,
    ServiceError,
    UnreachableError,
)
from rayfix.errors import InvalidInputError


def test_a_fix_from_dictionaries_or_reports(client: Client, town: Town) -> None:
    report = town.report(-20, 0, time.time())
    reply = client.locate([report], ue_id="one", include=["posterior", "residuals"])
    assert isinstance(reply, LocateReply)
    assert town.radio_map.scene.extent.contains(reply.fix.x_m, reply.fix.y_m)
    assert reply.posterior is not None and sum(reply.posterior.probability) == pytest.approx(1)
    same = client.locate([Report.model_validate(report)], scene="town")
    assert (same.fix.x_m, same.fix.y_m) == pytest.approx((reply.fix.x_m, reply.fix.y_m), abs=0.01)
    assert client.locate([report], refine=False).refinement is None


def test_a_batch_has_a_fix_or_a_problem_for_each(client: Client, town: Town) -> None:
    good = {"reports": [town.report(0, 0)]}
    bad = LocateRequest.model_validate({"reports": [{"time": 0, "cells": [{"cell_id": "no"}]}]})
    first, second = client.locate_batch([good, bad])
    assert isinstance(first, LocateReply)
    assert isinstance(second, Problem) and second.code == "no_known_cells"


def test_everything_that_can_be_read(client: Client, town: Town) -> None:
    (scene,) = client.scenes().scenes
    assert client.scene(scene.name).cells == [c.cell_id for c in town.radio_map.cells]
    assert len(client.cells("town").features) == len(town.radio_map.cells)
    assert client.buildings("town").features[0].properties.height_m == 15
    assert client.roads("town").features[0].properties.name == "High Street"
    assert client.water("town").features == []
    probe = client.probe("town", scene.center.lat, scene.center.lon)
    assert probe.best_cell == probe.cells[0].cell_id
    assert client.radio_map("town", "toa", "png", "A-0").startswith(b"\x89PNG")
    assert client.radio_map("town", "toa")[:2] in (b"II", b"MM")
    reply = client.locate([town.report(5, 5, "2026-11-24T12:00:00Z")], ue_id="read@me")
    assert client.fix(reply.fix_id).fix == reply.fix
    assert sum(client.posterior(reply.fix_id).probability) == pytest.approx(1)
    assert client.attention(reply.fix_id).fix_id == reply.fix_id


def test_tracks_and_latest_fixes(client: Client, town: Town) -> None:
    for second in range(3):
        client.locate([town.report(5, 5, 1000.0 + second)], ue_id="walker", refine=False)
    deadline = time.monotonic() + 10
    while len(client.track("walker").features) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len(client.track("walker", since=1001.0).features) == 2
    assert len(client.track("walker", until="1970-01-01T00:16:40.5Z").features) == 1
    assert "walker" in [feature.id for feature in client.ues().features]


def test_refusals_tell_status_code_and_field(client: Client, service: Service) -> None:
    with pytest.raises(ServiceError) as refused:
        client.scene("elsewhere")
    assert refused.value.status == 404
    assert refused.value.problem is not None and refused.value.problem.code == "unknown_scene"
    with pytest.raises(InvalidInputError, match=r"reports.0.cells.0.rsrp_dbm"):
        client.locate([{"time": 0, "cells": [{"cell_id": "A-0", "rsrp_dbm": float("nan")}]}])
    with Client(service.url, "wrong") as stranger, pytest.raises(ServiceError) as refused:
        stranger.scenes()
    assert refused.value.status == 401
    with pytest.raises(InvalidInputError, match="url"):
        Client("ftp://example.com")


@contextmanager
def answering(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[float]]]:
    """A web server that gives these answers in turn, and notes when it was asked."""
    asked: list[float] = []
    waiting = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(time.monotonic())
            status, headers, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_busy_services_are_asked_again_when_they_said() -> None:
    busy = (429, {"retry-after": "1"}, b"{}")
    with answering(busy, (200, {}, b'{"scenes": []}')) as (url, asked), Client(url) as client:
        assert client.scenes().scenes == []
    assert 1.0 <= asked[1] - asked[0] < 3.0
    with answering((503, {"retry-after": "0"}, b"down")) as (url, asked):
        with Client(url, retries=2) as client, pytest.raises(ServiceError, match="503: down"):
            client.scenes()
        assert len(asked) == 3


def test_what_is_no_rayfix_service_is_told_apart() -> None:
    with answering((200, {}, b"<html>")) as (url, _), Client(url) as client:
        with pytest.raises(ServiceError, match="not an answer"):
            client.scenes()
        with pytest.raises(ServiceError, match="501"):  # POST is unknown there
            client.locate([{"time": 0, "cells": [{"cell_id": "a"}]}])
    with Client(url, retries=1) as client, pytest.raises(UnreachableError):
        client.scenes()


def test_the_asynchronous_client_is_the_same(service: Service, town: Town) -> None:
    async def ask() -> tuple[LocateReply, list[str]]:
        async with AsyncClient(service.url, service.key) as client:
            replies = await asyncio.gather(
                *(client.locate([town.report(x, 0)], refine=False) for x in (-20.0, 0.0, 20.0))
            )
            scenes = await client.scenes()
            with pytest.raises(ServiceError):
                await client.scene("nowhere")
            return replies[0], [scene.name for scene in scenes.scenes]

    reply, names = asyncio.run(ask())
    assert names == ["town"]
    assert reply.scene == "town"

    def methods(cls: type) -> dict[str, Callable[..., object]]:
        return {n: f for n, f in vars(cls).items() if callable(f) and not n.startswith("_")}

    sync, other = methods(Client), methods(AsyncClient)
    assert set(sync) - {"close"} == set(other) - {"aclose"}
    for name in set(sync) & set(other):
        assert inspect.signature(sync[name]).parameters == inspect.signature(other[name]).parameters


def test_the_body_leaves_out_what_was_not_said() -> None:
    from rayfix.client import calls

    report = {"time": 0, "cells": [{"cell_id": "a", "rsrp_dbm": -80}]}
    body = json.loads(calls.locate(calls.request_of([report], {})).body or b"")
    assert set(body["reports"][0]["cells"][0]) == {"cell_id", "rsrp_dbm"}
