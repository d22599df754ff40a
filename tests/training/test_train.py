from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from rich.progress import Progress
from tests.training.conftest import town_dataset, write_scene

from rayfix.errors import ArtefactError, ConfigError, InvalidInputError
from rayfix.measurement.dataset_file import save_dataset
from rayfix.model.artefact import load_model
from rayfix.model.calibration import Calibrations
from rayfix.training.config import load_training_config
from rayfix.training.losses import NonFiniteLossError
from rayfix.training.train import Run, schedule, train

Write = Callable[..., Path]


def test_a_run_writes_a_model_that_loads(run_file: Write) -> None:
    folder = train(run_file(), show_progress=False)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["training"]["name"] == "tiny"
    model = load_model(folder)
    assert model.config.scenes == ("town",)
    assert model.metrics["steps"] == 6
    history = model.metrics["history"]
    assert isinstance(history, list) and [entry["step"] for entry in history] == [3.0, 6.0]
    assert model.config.calibration != Calibrations()
    assert "tiny" in (folder / "MODEL_CARD.md").read_text()


def test_a_killed_run_resumes_to_the_same_weights(run_file: Write) -> None:
    whole = load_model(train(run_file("whole.yaml"), show_progress=False))

    path = run_file("killed.yaml")
    run = Run(load_training_config(path), path)
    for step in range(3):
        terms = run.step(step)
        run.state.step += 1
    run.validate(terms, Progress(disable=True))
    run.save()
    again = load_model(train(path, show_progress=False))
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], value, rtol=0, atol=0)


def test_loss_falls(run_file: Write) -> None:
    path = run_file(steps=60, learning_rate=3e-3, warmup_steps=1)
    run = Run(load_training_config(path), path)
    losses = [float(run.step(step).total.detach()) for step in range(60)]
    assert sum(losses[-15:]) < sum(losses[:15]) - 15 * 0.1


def test_nan_stops_the_run_and_says_where(run_file: Write) -> None:
    path = run_file()
    run = Run(load_training_config(path), path)
    with torch.no_grad():
        run.network.fusion.logit.bias.fill_(float("nan"))
    with pytest.raises(NonFiniteLossError, match=r"step 4.*coarse"):
        run.step(4)


def test_checkpoint_of_another_configuration_is_refused(run_file: Write) -> None:
    path = run_file()
    run = Run(load_training_config(path), path)
    run.save()
    document = yaml.safe_load(path.read_text())
    document["training"]["learning_rate"] = 0.5
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ArtefactError, match="another configuration"):
        Run(load_training_config(path), path)


def test_damaged_checkpoint_is_refused(run_file: Write) -> None:
    path = run_file()
    config = load_training_config(path)
    config.checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(ArtefactError, match="cannot be read"):
        Run(config, path)


def test_patience_ends_a_run_that_does_not_improve(run_file: Write) -> None:
    path = run_file(steps=50, validate_every=1, patience=2, learning_rate=1e-9)
    metrics = load_model(train(path, show_progress=False)).metrics
    assert isinstance(metrics["steps"], int) and metrics["steps"] < 50


@pytest.mark.parametrize(
    ("section", "key"),
    [("training", "learning_rat"), ("network", "depth"), ("data", "tran"), ("physics_loss", "lam")],
)
def test_unknown_keys_are_refused_by_name(run_file: Write, section: str, key: str) -> None:
    path = run_file()
    document = yaml.safe_load(path.read_text())
    document[section][key] = 1
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match=rf"{section}\.{key}: no such key"):
        load_training_config(path)


def test_unknown_condition_is_refused(run_file: Write) -> None:
    path = run_file()
    document = yaml.safe_load(path.read_text())
    document["data"]["condition_weights"] = {"rainy": 1.0}
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match="rainy"):
        Run(load_training_config(path), path)


def test_dataset_of_another_scene_is_refused(run_file: Write, tmp_path: Path) -> None:
    path = run_file()
    save_dataset(town_dataset(8, 1, scene="village"), tmp_path / "town" / "train.zarr")
    with pytest.raises(InvalidInputError, match=r"village.*town"):
        Run(load_training_config(path), path)


def test_steps_take_turns_in_several_scenes(run_file: Write, tmp_path: Path) -> None:
    path = run_file(steps=4, validate_every=2)
    write_scene(tmp_path, "village", 10)
    document = yaml.safe_load(path.read_text())
    del document["scene"]
    document["scenes"] = ["town", "village"]
    path.write_text(yaml.safe_dump(document))
    run = Run(load_training_config(path), path)
    drawn = {name: 0 for name in ("town", "village")}
    for scene in run.scenes:
        draw = scene.sampler.draw

        def counted(step: int, name: str = scene.name, draw: Any = draw) -> Any:
            drawn[name] += 1
            return draw(step)

        scene.sampler.draw = counted  # type: ignore[method-assign]
    for step in range(4):
        run.step(step)
    assert drawn == {"town": 2, "village": 2}
    model = load_model(train(path, show_progress=False))
    assert model.config.scenes == ("town", "village")
    history = model.metrics["history"]
    assert isinstance(history, list)
    assert {"town standard/1/median_m", "village hard/4/p90_m"} <= set(history[0])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"scene": None, "scenes": ["town", "village"]}, r"data\.train: .*\{scene\}"),
        ({"scenes": ["town"]}, "either scene or scenes"),
        ({"scene": None, "scenes": ["town", "town"]}, "twice"),
        ({"scene": None, "scenes": []}, "scenes"),
    ],
)
def test_scenes_and_their_files_must_fit(
    run_file: Write, tmp_path: Path, change: dict[str, Any], match: str
) -> None:
    path = run_file()
    document = yaml.safe_load(path.read_text())
    document["data"]["train"] = str(tmp_path / "town" / "train.zarr")
    document = {k: v for k, v in {**document, **change}.items() if v is not None}
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match=match):
        load_training_config(path)


def test_the_shipped_configuration_is_valid() -> None:
    root = Path(__file__).resolve().parents[2]
    config = load_training_config(root / "configs" / "model.yaml")
    assert config.lambda_phys == 0.1


def test_schedule_warms_up_and_decays() -> None:
    rates = [schedule(step, 10, 100) for step in range(101)]
    assert rates[0] == 0.1 and max(rates) == rates[9] == 1.0
    assert all(later <= earlier for earlier, later in pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(0.02)
