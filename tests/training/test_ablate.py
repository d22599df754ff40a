from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.training.conftest import town_dataset, write_run

import rayfix.training.ablate as module
from rayfix.errors import ConfigError
from rayfix.measurement.dataset_file import save_dataset
from rayfix.training.ablate import ablate
from rayfix.training.ablation_config import changed
from rayfix.training.ablation_report import BEGIN, END, paired_difference


def write_ablation(folder: Path, **keys: Any) -> Path:
    run = write_run(folder)
    worlds = ("nominal", "perturbed")
    save_dataset(town_dataset(40, 9, worlds), folder / "test.zarr.zip")
    (folder / "report.md").write_text(f"# Before\n\n{BEGIN}\nyesterday\n{END}\n\nAfter\n")
    ablation = {
        "base": str(run), "folder": str(folder / "ablation"), "steps": 3, "scene": "town",
        "test": str(folder / "test.zarr.zip"), "conditions": ["standard"], "reports": [1, 4],
        "cells": [3, 8], "resamples": 100, "report": str(folder / "report.md"),
        "images": str(folder / "images"),
        "variants": {
            "base": {"title": "base"},
            "lambda-0": {"title": "no physics", "change": {"physics_loss": {"lambda_phys": 0.0}}},
        },
        **keys,
    }  # fmt: skip
    path = folder / "ablation.yaml"
    path.write_text(yaml.safe_dump(ablation))
    return path


def test_variants_are_trained_tested_and_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_ablation(tmp_path)
    report = ablate(path, show_progress=False)
    text = report.read_text()
    assert text.startswith("# Before\n") and text.endswith("\nAfter\n") and "yesterday" not in text
    for row in (
        "standard, 1 report, 8 cells",
        "standard, 1 report, 3 cells",
        "standard, 4 reports",
    ):
        assert text.count(f"| {row}") == 2  # median and P90
    assert "4 reports, 3 cells" not in text
    assert "(images/accuracy-ablation.svg)" in text
    assert (tmp_path / "images" / "accuracy-ablation.svg").read_text().startswith("<?xml")

    def never(*_: object) -> None:
        raise AssertionError("a finished variant was run again")

    monkeypatch.setattr(module, "train", never)
    monkeypatch.setattr(module, "_errors_m", never)
    assert ablate(path, show_progress=False).read_text() == text
    with pytest.raises(ConfigError, match=r"'base' was trained with another configuration"):
        ablate(write_ablation(tmp_path, steps=4), show_progress=False)


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        ({"conditions": ["rainy"]}, "rainy"),
        ({"variants": {"a": {"title": "a"}, "b": {"title": "b", "against": "c"}}}, "'c'"),
        ({"variants": {"a": {"title": "a", "change": {"network": {"dept": 1}}}}}, r"network\.dept"),
        ({"base": "nowhere.yaml"}, "nowhere"),
    ],
)
def test_what_breaks_a_rule_is_named_before_training(
    tmp_path: Path, keys: dict[str, Any], match: str
) -> None:
    with pytest.raises(ConfigError, match=match):
        ablate(write_ablation(tmp_path, **keys), show_progress=False)


def test_a_report_without_markers_is_refused_before_training(tmp_path: Path) -> None:
    path = write_ablation(tmp_path)
    (tmp_path / "report.md").write_text("nothing")
    with pytest.raises(ConfigError, match="ablation: begin"):
        ablate(path, show_progress=False)
    assert not (tmp_path / "ablation").exists()


def test_pairs_cancel_what_is_hard_for_both() -> None:
    random = np.random.default_rng(1)
    hard = random.lognormal(1.0, 1.0, 400)
    better = (0.9 * hard * random.uniform(0.95, 1.05, 400)).tolist()
    paired = paired_difference(better, hard.tolist(), 0.5, 500)
    shuffled = paired_difference(better, random.permutation(hard).tolist(), 0.5, 500)
    assert paired.clear and paired.value_m < 0
    assert paired.high_m - paired.low_m < 0.5 * (shuffled.high_m - shuffled.low_m)
    same = paired_difference(better, better, 0.9, 100)
    assert (same.value_m, same.low_m, same.high_m, same.clear) == (0, 0, 0, False)


def test_nested_keys_change_and_scenes_replace_the_scene() -> None:
    base = {"scene": "munich", "data": {"train": "a", "validation": "b"}, "seed": 1}
    merged = changed(base, {"scenes": ["x"], "data": {"train": "c"}})
    assert merged == {"scenes": ["x"], "data": {"train": "c", "validation": "b"}, "seed": 1}
