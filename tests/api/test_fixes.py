"""Kept fixes: latest, tracks, one fix with why, and that a restart keeps them."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.api.test_locate import problem_of
from tests.conftest import Town

from rayfix.api.app import create_app
from rayfix.config import Settings


def locate(client: TestClient, **request: Any) -> dict[str, Any]:
    response = client.post("/api/v1/locate", json=request)
    assert response.status_code == 200, response.text
    reply: dict[str, Any] = response.json()
    return reply


def wait_for_latest(client: TestClient, offset: int) -> dict[str, Any]:
    deadline = time.monotonic() + 5
    while True:
        latest: dict[str, Any] = client.get("/api/v1/ues").json()
        if latest["offset"] >= offset:
            return latest
        assert time.monotonic() < deadline, latest
        time.sleep(0.01)


def test_a_fix_is_there_at_once_with_reports_and_residuals(client: TestClient, town: Town) -> None:
    reports = [town.report(-10, -10, "2026-11-24T12:00:00+01:00")]
    reply = locate(client, ue_id="ue-1", reports=reports)
    kept = client.get(f"/api/v1/fixes/{reply['fix_id']}").json()
    assert kept["fix"] == reply["fix"]
    assert kept["ue_id"] == "ue-1"
    assert kept["time"] == "2026-11-24T11:00:00.000Z"
    assert kept["reports"][0]["time"] == 1795518000.0
    assert [c["cell_id"] for c in kept["reports"][0]["cells"]] == [
        c["cell_id"] for c in reports[0]["cells"]
    ]
    assert kept["residuals"]


@pytest.mark.parametrize("part", ["attention", "posterior"])
def test_attention_and_posterior_are_those_of_the_request(
    client: TestClient, town: Town, part: str
) -> None:
    reply = locate(client, reports=[town.report(5, -40, t) for t in (3, 1, 2)], include=[part])
    kept = client.get(f"/api/v1/fixes/{reply['fix_id']}/{part}").json()
    assert kept["fix_id"] == reply["fix_id"]
    assert kept == reply[part]


def test_posterior_comes_in_pixels_too(client: TestClient, town: Town) -> None:
    reply = locate(client, reports=[town.report(5, -40, t) for t in (3, 1, 2)])
    address = f"/api/v1/fixes/{reply['fix_id']}/posterior"
    fine = client.get(address, params={"detail": "pixels"}).json()
    assert sum(fine["probability"]) == pytest.approx(1, abs=1e-3)
    assert len(fine["probability"]) == fine["grid"]["rows"] * fine["grid"]["columns"]
    lon, lat = zip(*fine["grid"]["corners"], strict=True)
    assert min(lon) < reply["fix"]["lon"] < max(lon) and min(lat) < reply["fix"]["lat"] < max(lat)
    wrong = problem_of(client.get(address, params={"detail": "fine"}), 422, "invalid_request")
    assert wrong["errors"][0]["field"] == "detail"


@pytest.mark.parametrize("part", ["", "/attention", "/posterior"])
def test_an_unknown_fix_is_404_and_a_wrong_id_422(client: TestClient, part: str) -> None:
    problem_of(client.get(f"/api/v1/fixes/01KB3V9ZJ6Q8W1RZ8N2X4T5C7D{part}"), 404, "unknown_fix")
    body = problem_of(client.get(f"/api/v1/fixes/..%5cetc{part}"), 422, "invalid_request")
    assert body["errors"][0]["field"] == "fix_id"


def test_latest_and_track_are_geojson(fresh_client: TestClient, town: Town) -> None:
    client = fresh_client
    for i in range(3):
        reply = locate(client, ue_id="ue-1", reports=[town.report(10 * i, -20, 1000 + i)])
    locate(client, ue_id="ue-2", reports=[town.report(0, 0, 5)])
    locate(client, reports=[town.report(0, 0, 5)])
    latest = wait_for_latest(client, 5)
    assert [f["id"] for f in latest["features"]] == ["ue-1", "ue-2"]
    feature = latest["features"][0]
    assert feature["geometry"]["coordinates"] == pytest.approx(
        [reply["fix"]["lon"], reply["fix"]["lat"]], abs=1e-7
    )
    assert feature["properties"]["fix_id"] == reply["fix_id"]
    assert feature["properties"]["time"] == "1970-01-01T00:16:42.000Z"
    track = client.get("/api/v1/ues/ue-1/track", params={"since": "1970-01-01T00:16:41Z"})
    assert track.headers["content-type"] == "application/geo+json"
    assert [f["properties"]["offset"] for f in track.json()["features"]] == [2, 3]
    until = client.get("/api/v1/ues/ue-1/track", params={"until": 1000.5}).json()
    assert [f["properties"]["offset"] for f in until["features"]] == [1]
    assert client.get("/api/v1/ues/nobody/track").json()["features"] == []


@pytest.mark.parametrize("query", ["since=soon", "until=nan", "limit=0", "since=1e300"])
def test_a_track_query_that_breaks_a_rule(client: TestClient, query: str) -> None:
    body = problem_of(client.get(f"/api/v1/ues/ue-1/track?{query}"), 422, "invalid_request")
    assert body["errors"][0]["field"] == query.partition("=")[0]


def test_a_restart_keeps_history(town_settings: Settings, town: Town) -> None:
    with TestClient(create_app(town_settings)) as client:
        reply = locate(client, ue_id="ue-1", reports=[town.report(0, -20)])
    with TestClient(create_app(town_settings)) as client:
        assert client.get(f"/api/v1/fixes/{reply['fix_id']}").json()["fix"] == reply["fix"]
        latest = client.get("/api/v1/ues").json()
        assert [f["properties"]["fix_id"] for f in latest["features"]] == [reply["fix_id"]]
        locate(client, ue_id="ue-1", reports=[town.report(0, -20)])
        assert wait_for_latest(client, 2)["epoch"] == latest["epoch"]
