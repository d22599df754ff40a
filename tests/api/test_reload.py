"""A new model or map comes into service without a request being dropped."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.conftest import Town

from rayfix.api.app import create_app
from rayfix.api.services import Reloading
from rayfix.api.watch import state_of_files
from rayfix.config import Settings
from rayfix.errors import ArtefactError
from rayfix.model.artefact import load_model, save_model


@pytest.fixture
def own_files(town_settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose model and map may be exchanged."""
    for name in ("models", "radio_maps"):
        shutil.copytree(getattr(town_settings, f"{name}_dir"), tmp_path / name)
    return town_settings.model_copy(
        update={
            "models_dir": tmp_path / "models", "radio_maps_dir": tmp_path / "radio_maps",
            "watch_s": 0.05,
        }
    )  # fmt: skip


def exchange_model(settings: Settings) -> None:
    """The same network under another name, as `rayfix train` writes it."""
    folder = settings.models_dir / settings.model
    model = load_model(folder, "cpu")
    renamed = model.config.model_copy(update={"name": "town-2"})
    save_model(folder, replace(model, config=renamed), "# Town 2\n")


def test_a_new_model_answers_without_a_request_dropped(own_files: Settings, town: Town) -> None:
    body = {"reports": [town.report(0, 0)], "refine": False}
    with TestClient(create_app(own_files)) as client:
        first = client.post("/api/v1/locate", json=body)
        exchange_model(own_files)
        models, deadline = {first.json()["model"]}, time.monotonic() + 20
        while "town-2" not in models:
            answer = client.post("/api/v1/locate", json=body)
            assert answer.status_code == 200
            models.add(answer.json()["model"])
            assert time.monotonic() < deadline
        assert client.get("/readyz").json()["model"] == "town-2"
        assert "rayfix_reloads_total 1.0" in client.get("/metrics").text


def test_who_asks_while_a_load_waits_shares_it() -> None:
    loads, going = [], threading.Event()

    def load() -> None:
        loads.append(1)
        going.wait(10)

    async def ask() -> list[bool]:
        reloading = Reloading()
        first = asyncio.create_task(reloading.once(load))
        while not loads:
            await asyncio.sleep(0.001)
        # The files may have changed since the first began: one more load, for all who ask now.
        waiting = [asyncio.create_task(reloading.once(load)) for _ in range(5)]
        await asyncio.sleep(0.01)
        going.set()
        return [await first, *[await task for task in waiting]]

    done = asyncio.run(ask())
    assert done == [True, True, False, False, False, False]
    assert len(loads) == 2


def test_a_damaged_map_is_refused_and_the_present_one_stays(
    own_files: Settings, town: Town
) -> None:
    quiet = own_files.model_copy(update={"watch_s": 0.0})
    app = create_app(quiet)
    with TestClient(app) as client:
        cells = own_files.radio_maps_dir / "town" / "cells.yaml"
        cells.write_bytes(cells.read_bytes()[:-1])
        with pytest.raises(ArtefactError, match=r"cells\.yaml"):
            asyncio.run(app.state.services.reload())
        answer = client.post("/api/v1/locate", json={"reports": [town.report(0, 0)]})
        assert answer.status_code == 200


def test_a_folder_that_is_being_written_is_left_alone(own_files: Settings) -> None:
    whole = state_of_files(own_files)
    assert (0, 0) not in whole
    (own_files.models_dir / "town" / "manifest.json").unlink()
    assert state_of_files(own_files)[0] == (0, 0)
    assert state_of_files(own_files)[1] == whole[1]
