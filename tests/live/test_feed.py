"""The feed moves phones, waits for a service that is away, and stops when it is refused."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import numpy as np
import pytest
import uvicorn
from tests.model.town import CELLS as TOWN_CELLS
from tests.model.town import paths as town_paths

from rayfix.api.app import create_app
from rayfix.config import Settings
from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.live.feed import FeedRefusedError, feed, run_feed
from rayfix.measurement.conditions import Condition
from rayfix.measurement.dataset import Dataset, DatasetWorld
from rayfix.measurement.propagation import Propagation
from rayfix.measurement.report import Report
from rayfix.scene.cell import Cell

CELLS = tuple(
    Cell(cell_id=f"A-{s}", site_id="A", x_m=0, y_m=0, z_m=25, bearing_deg=120 * s) for s in range(3)
)
EXACT = Condition(world="nominal", quantities=("rsrp_dbm", "toa_ns"), rsrp_residual_db=0)


def circle(steps: int = 60, interval_s: float = 0.05) -> Dataset:
    angle = np.arange(steps) / steps * 2 * np.pi
    xy = 50.0 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)[None]
    shape = (1, steps, 3)
    paths = Propagation(
        xy, np.arange(steps) * interval_s, np.full(shape, -90, np.float32),
        np.full(shape, 180, np.float32), np.zeros(shape, np.float32), np.ones(shape, bool),
    )  # fmt: skip
    return Dataset("plain", np.array([1]), {"nominal": DatasetWorld(CELLS, paths)})


class Service(ThreadingHTTPServer):
    """Answers the first requests with `refusals`, then with a fix at the origin."""

    def __init__(self, refusals: list[tuple[int, dict[str, str], dict[str, object]]]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.refusals = refusals
        self.bodies: list[dict[str, object]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, headers, reply = 200, {}, {"fix": {"x_m": 0.0, "y_m": 0.0}}
        if self.server.refusals:
            status, headers, reply = self.server.refusals.pop(0)
        else:
            assert self.path == "/api/v1/locate"
            self.server.bodies.append(body)
        content = json.dumps(reply).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def service(*refusals: tuple[int, dict[str, str], dict[str, object]]) -> Iterator[Service]:
    server = Service(list(refusals))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def drive(url: str, ues: int = 4, duration_s: float = 1.0) -> object:
    return asyncio.run(
        run_feed(
            circle(), EXACT, url, ues, post_interval_s=0.1, duration_s=duration_s, status=False
        )
    )


def test_every_phone_posts_short_recent_sequences_of_valid_reports() -> None:
    with service() as server:
        tally = drive(server.url)
    by_ue: dict[object, list[dict[str, object]]] = {}
    for body in server.bodies:
        by_ue.setdefault(body["ue_id"], []).append(body)
    assert len(by_ue) == 4
    for bodies in by_ue.values():
        assert len(bodies) >= 5
        assert all(body["scene"] == "plain" for body in bodies)
        sequences = [[Report.model_validate(r) for r in body["reports"]] for body in bodies]
        assert max(len(reports) for reports in sequences) == 10
        for reports in sequences:
            np.testing.assert_allclose(np.diff([r.time for r in reports]), 0.05, atol=1e-3)
        newest = [reports[-1].time for reports in sequences]
        assert (np.diff(newest) > 0).all()
    _, errors_m, _ = np.array(tally.fixes).T
    np.testing.assert_allclose(errors_m, 50.0, atol=1e-6)
    assert "median error 50.0 m" in tally.line(tally.fixes[-1][0], server.url, 4)


def test_it_backs_off_while_the_service_is_busy_and_then_goes_on() -> None:
    busy = (503, {"Retry-After": "0"}, {})
    limited = (429, {}, {})
    with service(busy, limited) as server:
        tally = drive(server.url, ues=2, duration_s=1.5)
    assert not server.refusals
    assert server.bodies
    assert tally.trouble == ""


def test_it_waits_for_a_service_that_is_away() -> None:
    with service() as server:
        url = server.url
    tally = drive(url, ues=2, duration_s=0.5)
    assert not tally.fixes
    assert "no answer (ConnectError)" in tally.line(0.0, url, 2)


def test_a_lasting_refusal_stops_it_with_the_services_own_words() -> None:
    problem = {"title": "No known cells", "detail": "no report names a cell", "code": "x"}
    with (
        service((422, {}, problem)) as server,
        pytest.raises(FeedRefusedError, match="422 No known cells: no report names a cell"),
    ):
        drive(server.url)


def test_bad_options_are_refused_by_name(tmp_path) -> None:
    with pytest.raises(InvalidInputError, match="url"):
        drive("ftp://somewhere")
    with pytest.raises(InvalidInputError, match="ues"):
        drive("http://127.0.0.1:1", ues=0)
    with pytest.raises(InvalidInputError, match=r"condition.*'awful'.*standard"):
        feed("http://127.0.0.1:1", 1, condition="awful")
    with pytest.raises(ArtefactError, match=r"none\.zarr\.zip"):
        feed("http://127.0.0.1:1", 1, routes=tmp_path / "none.zarr.zip")


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The real application on a free port."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), port=0, log_config=None, lifespan="on")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            assert time.monotonic() < deadline, "the service did not start in time"
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def town_circle(steps: int = 40) -> Dataset:
    angle = np.arange(steps) / steps * 2 * np.pi
    xy = 30.0 * np.stack([np.cos(angle), np.sin(angle)], axis=-1) - 25.0
    gain, toa, aoa = (values[None].astype(np.float32) for values in town_paths(xy))
    paths = Propagation(xy[None], np.arange(steps) * 0.1, gain, toa, aoa, np.ones(gain.shape, bool))
    return Dataset("town", np.array([1]), {"nominal": DatasetWorld(TOWN_CELLS, paths)})


def test_the_service_accepts_what_the_feed_posts(town_settings: Settings) -> None:
    with served(town_settings) as url:
        tally = asyncio.run(
            run_feed(
                town_circle(), EXACT, url, 3, post_interval_s=0.2, duration_s=2.0, status=False
            )
        )
        ues = httpx.get(f"{url}/api/v1/ues", trust_env=False).json()["features"]
    assert tally.trouble == ""
    assert len(tally.fixes) >= 6
    assert {ue["id"] for ue in ues} == {"walking-01", "walking-02", "walking-03"}
