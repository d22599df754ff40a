"""A small served town: a real (untrained) network and an analytic radio map, on disk.

town_settings   settings of a service in a folder of its own (not started)
town            what is in the town: its radio map and reports of it
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.model.town import CELLS, SMALL, paths, town_map

from rayfix.config import Settings
from rayfix.files import write_text_whole
from rayfix.live.record import FixRecord, new_fix_id
from rayfix.measurement.conditions import load_conditions
from rayfix.model.artefact import Model, ModelConfig, save_model
from rayfix.model.network import LocatorNetwork
from rayfix.physics.noise import NoiseModel
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import save_radio_map
from rayfix.scene.cell import CellIdentity

torch.set_num_threads(1)
ROOT = Path(__file__).parents[1]

BUILDINGS = (
    '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"height_m":15},'
    '"geometry":{"type":"Polygon","coordinates":[[[11.0,48.0],[11.001,48.0],[11.0,48.001],'
    "[11.0,48.0]]]}}]}"
)
ROADS = (
    '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"highway":"primary",'
    '"name":"High Street"},"geometry":{"type":"LineString","coordinates":[[11.0,48.0],'
    "[11.001,48.0]]}}]}"
)


@dataclass(frozen=True)
class Town:
    """The town's radio map and the folders it is served from."""

    radio_map: RadioMap
    models_dir: Path
    radio_maps_dir: Path

    def report(self, x_m: float, y_m: float, time: float | str = 0.0) -> dict[str, Any]:
        """A report without errors at a place, as JSON."""
        gain, toa, aoa = (p[0] for p in paths(np.array([[x_m, y_m]])))
        strongest = np.argsort(-gain)[:6]
        cells = self.radio_map.cells
        return {
            "time": time,
            "cells": [
                {
                    "cell_id": cells[i].cell_id,
                    "rsrp_dbm": round(gain[i] + cells[i].energy_per_resource_element_dbm, 1),
                    "toa_ns": round(toa[i], 1),
                    "aoa_deg": round(aoa[i], 1),
                }
                for i in strongest
            ],
        }


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    folder = tmp_path_factory.mktemp("town")
    cells = tuple(
        cell.model_copy(
            update={"identity": CellIdentity(mcc="262", mnc="01", tac=7, cell_identity=1000 + i)}
        )
        for i, cell in enumerate(CELLS)
    )
    radio_map = replace(town_map(), cells=cells)
    map_folder = folder / "radio_maps" / "town"
    write_text_whole(map_folder / "buildings.geojson", BUILDINGS)
    write_text_whole(map_folder / "roads.geojson", ROADS)
    save_radio_map(map_folder, radio_map)
    torch.manual_seed(7)
    condition = load_conditions(ROOT / "configs" / "conditions.yaml").conditions["standard"]
    config = ModelConfig(
        name="town", scenes=("town",), network=SMALL, noise=NoiseModel.from_condition(condition)
    )
    save_model(folder / "models" / "town", Model(LocatorNetwork(SMALL), config, {}), "# Town\n")
    return Town(radio_map, folder / "models", folder / "radio_maps")


@pytest.fixture
def town_settings(town: Town, tmp_path: Path) -> Settings:
    return settings_of(town, tmp_path)


def settings_of(town: Town, folder: Path) -> Settings:
    """Settings of a service of the town that writes below a folder."""
    frontend = folder / "console"
    write_text_whole(frontend / "index.html", "<!doctype html><title>RayFix</title>")
    write_text_whole(frontend / "assets" / "index-abc123.js", "console.log(1)")
    return Settings(
        _env_file=None,
        models_dir=town.models_dir,
        radio_maps_dir=town.radio_maps_dir,
        model="town",
        scenes=("town",),
        device="cpu",
        threads=1,
        live_log=folder / "live.sqlite",
        frontend_dir=frontend,
        keys_file=folder / "keys.json",
    )


@pytest.fixture
def make_record() -> Callable[..., FixRecord]:
    def make(
        ue_id: str | None = "ue-1",
        time_s: float = 1000.0,
        received_s: float | None = None,
        lon: float = 11.57,
        lat: float = 48.13,
        detail: str = '{"reply":{}}',
    ) -> FixRecord:
        return FixRecord(
            fix_id=new_fix_id(), ue_id=ue_id, scene="munich", time_s=time_s,
            received_s=time.time() if received_s is None else received_s, lat=lat, lon=lon,
            accuracy_m=4.5, confidence=0.9, semi_major_m=6.0, semi_minor_m=3.0,
            orientation_deg=30.0, ellipse_confidence=0.95, detail=detail,
        )  # fmt: skip

    return make
