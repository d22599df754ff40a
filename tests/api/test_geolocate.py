"""POST /v1/geolocate: Google's shape, Google's errors, towers found by network identity."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.conftest import Town


def tower(town: Town, index: int, **more: Any) -> dict[str, Any]:
    identity = town.radio_map.cells[index].identity
    assert identity is not None
    return {
        "mobileCountryCode": int(identity.mcc),
        "mobileNetworkCode": int(identity.mnc),
        "locationAreaCode": identity.tac,
        "newRadioCellId": identity.cell_identity,
        "signalStrength": -80,
        **more,
    }


def test_a_place_with_the_95_percent_radius(client: TestClient, town: Town) -> None:
    report = town.report(-20, 0)
    index = town.radio_map.cell_index
    towers = [
        tower(town, index[c["cell_id"]], signalStrength=c["rsrp_dbm"], radioType="nr")
        for c in report["cells"]
    ]
    response = client.post("/v1/geolocate?key=any", json={"cellTowers": towers})
    assert response.status_code == 200, response.text
    body = response.json()
    assert set(body) == {"location", "accuracy"}
    cells = [{"cell_id": c["cell_id"], "rsrp_dbm": c["rsrp_dbm"]} for c in report["cells"]]
    fix = client.post("/api/v1/locate", json={"reports": [{"time": 0, "cells": cells}]}).json()[
        "fix"
    ]
    assert body["location"] == pytest.approx({"lat": fix["lat"], "lng": fix["lon"]}, abs=1e-6)
    assert body["accuracy"] > fix["accuracy_m"]
    assert body["accuracy"] <= fix["ellipse"]["semi_major_m"] + 1e-6


def test_extensions_unknown_keys_and_home_network(client: TestClient, town: Town) -> None:
    entry = tower(town, 0, rsrp=-85.5, sinr=12, rsrq=-11, age=1500, channel=7)
    del entry["mobileCountryCode"], entry["mobileNetworkCode"]
    body = {
        "homeMobileCountryCode": 262,
        "homeMobileNetworkCode": 1,
        "considerIp": False,
        "carrier": "any",
        "wifiAccessPoints": [{"macAddress": "01:23:45:67:89:ab"}],
        "cellTowers": [
            entry,
            tower(town, 1, signalStrength=-500),
            tower(town, 2, timingAdvance=1e9),
        ],
    }
    assert client.post("/v1/geolocate", json=body).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{}", b'{"cellTowers": []}', b'{"wifiAccessPoints": []}'])
def test_nothing_known_is_404_not_found(client: TestClient, body: bytes) -> None:
    response = client.post("/v1/geolocate", content=body)
    assert response.status_code == 404
    error = response.json()["error"]
    assert error["code"] == 404
    assert error["errors"][0]["domain"] == "geolocation"
    assert error["errors"][0]["reason"] == "notFound"


def test_an_unknown_tower_is_404(client: TestClient, town: Town) -> None:
    towers = [tower(town, 0, newRadioCellId=5), tower(town, 0, radioType="lte", cellId=1000)]
    assert client.post("/v1/geolocate", json={"cellTowers": towers}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"\xff",
        b'{"cellTowers": {}}',
        b'{"cellTowers": [{"newRadioCellId": "x"}]}',
        b'{"cellTowers": [{"signalStrength": NaN}]}',
        b'{"cellTowers": [{"signalStrength": 1e999}]}',
        b'{"considerIp": Infinity}',
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_400_parse_error(client: TestClient, body: bytes) -> None:
    response = client.post("/v1/geolocate", content=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["errors"][0]["domain"]) == (400, "global")
    assert error["errors"][0]["reason"] == "parseError"


def test_a_body_too_large_keeps_google_s_shape(client: TestClient) -> None:
    response = client.post("/v1/geolocate", content=b" " * 1_000_001)
    assert response.status_code == 413
    assert response.json()["error"]["errors"][0]["reason"] == "parseError"
