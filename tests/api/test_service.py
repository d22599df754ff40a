"""Health, metrics, configuration, console, general errors, OpenAPI."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr, ValidationError
from tests.api.test_locate import problem_of
from tests.conftest import Town

from rayfix import __version__
from rayfix.api.app import create_app
from rayfix.api.schemas_scenes import Place
from rayfix.config import Settings
from rayfix.errors import RayFixError


def test_alive_and_ready(client: TestClient) -> None:
    assert client.get("/healthz").json()["status"] == "alive"
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "model": "town", "scenes": ["town"]}


def test_metrics_count_what_happened(fresh_client: TestClient, town: Town) -> None:
    client = fresh_client
    report = town.report(0, 0)
    report["cells"].append({"cell_id": "elsewhere"})
    client.post("/api/v1/locate", json={"ue_id": "u", "reports": [report]})
    client.get("/no-such-page")
    text = client.get("/metrics").text
    assert 'rayfix_fixes_total{scene="town"} 1.0' in text
    assert "rayfix_unknown_cells_total 1.0" in text
    assert 'rayfix_batch_size_bucket{le="1.0"} 1.0' in text
    for stage in ("queue", "pack", "locate", "total"):
        assert f'rayfix_locate_stage_seconds_count{{stage="{stage}"}} 1.0' in text
    assert (
        'rayfix_http_request_seconds_count{method="POST",route="/api/v1/locate",status="200"} 1.0'
        in text
    )
    assert 'rayfix_problems_total{code="not_found"} 1.0' in text
    for name in ("queue_length", "live_subscribers", "live_pending", "live_stale", "live_dropped"):
        assert f"rayfix_{name} 0.0" in text or f"rayfix_{name} 1.0" in text


def test_config_tells_the_console_its_token(town_settings: Settings) -> None:
    for token, told in ((None, None), (SecretStr(""), None), (SecretStr("pk.x"), "pk.x")):
        settings = town_settings.model_copy(update={"mapbox_token": token})
        with TestClient(create_app(settings)) as client:
            config = client.get("/api/v1/config").json()
        assert config == {
            "mapbox_token": told,
            "mapbox_style": None,
            "version": __version__,
            "auth_required": False,
        }


def test_the_console_is_served_with_its_caching(client: TestClient) -> None:
    page = client.get("/")
    assert "<title>RayFix" in page.text
    assert page.headers["cache-control"] == "no-cache"
    asset = client.get("/assets/index-abc123.js")
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    route = client.get("/fixes/123?x=1", headers={"accept": "text/html,*/*"})
    assert route.text == page.text
    assert route.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/assets/old.js",
        "/api/v1/nothing",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/live.sqlite",
    ],
)
def test_what_is_not_there_is_404(client: TestClient, path: str) -> None:
    accept = "text/html" if "assets" in path or "api" in path else "*/*"
    problem_of(client.get(path, headers={"accept": accept}), 404, "not_found")


def test_a_wrong_method_is_405_and_says_which_are_right(client: TestClient) -> None:
    response = client.get("/api/v1/locate")
    problem_of(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"
    problem_of(client.delete("/"), 405, "method_not_allowed")


def test_large_bodies_are_413_whether_declared_or_streamed(client: TestClient) -> None:
    declared = client.post("/api/v1/locate", content=b" " * 1_000_001)
    problem_of(declared, 413, "body_too_large")
    assert declared.headers["connection"] == "close"

    def stream() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 50_000

    problem_of(client.post("/api/v1/locate", content=stream()), 413, "body_too_large")


def test_an_unexpected_error_is_500_without_its_insides(town_settings: Settings) -> None:
    app = create_app(town_settings)

    @app.get("/api/broken")
    async def broken() -> None:
        raise RuntimeError("a secret")

    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.get("/api/broken", headers={"x-request-id": "my-id-1"})
        body = problem_of(response, 500, "internal_error")
        assert "secret" not in response.text
        assert "my-id-1" in body["detail"]
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_never_gets_out(town_settings: Settings, value: float) -> None:
    with pytest.raises(ValidationError):
        Place(lat=value, lon=0)
    app = create_app(town_settings)

    @app.get("/api/place")
    async def place() -> Place:
        return {"lat": value, "lon": 0.0}  # type: ignore[return-value]

    with TestClient(app, raise_server_exceptions=False) as client:
        problem_of(client.get("/api/place"), 500, "internal_error")


def test_request_ids_are_kept_when_harmless(client: TestClient) -> None:
    assert client.get("/healthz", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == (
        "abc-1"
    )
    for strange in ("a b", "x" * 200, 'a"b'):
        answered = client.get("/healthz", headers={"x-request-id": strange})
        assert answered.headers["x-request-id"] not in (strange, "")


def test_other_sites_may_not_call_unless_told(town_settings: Settings) -> None:
    origin = {"origin": "https://elsewhere.example"}
    with TestClient(create_app(town_settings)) as client:
        assert "access-control-allow-origin" not in client.get("/healthz", headers=origin).headers
    allowed = town_settings.model_copy(update={"cors_origins": ("https://elsewhere.example",)})
    with TestClient(create_app(allowed)) as client:
        headers = client.get("/healthz", headers=origin).headers
        assert headers["access-control-allow-origin"] == "https://elsewhere.example"


def test_openapi_is_printed_without_a_service_and_describes_problems() -> None:
    command = [sys.executable, "-m", "rayfix.api.openapi"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    document: dict[str, Any] = json.loads(text)
    locate = document["paths"]["/api/v1/locate"]["post"]
    assert {"200", "400", "404", "408", "413", "415", "422", "503"} <= set(locate["responses"])
    assert "application/problem+json" in locate["responses"]["422"]["content"]
    assert "/v1/geolocate" in document["paths"]
    schemas = document["components"]["schemas"]
    assert {"Problem", "FieldError", "LocateReply", "LiveFix", "Report"} <= set(schemas)
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference


def test_the_docs_page_needs_no_other_site(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "https://" not in page
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        assert client.get(path).status_code == 200, path


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def test_a_damaged_or_missing_file_refuses_the_start_and_is_named(
    town_settings: Settings, tmp_path: Any
) -> None:
    import shutil

    shutil.copytree(town_settings.models_dir, tmp_path / "models")
    shutil.copytree(town_settings.radio_maps_dir, tmp_path / "radio_maps")
    settings = town_settings.model_copy(
        update={"models_dir": tmp_path / "models", "radio_maps_dir": tmp_path / "radio_maps"}
    )
    for path in (
        tmp_path / "models/town/weights.safetensors",
        tmp_path / "models/town/config.yaml",
        tmp_path / "radio_maps/town/buildings.geojson",
        tmp_path / "radio_maps/town/roads.geojson",
        tmp_path / "radio_maps/town/cells.yaml",
    ):
        content = path.read_bytes()
        for damaged in (None, content[:-1], bytes([content[0] ^ 1]) + content[1:]):
            path.unlink() if damaged is None else path.write_bytes(damaged)
            with pytest.raises(RayFixError, match=path.name), TestClient(create_app(settings)):
                pass
            path.write_bytes(content)
    with TestClient(create_app(settings)) as client:
        assert client.get("/readyz").status_code == 200
