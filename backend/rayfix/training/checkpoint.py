"""Checkpoints: everything that a killed run needs to go on to the same losses."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rayfix.errors import ArtefactError

FORMAT = 1


@dataclass
class RunState:
    """Where a run stands.

    Attributes:
        step: steps done.
        best_error_m: best validation error so far (`ValidationScore.error_m`) [m].
        best_weights: the network at that validation.
        worse: validations since then.
        seconds: time spent training.
        history: one entry per validation.
    """

    step: int = 0
    best_error_m: float = float("inf")
    best_weights: dict[str, Tensor] | None = None
    worse: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


def save_checkpoint(
    path: Path,
    fingerprint: str,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    state: RunState,
) -> None:
    """Write a checkpoint, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    document = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "state": vars(state),
    }
    try:
        torch.save(document, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(
    path: Path, fingerprint: str, network: nn.Module, optimiser: torch.optim.Optimizer
) -> RunState:
    """Continue from a checkpoint, or start anew where there is none.

    Only tensors and plain values are read (`weights_only`): a checkpoint cannot run code.

    Raises:
        ArtefactError: it is damaged, or of a run with another configuration.
    """
    if not path.exists():
        return RunState()
    try:
        document: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        found = (document["format"], document["fingerprint"])
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise ArtefactError(path, f"the checkpoint cannot be read ({error})") from None
    if found != (FORMAT, fingerprint):
        raise ArtefactError(
            path, "belongs to a run with another configuration; remove it or name another file"
        )
    network.load_state_dict(document["network"])
    optimiser.load_state_dict(document["optimiser"])
    return RunState(**document["state"])
