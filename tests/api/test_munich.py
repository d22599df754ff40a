"""The shipped city: committed model and map answer reports of the committed test file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient
from tests.conftest import ROOT

from rayfix.api.app import create_app
from rayfix.config import Settings
from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.dataset import aligned_with
from rayfix.measurement.dataset_file import load_dataset
from rayfix.measurement.impairments import to_reports

SEQUENCES = 20


def test_munich_finds_phones_and_says_how_sure_it_is(tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None,
        models_dir=ROOT / "models",
        radio_maps_dir=ROOT / "radio_maps",
        device="cpu",
        threads=1,
        live_log=tmp_path / "live.sqlite",
        frontend_dir=tmp_path,
    )
    with TestClient(create_app(settings)) as client:
        radio_map = client.app.state.services.scene("munich").radio_map  # type: ignore[attr-defined]
        dataset = load_dataset(ROOT / "benchmarks" / "data" / "munich-test.zarr.zip")
        dataset = aligned_with(dataset, radio_map.cells, "munich")[:SEQUENCES]
        condition = load_conditions(ROOT / "configs" / "conditions.yaml").conditions["standard"]
        batch = dataset.draw(condition, seed=0, reports=3)
        sequences = to_reports(batch, [cell.cell_id for cell in radio_map.cells])
        requests = [
            {"reports": [r.model_dump(mode="json", exclude_none=True) for r in reports]}
            for reports in sequences
        ]
        response = client.post("/api/v1/locate/batch", json={"requests": requests})
        assert response.status_code == 200, response.text
        fixes = [result["fix"] for result in response.json()["results"]]
        place = np.array([(fix["x_m"], fix["y_m"]) for fix in fixes])
        error_m = np.hypot(*(place - dataset.truth_xy_m_S2).T)
        assert np.median(error_m) < 8
        inside = error_m < [fix["ellipse"]["semi_major_m"] for fix in fixes]
        assert inside.mean() > 0.7
        buildings = client.get("/api/v1/scenes/munich/buildings.geojson").json()
        assert len(buildings["features"]) > 500
        cells = client.get("/api/v1/scenes/munich/cells.geojson").json()
        assert 15 <= len(cells["features"]) <= 21
