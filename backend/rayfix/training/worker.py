"""The processes of a training run: one, or those that `torchrun` started, and their devices.

Each process draws batches of its own; gradients are averaged, so that all take the same step from
the same weights (synchronous data parallelism). The first one validates and writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn


@dataclass(frozen=True)
class Worker:
    """One process of a run.

    Attributes:
        rank: its number; 0 leads.
        size: how many there are.
        device: what it computes on: its own GPU where there are any.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable

    @classmethod
    def join(cls) -> Worker:
        """The process as `torchrun` started it (RANK, LOCAL_RANK, WORLD_SIZE), or the only one.

        On a GPU, matrix products run in mixed precision from here on: TF32 factors, float32 sums.
        Everything else stays float32, because residuals are differences of large numbers.
        """
        device = torch.device("cpu")
        if torch.cuda.is_available():
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(device)
            torch.set_float32_matmul_precision("high")
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(int(os.environ.get("RANK", "0")), size, device)

    @property
    def leads(self) -> bool:
        """Whether this process validates, shows progress and writes."""
        return self.rank == 0

    def number(self, step: int) -> int:
        """What the random numbers of this process follow from at a step: no two share one."""
        return step * self.size + self.rank

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes; in one message."""
        if self.size == 1:
            return
        every = [p for p in parameters if p.requires_grad]
        flat = torch.cat(
            [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in every]
        )
        dist.all_reduce(flat)
        flat /= self.size
        for p, mean in zip(every, torch.split(flat, [p.numel() for p in every]), strict=True):
            p.grad = mean.view_as(p)

    def told(self, value: float) -> float:
        """The leader's value, in every process; all wait for it."""
        if self.size == 1:
            return value
        message = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(message, src=0)
        return float(message)

    def leave(self) -> None:
        """End the group; nothing for a process of its own."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()
