"""CAMARA location retrieval over the latest fix: its fields, statuses and codes."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.conftest import Town

from rayfix.api.app import create_app
from rayfix.config import Settings

PATH = "/location-retrieval/v0.5/retrieve"
PHONE = "+4915112345678"


@pytest.fixture(scope="module")
def camara(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    from tests.conftest import settings_of

    settings = settings_of(town, tmp_path_factory.mktemp("camara"))
    app = create_app(settings.model_copy(update={"camara": True}))
    with TestClient(app, raise_server_exceptions=False) as client:
        for ue_id, age_s in ((PHONE, 30.0), ("user@operator.example", 0.0)):
            body = {"ue_id": ue_id, "reports": [town.report(-20, 0, time.time() - age_s)]}
            assert client.post("/api/v1/locate", json=body).status_code == 200
        while len(client.get("/api/v1/ues").json()["features"]) < 2:
            time.sleep(0.02)
        yield client


def test_it_is_off_unless_asked_for(client: TestClient) -> None:
    assert client.post(PATH, json={}).status_code == 405
    assert PATH not in client.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize(
    "device", [{"phoneNumber": PHONE}, {"networkAccessIdentifier": "user@operator.example"}]
)
def test_the_area_holds_the_device(camara: TestClient, device: dict[str, str]) -> None:
    body = {"device": device, "maxAge": 120, "maxSurface": 1_000_000}
    answer = camara.post(PATH, json=body, headers={"x-correlator": "a-1"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-correlator"] == "a-1"
    location = answer.json()
    assert set(location) == {"lastLocationTime", "area"}
    assert location["lastLocationTime"].endswith("Z")
    area = location["area"]
    assert area["areaType"] == "CIRCLE" and area["radius"] >= 1
    (feature,) = (
        f for f in camara.get("/api/v1/ues").json()["features"] if f["id"] in device.values()
    )
    lon, lat = feature["geometry"]["coordinates"]
    assert area["center"] == {"latitude": lat, "longitude": lon}
    properties = feature["properties"]
    assert properties["accuracy_m"] < area["radius"] <= properties["semi_major_m"] + 0.01


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "MISSING_IDENTIFIER"),
        ({"device": {}}, 422, "MISSING_IDENTIFIER"),
        ({"device": {"ipv6Address": "::1"}}, 422, "UNSUPPORTED_IDENTIFIER"),
        ({"device": {"phoneNumber": "+49123456"}}, 404, "IDENTIFIER_NOT_FOUND"),
        ({"device": {"phoneNumber": "49123456"}}, 400, "INVALID_ARGUMENT"),
        ({"device": {"phoneNumber": PHONE}, "maxSurface": 0}, 400, "INVALID_ARGUMENT"),
        ({"device": {"phoneNumber": PHONE}, "other": 1}, 400, "INVALID_ARGUMENT"),
        ([], 400, "INVALID_ARGUMENT"),
        (
            {"device": {"phoneNumber": PHONE}, "maxAge": 5},
            422,
            "LOCATION_RETRIEVAL.UNABLE_TO_FULFILL_MAX_AGE",
        ),
        (
            {"device": {"phoneNumber": PHONE}, "maxSurface": 1},
            422,
            "LOCATION_RETRIEVAL.UNABLE_TO_FULFILL_MAX_SURFACE",
        ),
    ],
)
def test_refusals_have_the_standards_codes(
    camara: TestClient, body: Any, status: int, code: str
) -> None:
    answer = camara.post(PATH, json=body, headers={"x-correlator": "c"})
    assert answer.status_code == status
    assert set(answer.json()) == {"status", "code", "message"}
    assert (answer.json()["status"], answer.json()["code"]) == (status, code)
    assert answer.headers["x-correlator"] == "c"


def test_the_surface_is_that_of_the_circle(camara: TestClient) -> None:
    ask = {"device": {"phoneNumber": PHONE}}
    radius = camara.post(PATH, json=ask).json()["area"]["radius"]
    surface = math.ceil(math.pi * radius**2)
    assert camara.post(PATH, json={**ask, "maxSurface": surface + 1}).status_code == 200
    assert camara.post(PATH, json={**ask, "maxSurface": surface - 2}).status_code == 422


def test_what_is_not_json_or_a_correlator_is_400(camara: TestClient) -> None:
    for content in (b"{", b"\xff", b"[" * 50_000):
        assert camara.post(PATH, content=content).status_code == 400
    answer = camara.post(PATH, json={}, headers={"x-correlator": "a b"})
    assert answer.status_code == 400
    assert "x-correlator" not in answer.headers
    assert camara.post(PATH, content=b" " * 1_000_001).json()["code"] == "INVALID_ARGUMENT"


def test_settings_turn_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYFIX_CAMARA", "true")
    assert Settings(_env_file=None).camara
