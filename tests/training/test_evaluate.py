from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.training.conftest import ROOT, town_dataset, write_run, write_scene
from typer.testing import CliRunner

from rayfix.cli import app
from rayfix.errors import InvalidInputError
from rayfix.measurement.dataset_file import save_dataset
from rayfix.model.artefact import EVALUATION
from rayfix.training.evaluate import CONDITIONS, evaluate, markdown_table
from rayfix.training.plots import draw_evaluation
from rayfix.training.train import train

KEYS = {
    "condition", "reports", "method", "median_m", "p67_m", "p90_m", "p95_m", "rmse_m", "within_5m",
    "within_10m", "within_20m", "inside_68", "inside_95", "ms_per_fix", "n",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    train(write_run(folder), show_progress=False)
    save_dataset(town_dataset(40, 9, ("nominal", "perturbed")), folder / "test.zarr.zip")
    return folder


def test_table(folder: Path) -> None:
    result = CliRunner().invoke(
        app,
        [
            "evaluate", "--model", "tiny", "--json", "--dataset", str(folder / "test.zarr.zip"),
            "--models-dir", str(folder / "models"), "--radio-maps-dir", str(folder / "radio_maps"),
            "--conditions", str(ROOT / "configs" / "conditions.yaml"),
            "--output", str(folder / "table.md"),
        ],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert all(set(row) == KEYS for row in rows)
    # The town records four reports, so that there are no rows of ten.
    assert [row["condition"] for row in rows[::7]] == list(CONDITIONS)
    by_method = {row["method"]: row for row in rows if row["condition"] == "standard"}
    assert list(by_method) == [
        "strongest_cell", "knn", "grid_posterior", "grid_mode", "grid_trusting", "transformer",
        "transformer_refined",
    ]  # fmt: skip
    assert by_method["grid_posterior"]["median_m"] < 4.0
    assert by_method["transformer_refined"]["median_m"] < 4.0
    assert by_method["strongest_cell"]["median_m"] > by_method["knn"]["median_m"]
    for row in rows:
        assert row["median_m"] <= row["p67_m"] <= row["p90_m"] <= row["p95_m"]
        assert row["within_5m"] <= row["within_10m"] <= row["within_20m"] <= 1.0
        assert row["n"] == 40 and row["ms_per_fix"] > 0
    assert (folder / "table.md").read_text().count("\n") == 2 + len(rows)


def test_the_same_run_gives_the_same_errors(folder: Path) -> None:
    def errors() -> list[float]:
        rows = evaluate(
            "tiny", folder / "test.zarr.zip", models_dir=folder / "models",
            radio_maps_dir=folder / "radio_maps",
            conditions_path=ROOT / "configs" / "conditions.yaml", limit=20, show_progress=False,
        )  # fmt: skip
        assert markdown_table(rows).count("| standard | 1 |") == 7
        return [row.median_m for row in rows]

    assert errors() == errors()


def test_dataset_of_another_scene_is_refused(folder: Path) -> None:
    save_dataset(town_dataset(5, 1, scene="village"), folder / "other.zarr.zip")
    with pytest.raises(InvalidInputError, match=r"village.*town"):
        evaluate(
            "tiny", folder / "other.zarr.zip", models_dir=folder / "models",
            radio_maps_dir=folder / "radio_maps",
            conditions_path=ROOT / "configs" / "conditions.yaml", show_progress=False,
        )  # fmt: skip


def test_a_recorded_evaluation_is_plotted(folder: Path, tmp_path: Path) -> None:
    evaluate(
        "tiny", folder / "test.zarr.zip", models_dir=folder / "models", record=True, limit=10,
        radio_maps_dir=folder / "radio_maps",
        conditions_path=ROOT / "configs" / "conditions.yaml", show_progress=False,
    )  # fmt: skip
    document = json.loads((folder / "models" / "tiny" / EVALUATION).read_text())
    plots = draw_evaluation(document, tmp_path)
    assert len({path for _, path in plots}) == 4
    for _, path in plots:
        assert path.read_text().rstrip().endswith("</svg>")


def test_a_model_answers_in_another_scene_when_asked(folder: Path) -> None:
    write_scene(folder, "village", 20)
    worlds = ("nominal", "perturbed")
    save_dataset(town_dataset(30, 3, worlds, scene="village"), folder / "village.zarr.zip")
    rows = evaluate(
        "tiny", folder / "village.zarr.zip", "village", models_dir=folder / "models",
        radio_maps_dir=folder / "radio_maps",
        conditions_path=ROOT / "configs" / "conditions.yaml", show_progress=False,
    )  # fmt: skip
    assert all(row.n == 30 for row in rows)
