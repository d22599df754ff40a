"""What the console asks beyond a fix: what if, the truth, areas of a map, the model's figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.api.test_fixes import locate, wait_for_latest
from tests.api.test_locate import problem_of
from tests.conftest import Town, settings_of

from rayfix.api.app import create_app
from rayfix.model.artefact import EVALUATION

MAPS = "/api/v1/scenes/town/radio-maps"


def test_residuals_at_the_fix_are_those_of_the_fix(client: TestClient, town: Town) -> None:
    reply = locate(client, reports=[town.report(-10, -10, 1.0)], include=["residuals"])
    fix = reply["fix"]
    here = client.get(
        f"/api/v1/fixes/{reply['fix_id']}/residuals", params={"lat": fix["lat"], "lon": fix["lon"]}
    ).json()
    assert [r["feature"] for r in here] == [r["feature"] for r in reply["residuals"]]
    for moved, kept in zip(here, reply["residuals"], strict=True):
        assert moved["observed"] == kept["observed"]
        assert moved["expected"] == pytest.approx(kept["expected"], abs=0.02)
    away = client.get(
        f"/api/v1/fixes/{reply['fix_id']}/residuals",
        params={"lat": fix["lat"] + 2e-4, "lon": fix["lon"]},
    ).json()
    assert [r["expected"] for r in away] != [r["expected"] for r in here]


def test_residuals_outside_the_map_are_refused(client: TestClient, town: Town) -> None:
    reply = locate(client, reports=[town.report(-10, -10, 1.0)])
    path = f"/api/v1/fixes/{reply['fix_id']}/residuals"
    problem_of(client.get(path, params={"lat": 0.0, "lon": 0.0}), 404, "outside_map")


def test_refinement_tells_the_energy_of_every_place(client: TestClient, town: Town) -> None:
    refinement = locate(client, reports=[town.report(5, -40, 1.0)], refine=True)["refinement"]
    energies = refinement["energies"]
    assert len(energies) == len(refinement["path"])
    assert energies[0] == refinement["energy_before"]
    assert energies == sorted(energies, reverse=True)


def test_a_known_place_comes_back_with_the_fix_and_changes_nothing(
    fresh_client: TestClient, town: Town
) -> None:
    reports = [town.report(-10, -10, 1.0)]
    truth = {"lat": 48.1, "lon": 11.5}
    blind = locate(fresh_client, ue_id="blind", reports=reports)
    told = locate(fresh_client, ue_id="told", reports=reports, truth=truth)
    assert told["fix"] == blind["fix"]
    features = wait_for_latest(fresh_client, 2)["features"]
    assert {f["id"]: f["properties"]["truth"] for f in features} == {
        "blind": None,
        "told": [11.5, 48.1],
    }
    track = fresh_client.get("/api/v1/ues/told/track").json()["features"]
    assert track[0]["properties"]["truth"] == [11.5, 48.1]
    strongest = max(reports[0]["cells"], key=lambda cell: cell["rsrp_dbm"])
    assert track[0]["properties"]["serving_cell"] == strongest["cell_id"]


def test_statistics_of_an_area(client: TestClient) -> None:
    whole = client.get(f"{MAPS}/sinr/statistics").json()
    assert 0 < whole["covered"] <= 1
    assert len(whole["percentiles"]) == 5
    assert whole["unit"] == "dB"
    nothing = client.get(f"{MAPS}/sinr/statistics", params={"bbox": "0,0,1,1"}).json()
    assert nothing["covered"] == 0
    problem_of(client.get(f"{MAPS}/sinr/statistics?bbox=1,2,3"), 422, "invalid_input")


def test_a_range_changes_the_picture_and_must_be_one(client: TestClient) -> None:
    whole = client.get(f"{MAPS}/path_gain.png").content
    narrow = client.get(f"{MAPS}/path_gain.png", params={"range": "-70,-60"}).content
    assert whole != narrow
    for wrong in ("-60,-80", "a,b", "nan,1", "1"):
        problem_of(
            client.get(f"{MAPS}/path_gain.png", params={"range": wrong}), 422, "invalid_input"
        )


def evaluation(model: str) -> dict[str, Any]:
    row = {
        "condition": "standard", "reports": 1, "method": "knn", "n": 2, "median_m": 1.0,
        "p67_m": 1.0, "p90_m": 2.0, "p95_m": 2.0, "rmse_m": 1.5, "within_5m": 1.0,
        "within_10m": 1.0, "within_20m": 1.0, "inside_68": 0.5, "inside_95": 1.0,
        "ms_per_fix": 0.1,
    }  # fmt: skip
    return {
        "model": model, "scene": "town", "dataset": "test", "made": "2026-11-24T12:00:00Z",
        "rows": [row], "curves": [], "places": [],
    }  # fmt: skip


def test_a_models_figures(town: Town, tmp_path: Path) -> None:
    shared = settings_of(town, tmp_path)
    models = tmp_path / "models"
    shutil.copytree(shared.models_dir, models)
    settings = shared.model_copy(update={"models_dir": models})
    with TestClient(create_app(settings)) as client:
        name = client.get("/readyz").json()["model"]
        before = client.get(f"/api/v1/models/{name}/metrics").json()
        assert before["evaluation"] is None
        assert len(before["version"]) == 12
        assert set(before["maps"]) == {"town"}
        recorded = evaluation(name)
        (models / settings.model / EVALUATION).write_text(json.dumps(recorded))
        after = client.get(f"/api/v1/models/{name}/metrics").json()
        assert after["evaluation"]["rows"] == recorded["rows"]
        problem_of(client.get("/api/v1/models/other/metrics"), 404, "unknown_model")
