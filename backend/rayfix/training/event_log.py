"""TensorBoard event files of a run: `tensorboard --logdir FOLDER` draws them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rayfix.errors import MissingExtraError


class EventLog:
    """Writes one event per quantity and validation.

    Args:
        folder: where; events of an interrupted run there are continued.
        step: steps done; TensorBoard hides what an interrupted run wrote beyond it.
    Raises:
        MissingExtraError: tensorboard is not installed (extra `train`).
    """

    def __init__(self, folder: Path, step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise MissingExtraError(
                "training.log_dir needs tensorboard: pip install 'rayfix[train]'"
            ) from None
        writer: Any = SummaryWriter  # untyped
        self.writer = writer(str(folder), purge_step=step + 1 if step else None)

    def write(self, entry: Mapping[str, float]) -> None:
        """Write an entry of the run's history; it is on disk on return."""
        for key, value in entry.items():
            if key != "step":
                loss = key.removeprefix("loss_")
                tag = f"validation/{key}" if loss == key else f"loss/{loss}"
                self.writer.add_scalar(tag, value, int(entry["step"]))
        self.writer.flush()

    def close(self) -> None:
        """Close the file."""
        self.writer.close()
