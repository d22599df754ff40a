"""POST /api/v1/locate and /locate/batch: replies, and each way to refuse a request."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.conftest import Town


def problem_of(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"urn:rayfix:problem:{code}"
    assert body["title"] and body["detail"]
    return body


def test_a_fix_lies_on_the_map_with_its_uncertainty(client: TestClient, town: Town) -> None:
    request = {"ue_id": "ue-1", "reports": [town.report(-20, 15)]}
    response = client.post("/api/v1/locate", json=request)
    assert response.status_code == 200, response.text
    reply = response.json()
    fix = reply["fix"]
    extent = town.radio_map.scene.extent
    assert extent.contains(fix["x_m"], fix["y_m"])
    x, y = town.radio_map.scene.georeference.to_local(fix["lat"], fix["lon"])
    assert math.hypot(x - fix["x_m"], y - fix["y_m"]) < 0.01
    ellipse = fix["ellipse"]
    assert ellipse["semi_major_m"] >= ellipse["semi_minor_m"] > 0
    assert 0 <= ellipse["orientation_deg"] < 180
    assert 0 < fix["confidence"] <= 1
    assert sum(h["weight"] for h in reply["hypotheses"]) == pytest.approx(1, abs=0.01)
    assert (reply["model"], reply["scene"]) == ("town", "town")
    assert {"queue", "locate", "total"} <= set(reply["timing_ms"])
    assert reply["posterior"] is None and reply["attention"] is None


def test_why_posterior_and_attention_sum_to_one(client: TestClient, town: Town) -> None:
    later, earlier = town.report(0, 0, "2026-11-24T12:00:01Z"), town.report(0, 0, 1_000_000)
    request = {
        "reports": [later, earlier],
        "include": ["posterior", "attention", "residuals"],
    }
    reply = client.post("/api/v1/locate", json=request).json()
    posterior = reply["posterior"]
    assert posterior["grid"]["rows"] * posterior["grid"]["columns"] == len(posterior["probability"])
    assert sum(posterior["probability"]) == pytest.approx(1, abs=1e-3)
    attention = reply["attention"]
    assert len(attention["map_attention"]) == attention["layers"]
    for weights in (w for layer in attention["map_attention"] for w in layer):
        assert sum(weights) == pytest.approx(1, abs=1e-3)
    assert len(attention["tokens"]) == 12
    for weights in (w for layer in attention["token_attention"] for w in layer):
        assert len(weights) == 12
        assert sum(weights) == pytest.approx(1, abs=1e-3)
    # The tokens are in the order of time; their report is the index in the request.
    assert [t["report"] for t in attention["tokens"]] == [1] * 6 + [0] * 6
    assert attention["tokens"][-1]["time"] == "2026-11-24T12:00:01.000Z"


def test_unknown_cells_are_ignored_and_named(client: TestClient, town: Town) -> None:
    report = town.report(10, -30)
    report["cells"].append({"cell_id": "elsewhere", "rsrp_dbm": -90})
    reply = client.post("/api/v1/locate", json={"reports": [report]}).json()
    assert reply["unknown_cells"] == ["elsewhere"]


def test_only_unknown_cells_is_422_no_known_cells(client: TestClient) -> None:
    report = {"time": 0, "cells": [{"cell_id": "elsewhere", "rsrp_dbm": -90}]}
    body = problem_of(
        client.post("/api/v1/locate", json={"reports": [report]}), 422, "no_known_cells"
    )
    assert "elsewhere" in body["detail"]


def test_unknown_scene_is_404(client: TestClient, town: Town) -> None:
    request = {"scene": "../town", "reports": [town.report(0, 0)]}
    problem_of(client.post("/api/v1/locate", json=request), 404, "unknown_scene")


CELL = {"cell_id": "A-0", "rsrp_dbm": -80}


@pytest.mark.parametrize(
    ("request_text", "field"),
    [
        ('{"reports": []}', "reports"),
        ('{"reports": [{"time": 0, "cells": []}]}', "reports[0].cells"),
        ("{}", "reports"),
        ("[]", "body"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "A-0"}, {"rsrp_dbm": -80}]}]}',
         "reports[0].cells[1].cell_id"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "A-0", "rsrp_dbm": NaN}]}]}',
         "reports[0].cells[0].rsrp_dbm"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "A-0", "rsrp_dbm": -Infinity}]}]}',
         "reports[0].cells[0].rsrp_dbm"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "A-0", "rsrp_dbm": 1e999}]}]}',
         "reports[0].cells[0].rsrp_dbm"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "A-0", "cqi": NaN}]}]}',
         "reports[0].cells[0].cqi"),
        ('{"reports": [{"time": NaN, "cells": [{"cell_id": "A-0"}]}]}', "reports[0].time"),
        ('{"reports": [{"time": "soon", "cells": [{"cell_id": "A-0"}]}]}', "reports[0].time"),
        ('{"reports": [{"time": 1e12, "cells": [{"cell_id": "A-0"}]}]}', "reports[0].time"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "A-0", "rsrp_dbm": [1, [2]]}]}]}',
         "reports[0].cells[0].rsrp_dbm"),
        ('{"reports": [{"time": 0, "cells": [["A-0", -80]]}]}', "reports[0].cells[0]"),
        ('{"reports": [[1, 2], 3]}', "reports[0]"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "A-0", "rssi": 1}]}]}',
         "reports[0].cells[0].rssi"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "A-0"}]}], "refine": "yes"}', "refine"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "A-0"}]}], "refine": {"steps": 1e9}}',
         "refine.steps"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "A-0"}]}], "include": ["weights"]}',
         "include[0]"),
        ('{"ue_id": "a/../b", "reports": [{"time": 0, "cells": [{"cell_id": "A-0"}]}]}', "ue_id"),
        ('{"ue_id": "\\ud800", "reports": [{"time": 0, "cells": [{"cell_id": "A-0"}]}]}', "ue_id"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "\\ud800"}]}]}',
         "reports[0].cells[0].cell_id"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "A-0", "rsrp_dbm": -1'
         + "0" * 400 + "}]}]}", "reports[0].cells[0].rsrp_dbm"),
    ],
)  # fmt: skip
def test_a_field_that_breaks_a_rule_is_named(
    client: TestClient, request_text: str, field: str
) -> None:
    response = client.post(
        "/api/v1/locate", content=request_text, headers={"content-type": "application/json"}
    )
    body = problem_of(response, 422, "invalid_request")
    assert field in [error["field"] for error in body["errors"]]
    assert all(error["rule"] for error in body["errors"])


@pytest.mark.parametrize(
    "content", [b"{", b"\xff\xfe{}", b"[" * 100_000, b'{"reports": 1' + b"0" * 5000 + b"}"]
)
def test_what_is_not_json_is_400(client: TestClient, content: bytes) -> None:
    response = client.post(
        "/api/v1/locate", content=content, headers={"content-type": "application/json"}
    )
    problem_of(response, 400, "malformed_json")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", ""])
def test_another_content_type_is_415(client: TestClient, town: Town, content_type: str) -> None:
    response = client.post(
        "/api/v1/locate",
        content=json.dumps({"reports": [town.report(0, 0)]}),
        headers={"content-type": content_type},
    )
    problem_of(response, 415, "unsupported_media_type")


def test_a_batch_answers_each_request_in_order(client: TestClient, town: Town) -> None:
    good = [{"reports": [town.report(x, -20)]} for x in (-40, 0, 40)]
    bad = {"reports": [{"time": 0, "cells": [{"cell_id": "elsewhere"}]}]}
    elsewhere = {"scene": "elsewhere", "reports": [town.report(0, 0)]}
    response = client.post(
        "/api/v1/locate/batch", json={"requests": [good[0], bad, good[1], elsewhere, good[2]]}
    )
    assert response.status_code == 200, response.text
    results = response.json()["results"]
    assert [r.get("code") for r in results] == [
        None, "no_known_cells", None, "unknown_scene", None,
    ]  # fmt: skip
    for request, result in zip(good, (results[0], results[2], results[4]), strict=True):
        alone = client.post("/api/v1/locate", json=request).json()
        assert result["fix"]["x_m"] == pytest.approx(alone["fix"]["x_m"], abs=1e-3)


def test_a_batch_names_the_request_and_the_field(client: TestClient, town: Town) -> None:
    requests = [{"reports": [town.report(0, 0)]}, {"reports": []}]
    response = client.post("/api/v1/locate/batch", json={"requests": requests})
    body = problem_of(response, 422, "invalid_request")
    assert body["errors"][0]["field"] == "requests[1].reports"
