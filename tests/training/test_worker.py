from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from rayfix.model.artefact import load_model
from rayfix.training.config import load_training_config
from rayfix.training.train import Run
from rayfix.training.worker import Worker

Write = Callable[..., Path]
ROOT = Path(__file__).parents[2]

STEPS = """
import sys
from pathlib import Path
import torch
from rayfix.training.config import load_training_config
from rayfix.training.train import Run
from rayfix.training.worker import Worker
path, worker = Path(sys.argv[1]), Worker.join()
run = Run(load_training_config(path), path, worker)
for step in range(2):
    run.step(step)
torch.save(run.network.state_dict(), Path(sys.argv[2]) / f"{worker.rank}.pt")
worker.leave()
"""


def torchrun(*command: str) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, *command], env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True,
        text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def test_processes_take_the_same_steps_on_the_mean_of_their_gradients(
    run_file: Write, tmp_path: Path
) -> None:
    path = run_file(clip_norm=1e9)
    script = tmp_path / "steps.py"
    script.write_text(STEPS)
    torchrun(str(script), str(path), str(tmp_path))
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=0, atol=0)

    # The same by hand, one process after the other.
    runs = [Run(load_training_config(path), path, Numbered(rank)) for rank in (0, 1)]
    for step in range(2):
        for run in runs:
            run.optimiser.step = lambda *_: None  # type: ignore[method-assign, assignment]
            run.step(step)
        for one, other in zip(*(run.network.parameters() for run in runs), strict=True):
            if one.grad is not None and other.grad is not None:
                one.grad = other.grad = (one.grad + other.grad) / 2.0
        for run in runs:
            torch.optim.AdamW.step(run.optimiser)
    for name, value in runs[0].network.state_dict().items():
        torch.testing.assert_close(first[name], value, rtol=1e-3, atol=2e-5)


class Numbered(Worker):
    """One of two processes, as far as its batches go."""

    def __init__(self, rank: int) -> None:
        super().__init__(rank, 1)

    def number(self, step: int) -> int:
        return 2 * step + self.rank


def test_torchrun_trains_and_writes_one_model(run_file: Write) -> None:
    path = run_file("two.yaml")
    torchrun(
        "--no-python", str(Path(sys.executable).with_name("rayfix")), "train", "--config", str(path)
    )
    config = load_training_config(path)
    model = load_model(config.models_dir / config.name)
    assert model.metrics["steps"] == 6
