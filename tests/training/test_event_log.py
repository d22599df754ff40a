"""TensorBoard event files of a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rayfix.errors import MissingExtraError
from rayfix.training.config import load_training_config
from rayfix.training.train import Run, train

Write = Callable[..., Path]


def test_events_hold_the_history_of_the_run(run_file: Write, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = train(run_file(log_dir=str(tmp_path / "events")), show_progress=False)
    history = json.loads((folder / "metrics.json").read_text())["history"]
    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    for tag, key in (
        ("loss/total", "loss_total"),
        ("loss/physics", "loss_physics"),
        ("validation/standard/1/median_m", "standard/1/median_m"),
        ("validation/hard/4/p90_m", "hard/4/p90_m"),
    ):
        found = {event.step: event.value for event in events.Scalars(tag)}
        assert found == pytest.approx({int(e["step"]): e[key] for e in history}, rel=1e-6)


def test_without_tensorboard_the_run_says_what_to_install(
    run_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    path = run_file(log_dir=str(tmp_path / "events"))
    with pytest.raises(MissingExtraError, match=r"rayfix\[train\]"):
        Run(load_training_config(path), path)
