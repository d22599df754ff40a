"""Data cards: sane datasets pass, broken ones fail by the check that names the rule."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rayfix.cli import app
from rayfix.errors import InvalidInputError
from rayfix.measurement.card import card_folder, write_card
from rayfix.measurement.card_checks import check_dataset, geometry, slope_per_20_log10
from rayfix.measurement.dataset import Dataset, DatasetWorld
from rayfix.measurement.dataset_file import load_dataset, save_dataset

from .free_space import CELLS, propagation

ROOT = Path(__file__).parents[2]
CONDITIONS = ROOT / "configs/conditions.yaml"


def dataset(with_detail: bool = False) -> Dataset:
    """Still phones in free space, under sectors of TR 38.901."""
    last = np.random.default_rng(0).uniform(-220, 220, (150, 1, 2))
    paths = propagation(np.repeat(last, 3, axis=1), with_detail=with_detail)
    straight = geometry(paths.xy_m_BT2, np.full((150, 3), 1.5), CELLS)
    paths = replace(paths, path_gain_db_BTC=straight.friis_db.astype(np.float32))
    return Dataset("plain", np.zeros(150, int), {"nominal": DatasetWorld(CELLS, paths)})


def changed(data: Dataset, **arrays: np.ndarray) -> Dataset:
    world = data.worlds["nominal"]
    return replace(
        data, worlds={"nominal": DatasetWorld(CELLS, replace(world.propagation, **arrays))}
    )


def failed(data: Dataset) -> set[str]:
    height = np.full(data.xy_m_ST2.shape[:2], 1.5)
    return {check.name.removeprefix("nominal: ") for check in check_dataset(data, height)
            if not check.passed}  # fmt: skip


@pytest.mark.parametrize("with_detail", [False, True])
def test_free_space_passes_every_check(with_detail: bool) -> None:
    assert failed(dataset(with_detail)) == set()


def test_what_breaks_physics_fails_by_name() -> None:
    data = dataset(with_detail=True)
    paths = data.worlds["nominal"].propagation
    early = paths.toa_ns_BTC - np.float32(2)
    assert failed(changed(data, toa_ns_BTC=early)) == {"ToA against distance", "line of sight ToA"}
    assert failed(changed(data, toa_ns_BTC=paths.toa_ns_BTC + 5)) == {"line of sight ToA"}
    steeper = paths.path_gain_db_BTC * np.float32(1.4) + 32
    assert "free-space slope of the line of sight" in failed(
        changed(data, path_gain_db_BTC=steeper)
    )
    louder = paths.path_gain_db_BTC + 10
    assert failed(changed(data, path_gain_db_BTC=louder)) == {
        "free-space level of the line of sight"
    }
    faint = paths.path_gain_db_BTC.copy()
    faint[0, 0, 0] = -150
    assert "RSRP within the detection range" in failed(changed(data, path_gain_db_BTC=faint))
    turned = (paths.aoa_deg_BTC + 20) % 360
    assert failed(changed(data, aoa_deg_BTC=turned)) == {"line of sight AoA"}
    assert paths.detail is not None
    mirrored = replace(paths.detail, arrival_azimuth_deg=paths.detail.departure_azimuth_deg)
    assert failed(changed(data, detail=mirrored)) == {"line of sight departure and arrival"}
    assert failed(replace(data, motion_S=np.ones(150, int))) == {"speed of each motion class"}


def test_the_slope_is_that_of_the_exponent() -> None:
    distance = np.random.default_rng(1).uniform(20, 400, 3000)
    for exponent in (2.0, 3.5):
        gain = -10 * exponent * np.log10(distance)
        assert slope_per_20_log10(gain, distance, alone=True) == pytest.approx(
            -exponent / 2, abs=0.02
        )


def test_the_card_has_tables_and_pictures(tmp_path: Path) -> None:
    path = save_dataset(dataset(with_detail=True), tmp_path / "few.zarr.zip")
    result = CliRunner().invoke(
        app, ["dataset", "card", str(path), "--json", "--conditions", str(CONDITIONS)]
    )
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["passed"] and len(document["checks"]) == 8
    folder = card_folder(path)
    assert folder == tmp_path / "few-card"
    text = (folder / "card.md").read_text()
    for part in ("150 sequences of 3 reports", "K-factor [dB]", "| rsrp_dbm | 80 % |"):
        assert part in text, part
    for name in ("rsrp", "toa", "aoa", "cells", "motion", "gain-distance", "beams"):
        assert f"({name}.png)" in text
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    # A card is replaced as a whole, and a failed check shows in text and exit code.
    broken = load_dataset(path)
    paths = broken.worlds["nominal"].propagation
    save_dataset(changed(broken, toa_ns_BTC=paths.toa_ns_BTC - 9), path)
    result = CliRunner().invoke(
        app, ["dataset", "card", str(path), "--conditions", str(CONDITIONS)]
    )
    assert result.exit_code == 1
    assert "FAIL  nominal: ToA against distance" in result.output
    assert "**FAIL**" in (folder / "card.md").read_text()


def test_an_unknown_condition_is_refused(tmp_path: Path) -> None:
    path = save_dataset(dataset(), tmp_path / "few.zarr.zip")
    with pytest.raises(InvalidInputError, match=r"no 'harsh'.*clean, standard"):
        write_card(path, condition="harsh", conditions_path=CONDITIONS)
    assert not card_folder(path).exists()
