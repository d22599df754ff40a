"""`rayfix ablate --config configs/ablation.yaml`: variants of a run, trained, tested, compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from rich.progress import track

from rayfix.errors import ConfigError
from rayfix.files import MANIFEST, write_text_whole
from rayfix.measurement.conditions import Condition, load_conditions
from rayfix.measurement.dataset import Dataset, aligned_with
from rayfix.measurement.dataset_file import load_dataset
from rayfix.model.artefact import load_model
from rayfix.model.positioning import ModelOnMap
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.store import load_radio_map
from rayfix.training.ablation_config import (
    AblationConfig,
    VariantConfig,
    changed,
    load_ablation_config,
)
from rayfix.training.ablation_report import Errors, check_report, write_report
from rayfix.training.config import load_training_config
from rayfix.training.evaluate import CONDITIONS, ask, draw_test
from rayfix.training.methods import model_methods
from rayfix.training.train import train

METHOD = "transformer_refined"


def ablate(config_path: Path, show_progress: bool = True) -> Path:
    """Train and test every variant that is not finished yet, and write the report.

    Returns:
        The report's file.
    Raises:
        ConfigError: the configuration, or a variant's, breaks a rule; named.
        ArtefactError, InvalidInputError: as `train` and `evaluate`.
    """
    config = load_ablation_config(config_path)
    for name in config.conditions:
        if name not in CONDITIONS:
            raise ConfigError(
                config_path, f"conditions: no condition '{name}' (known: {', '.join(CONDITIONS)})"
            )
    check_report(config)
    runs = {name: _run_file(config, name, config_path) for name in config.variants}
    for name, run in runs.items():
        run_config = load_training_config(run)
        if not (run_config.models_dir / name / MANIFEST).exists():
            train(run, show_progress)
    errors = {name: _test(config, name, run, show_progress) for name, run in runs.items()}
    return write_report(config, errors)


def _run_file(config: AblationConfig, name: str, config_path: Path) -> Path:
    """Write the training configuration of a variant; a finished model of another one is refused."""
    try:
        base = yaml.safe_load(config.base.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(config_path, f"base: {config.base} is missing") from None
    variant: VariantConfig = config.variants[name]
    own: dict[str, Any] = {
        "name": name,
        "models_dir": str(config.folder / "models"),
        "checkpoint": str(config.folder / f"{name}.checkpoint.pt"),
        "training": {"steps": config.steps},
    }
    text = yaml.safe_dump(changed(changed(base, variant.change), own), sort_keys=False)
    path = config.folder / f"{name}.yaml"
    started = path.exists() and path.read_text(encoding="utf-8") != text
    if started and (config.folder / "models" / name).exists():
        raise ConfigError(
            path, f"variant '{name}' was trained with another configuration; remove {config.folder}"
        )
    write_text_whole(path, text)
    load_training_config(path)
    return path


def _test(config: AblationConfig, name: str, run: Path, show_progress: bool) -> Errors:
    """Errors [m] of a variant in every setting, from its file where that is still true."""
    run_config = load_training_config(run)
    model_folder = run_config.models_dir / name
    fingerprint = hashlib.sha256(
        "\n".join(
            (
                (model_folder / MANIFEST).read_text(encoding="utf-8"),
                json.dumps(config.settings),
                f"{config.scene} {config.test}",
            )
        ).encode()
    ).hexdigest()
    path = config.folder / f"{name}.errors.json"
    if path.exists():
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["fingerprint"] == fingerprint:
            return {tuple(row["setting"]): row["error_m"] for row in document["rows"]}
    radio_map = load_radio_map(run_config.physics_loss.radio_maps_dir / config.scene)
    test = aligned_with(load_dataset(config.test), radio_map.cells, config.scene)
    ready = ModelOnMap.prepare(load_model(model_folder), MapTensors.from_radio_map(radio_map))
    known = load_conditions(run_config.data.conditions).conditions
    errors = {
        setting: _errors_m(ready, test, known, *setting)
        for setting in track(config.settings, f"testing {name}", disable=not show_progress)
    }
    rows = [{"setting": list(setting), "error_m": values} for setting, values in errors.items()]
    write_text_whole(path, json.dumps({"fingerprint": fingerprint, "rows": rows}) + "\n")
    return errors


@torch.no_grad()
def _errors_m(
    ready: ModelOnMap,
    test: Dataset,
    known: Mapping[str, Condition],
    name: str,
    reports: int,
    cells: int,
) -> list[float]:
    """Errors [m] of every sequence under a condition, with so many reports of so many cells.

    The same seeds as `rayfix evaluate`: variants see the same reports, and shorter lists of cells
    are the strongest of longer ones.
    """
    condition = known[name].model_copy(update={"max_cells": cells})
    batch = draw_test(test, condition, name, reports)
    method = model_methods(ready)[(METHOD,)]
    ((_, sample),) = ask(name, reports, (METHOD,), method, batch, condition, test)
    return [round(float(value), 3) for value in sample.error_m_B]
