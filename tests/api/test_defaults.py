"""What the defaults of the libraries below us get wrong, each reproduced once; here ours is right.

The list: NaN and Infinity in JSON; NaN out as null; ragged arrays; huge bodies; slow headers; a
socket that never reads at SIGTERM; a flipped byte in weights, maps; a chunk that is missing.
Elsewhere: SIGTERM under load and a socket that never reads (test_live_socket), NaN out
(test_service), slow headers and bodies (test_live_socket).
"""

from __future__ import annotations

import shutil
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.api.server import free_port
from tests.api.test_locate import problem_of
from tests.conftest import ROOT, Town

from rayfix.api.app import create_app
from rayfix.api.server import GRACEFUL_S, server_of
from rayfix.config import Settings
from rayfix.errors import ArtefactError
from rayfix.files import check_manifest
from rayfix.model.artefact import load_model
from rayfix.radio_map.store import load_radio_map

FLIPS = 1000


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_do_not_get_in(client: TestClient, number: str) -> None:
    body = f'{{"reports":[{{"time":0,"cells":[{{"cell_id":"A-0","rsrp_dbm":{number}}}]}}]}}'
    headers = {"content-type": "application/json"}
    answer = client.post("/api/v1/locate", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    problem_of(answer, answer.status_code, answer.json()["code"])
    probe = client.get(f"/api/v1/scenes/town/probe?lat={number}&lon=11")
    problem_of(probe, 422, "invalid_request")


@pytest.mark.parametrize(
    "reports",
    [
        [[0, 1], [2]],
        [{"time": 0, "cells": [["A-0", -80], ["A-1"]]}],
        [{"time": 0, "cells": [{"cell_id": "A-0", "rsrp_dbm": [-80, -81]}]}],
        [{"time": [0], "cells": [{"cell_id": "A-0"}]}],
        {"time": 0},
    ],
)
def test_ragged_arrays_are_told_which_field_is_wrong(client: TestClient, reports: object) -> None:
    answer = client.post("/api/v1/locate", json={"reports": reports})
    body = problem_of(answer, 422, "invalid_request")
    assert body["errors"][0]["field"].startswith("reports")


def test_a_body_of_300_mb_is_refused_before_it_is_sent(town_settings: Settings) -> None:
    settings = town_settings.model_copy(update={"port": free_port()})
    server = server_of(create_app(settings), settings)
    serving = threading.Thread(target=server.run)
    serving.start()
    while not server.started:
        time.sleep(0.01)
    with socket.create_connection(("127.0.0.1", settings.port)) as client:
        client.settimeout(10)
        client.sendall(
            b"POST /api/v1/locate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 300000000\r\n\r\n{"
        )
        answer = b""
        while part := client.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 413 ")
    with socket.create_connection(("127.0.0.1", settings.port)) as client:
        client.settimeout(10)
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        with pytest.raises(OSError):  # closed by the server: headers have a size limit too
            for _ in range(400):
                client.sendall(b"X-Padding: " + b"x" * 1000 + b"\r\n")
                time.sleep(0.001)
    # A socket that never reads does not hold the service back when it stops.
    lazy = socket.create_connection(("127.0.0.1", settings.port))
    lazy.sendall(
        b"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with lazy:
        assert lazy.recv(12) == b"HTTP/1.1 101"
        started = time.monotonic()
        server.should_exit = True
        serving.join(15)
        assert not serving.is_alive()
        assert time.monotonic() - started < GRACEFUL_S + 3


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the shipped model and of a map's folder, to be damaged."""
    folder = tmp_path_factory.mktemp("shipped")
    shutil.copytree(ROOT / "models" / "munich", folder / "model")
    return folder


def flip(path: Path, position: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        (value,) = file.read(1)
        file.seek(position)
        file.write(bytes([value ^ 1 << bit]))


def test_a_flipped_bit_in_1000_places_is_refused_every_time(town: Town, shipped: Path) -> None:
    """Half in the shipped weights, half in the files of a map, spread over all of their bytes; the
    check is the one that loading begins with."""
    map_folder = shutil.copytree(town.radio_maps_dir / "town", shipped / "map")
    rng = np.random.default_rng(5)
    refused = 0
    for folder, files in (
        (shipped / "model", [shipped / "model" / "weights.safetensors"]),
        (map_folder, sorted(p for p in map_folder.rglob("*") if p.is_file())),
    ):
        sizes = np.array([file.stat().st_size for file in files])
        ends = np.cumsum(sizes)
        for place in rng.integers(0, ends[-1], FLIPS // 2):
            index = int(np.searchsorted(ends, place, side="right"))
            position = int(place - (ends[index] - sizes[index]))
            bit = int(rng.integers(0, 8))
            flip(files[index], position, bit)
            with pytest.raises(ArtefactError) as damage:
                check_manifest(folder)
            assert damage.value.path in (files[index], folder / "manifest.json")
            refused += 1
            flip(files[index], position, bit)
        check_manifest(folder)
    assert refused == FLIPS


def test_loading_begins_with_that_check(town: Town, tmp_path: Path) -> None:
    map_folder = shutil.copytree(town.radio_maps_dir / "town", tmp_path / "town")
    chunk = next(p for p in sorted(map_folder.rglob("c/**/*")) if p.is_file())
    flip(chunk, chunk.stat().st_size // 2, 3)
    with pytest.raises(ArtefactError) as damage:
        load_radio_map(map_folder)
    assert damage.value.path == chunk
    chunk.unlink()  # zarr would read a missing chunk as fill values
    with pytest.raises(ArtefactError, match="missing"):
        load_radio_map(map_folder)
    model = shutil.copytree(town.models_dir / "town", tmp_path / "model")
    weights = model / "weights.safetensors"
    flip(weights, weights.stat().st_size - 5, 0)
    with pytest.raises(ArtefactError, match="SHA-256"):
        load_model(model)
