"""Keys, tokens, scopes, limits: who may ask for what, and what others are told."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi.testclient import TestClient
from pydantic import SecretStr
from starlette.testclient import WebSocketDenialResponse
from tests.api.server import Server, served
from tests.api.test_locate import problem_of
from tests.conftest import Town, settings_of
from typer.testing import CliRunner
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from rayfix.api.access import Caller, Scope, needed_scope
from rayfix.api.app import create_app
from rayfix.api.commands import app as keys_command
from rayfix.api.keys import KeyStore
from rayfix.api.limits import Limits, RateLimitedError, TooManyConnectionsError
from rayfix.config import Settings
from rayfix.errors import ArtefactError, ConfigError, InvalidInputError

SECRET = "a shared secret of more than thirty-two bytes"
READ = frozenset({Scope.READ})


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A key for each scope, and one of all; `file` is where their hashes are."""
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    store = KeyStore(file)
    made = {scope.value: store.create(scope.value, frozenset({scope})) for scope in Scope}
    return {**made, "all": store.create("all", frozenset(Scope)), "file": str(file)}


@pytest.fixture(scope="module")
def guarded(
    town: Town, keys: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    settings = settings_of(town, tmp_path_factory.mktemp("guarded")).model_copy(
        update={"keys_file": Path(keys["file"]), "jwt_key": SecretStr(SECRET), "camara": True}
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def token(key: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    given = {"sub": "probe", "exp": time.time() + 60, "scope": "read", **claims}
    kept = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(kept, key, algorithm)


def test_every_path_of_the_service_asks_for_a_key_but_the_open_ones(guarded: TestClient) -> None:
    open_paths = set()
    for path, operations in guarded.get("/openapi.json").json()["paths"].items():
        for method in operations:
            status = guarded.request(method, re.sub(r"{\w+}", "1", path)).status_code
            if status != 401 and not (path == "/v1/geolocate" and status == 400):
                open_paths.add(path)
    assert open_paths == {"/healthz", "/readyz", "/api/v1/config"}


def test_a_key_opens_what_its_scopes_name(guarded: TestClient, keys: dict[str, str]) -> None:
    for name in ("X-API-Key", "Authorization"):
        value = keys["read"] if name == "X-API-Key" else f"Bearer {keys['read']}"
        assert guarded.get("/api/v1/scenes", headers={name: value}).status_code == 200
    assert guarded.get(f"/api/v1/scenes?key={keys['read']}").status_code == 200
    for path, scope in (("/api/v1/scenes", "locate"), ("/api/v1/admin/reload", "read")):
        refused = guarded.get(path, headers={"x-api-key": keys[scope]})
        problem_of(refused, 403, "forbidden_scope")
    refused = guarded.post("/api/v1/locate", json={}, headers={"x-api-key": keys["read"]})
    problem_of(refused, 403, "forbidden_scope")
    assert refused.headers["connection"] == "close"
    accepted = guarded.post("/api/v1/locate", json={}, headers={"x-api-key": keys["locate"]})
    problem_of(accepted, 422, "invalid_request")


@pytest.mark.parametrize("given", ["", "rfx_wrong", "a.b.c", "é"])
def test_a_wrong_key_is_401(guarded: TestClient, given: str) -> None:
    response = guarded.get("/api/v1/scenes", headers={"x-api-key": given.encode()})  # type: ignore[dict-item]
    problem_of(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"
    assert given == "" or given not in response.text


def test_refusals_speak_the_language_of_the_path(guarded: TestClient, keys: dict[str, str]) -> None:
    for query in ("", f"?key={keys['read']}"):
        google = guarded.post(f"/v1/geolocate{query}", json={})
        assert google.status_code == 400
        assert google.json()["error"]["errors"][0]["reason"] == "keyInvalid"
    camara = guarded.post("/location-retrieval/v0.5/retrieve", json={})
    assert (camara.status_code, camara.json()["code"]) == (401, "UNAUTHENTICATED")


def test_tokens_are_checked_whole(guarded: TestClient) -> None:
    def status(text: str) -> int:
        headers = {"authorization": f"Bearer {text}"}
        return guarded.get("/api/v1/scenes", headers=headers).status_code

    assert status(token()) == 200
    assert status(token(scope="locate read")) == 200
    assert status(token(scope="locate")) == 403
    assert status(token(scope="")) == 403
    for bad in (
        token(key="another secret of more than thirty-two bytes"),
        token(exp=time.time() - 60),
        token(exp=None),
        token(sub=None),
        token(algorithm="HS512"),
        token(key=None, algorithm="none"),
        token() + "x",
    ):
        assert status(bad) == 401


def test_rs256_takes_the_issuers_key_and_no_token_signed_with_it(town_settings: Settings) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    settings = town_settings.model_copy(
        update={
            "jwt_algorithm": "RS256",
            "jwt_key": SecretStr(public.decode().replace("\n", "\\n")),
            "jwt_issuer": "https://issuer.example",
            "jwt_audience": "rayfix",
        }
    )
    good = {"iss": "https://issuer.example", "aud": "rayfix"}
    with TestClient(create_app(settings)) as client:
        for claims, status in ((good, 200), ({**good, "aud": "x"}, 401), ({"aud": "rayfix"}, 401)):
            text = token(private, "RS256", **claims)
            answer = client.get("/api/v1/scenes", headers={"authorization": f"Bearer {text}"})
            assert answer.status_code == status
        forged = jwt.api_jws.PyJWS().encode(
            json.dumps({"sub": "x", "exp": time.time() + 60, "scope": "read", **good}).encode(),
            "a" * 32,
            "HS256",
        )
        assert client.get(f"/api/v1/scenes?key={forged}").status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"host": "0.0.0.0"},
        {"host": "::"},
        {"host": "rayfix.example"},
        {"jwt_key": SecretStr("short")},
        {"jwt_key": SecretStr("x" * 40), "jwt_algorithm": "RS256"},
    ],
)
def test_what_nothing_protects_does_not_start(
    town_settings: Settings, change: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=r"RAYFIX_(HOST|JWT_KEY)"):
        create_app(town_settings.model_copy(update=change))


def test_a_public_address_starts_with_a_key_or_when_told_to_be_open(
    town_settings: Settings, keys: dict[str, str]
) -> None:
    public = {"host": "0.0.0.0"}
    told = town_settings.model_copy(update={**public, "insecure": True})
    with TestClient(create_app(told)) as client:
        assert client.get("/api/v1/scenes").status_code == 200
        assert client.get("/api/v1/config").json()["auth_required"] is False
    keyed = town_settings.model_copy(update={**public, "keys_file": Path(keys["file"])})
    with TestClient(create_app(keyed)) as client:
        assert client.get("/api/v1/scenes").status_code == 401
        assert client.get("/api/v1/config").json()["auth_required"] is True


def test_the_command_refuses_a_public_address_without_keys(town_settings: Settings) -> None:
    server = Server(town_settings, RAYFIX_HOST="0.0.0.0")
    with pytest.raises(AssertionError, match="RAYFIX_HOST"), server:
        pass
    assert server.process is not None and server.process.wait(10) == 2


def test_keys_are_kept_as_hashes_and_revoked_at_once(
    town_settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "data" / "keys.json"
    run = CliRunner().invoke
    made = run(keys_command, ["create", "probe", "--scope", "read", "--keys-file", str(file)])
    key = made.stdout.strip()
    assert key.startswith("rfx_") and len(key) > 40
    assert key not in file.read_text() and key[4:] not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    listed = run(keys_command, ["list", "--json", "--keys-file", str(file)]).stdout
    assert [(row["name"], row["scopes"]) for row in json.loads(listed)] == [("probe", ["read"])]
    assert "sha256" not in listed
    again = run(keys_command, ["create", "probe", "--keys-file", str(file)])
    assert isinstance(again.exception, InvalidInputError)
    settings = town_settings.model_copy(update={"keys_file": file})
    with TestClient(create_app(settings)) as client:
        assert client.get(f"/api/v1/scenes?key={key}").status_code == 200
        assert run(keys_command, ["revoke", "probe", "--keys-file", str(file)]).exit_code == 0
        assert client.get(f"/api/v1/scenes?key={key}").status_code == 401
        file.write_text("{")  # damage at run time lets nobody in
        assert client.get(f"/api/v1/scenes?key={key}").status_code == 401
    with pytest.raises(ArtefactError, match=r"keys\.json"):
        create_app(settings)


def test_limits_let_through_what_was_agreed() -> None:
    now = 0.0
    limits = Limits(clock=lambda: now)
    caller = Caller("a", READ, rate_per_s=10.0, connections=3)
    other = Caller("b", READ, rate_per_s=10.0, connections=3)
    for _ in range(20):  # two seconds' worth at once
        limits.enter(caller)
        limits.leave(caller)
    with pytest.raises(RateLimitedError):
        limits.enter(caller)
    limits.enter(other)
    now = 0.1
    limits.enter(caller)
    limits.charge(caller, 30)  # a batch overdraws: 3 s of debt
    with pytest.raises(RateLimitedError) as refused:
        limits.enter(caller)
    assert refused.value.retry_after_s == 4
    now = 3.5
    limits.enter(caller)
    limits.enter(caller)
    with pytest.raises(TooManyConnectionsError):
        limits.enter(caller)
    limits.leave(caller)
    limits.enter(caller)


class Keys(NamedTuple):
    """Of a key that may have two connections, and of one that may ask every 20 s."""

    url: str
    few: str
    slow: str


@pytest.fixture(scope="module")
def limited(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    settings = settings_of(town, tmp_path_factory.mktemp("limited"))
    store, scopes = KeyStore(settings.keys_file), frozenset({Scope.READ, Scope.LOCATE})
    few = store.create("few", scopes, connections=2)
    slow = store.create("slow", scopes, rate_per_s=0.05)
    with served(settings) as url:
        yield Keys(url, few, slow)


def test_limits_hold_for_requests_and_sockets_and_say_when_to_come_back(limited: Keys) -> None:
    url, few, slow = limited
    live = url.replace("http", "ws") + "/api/v1/live"
    with pytest.raises(InvalidStatus) as denied, connect(live):
        pass
    assert denied.value.response.status_code == 401
    with connect(f"{live}?key={few}") as one, connect(f"{live}?key={few}"):
        assert json.loads(one.recv(timeout=10))["type"] == "hello"
        with pytest.raises(InvalidStatus) as denied, connect(f"{live}?key={few}"):
            pass
        assert denied.value.response.status_code == 429
        assert denied.value.response.headers["retry-after"] == "1"
        refused = httpx.get(f"{url}/api/v1/scenes?key={few}")
        problem_of(refused, 429, "too_many_connections")
    assert httpx.get(f"{url}/api/v1/scenes?key={slow}").status_code == 200
    refused = httpx.get(f"{url}/api/v1/scenes?key={slow}")
    problem_of(refused, 429, "rate_limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    google = httpx.post(f"{url}/v1/geolocate?key={slow}", json={})
    assert google.status_code == 403
    assert google.json()["error"]["errors"][0]["reason"] == "userRateLimitExceeded"
    assert "retry-after" in google.headers


def test_no_key_is_in_a_log(town_settings: Settings) -> None:
    key = KeyStore(town_settings.keys_file).create("logged", READ)
    with Server(town_settings, RAYFIX_KEYS_FILE=str(town_settings.keys_file)) as server:
        _ask_with_keys(server, key)
    log = server.log.read_text()
    assert "key=***" in log  # uvicorn names the addresses of sockets
    assert key not in log
    assert "a-wrong-secret" not in log


def _ask_with_keys(server: Server, key: str) -> None:
    with connect(f"{server.live_url}?ue_id=a&key={key}") as socket:
        socket.recv(timeout=10)
    httpx.get(f"{server.url}/api/v1/no-such-thing?key={key}")
    httpx.get(f"{server.url}/api/v1/scenes?key=a-wrong-secret")


def test_the_handshake_is_denied_in_process_too(guarded: TestClient, keys: dict[str, str]) -> None:
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        guarded.websocket_connect(f"/api/v1/live?key={keys['locate']}"),
    ):
        pass
    assert denied.value.status_code == 403


def test_paths_written_otherwise_are_not_open() -> None:
    assert needed_scope("/api/v1/ues") is Scope.READ
    assert needed_scope("/api/v1/anything-new") is Scope.READ
    assert needed_scope("/api/v1/config/x") is Scope.READ
    assert needed_scope("/") is None


def test_openapi_says_what_is_guarded(guarded: TestClient) -> None:
    document = guarded.get("/openapi.json").json()
    locate = document["paths"]["/api/v1/locate"]["post"]
    assert {"401", "403", "429"} <= set(locate["responses"])
    assert [next(iter(way)) for way in locate["security"]] == ["bearer", "header", "query"]
    assert "security" not in document["paths"]["/healthz"]["get"]
